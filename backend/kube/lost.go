package kube

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	// nodeTimeout is how long a pod is left on a node that the cluster hears nothing of. Its files are in Postgres, so that
	// it need not be waited for as long as for others (Kubernetes' default is five minutes).
	nodeTimeout = 30 * time.Second
	// confirmTimeout is how long after its grace the end of a pod may stay unconfirmed by its node.
	confirmTimeout = 20 * time.Second
)

// tolerations are those of a node that is lost, for as long as it may come back.
func tolerations() []corev1.Toleration {
	seconds := int64(nodeTimeout / time.Second)
	made := make([]corev1.Toleration, 0, 2)
	for _, taint := range []string{corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable} {
		made = append(made, corev1.Toleration{
			Key: taint, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds,
		})
	}
	return made
}

// overdue says when the node of a pod that is being deleted should have confirmed its end; false for a pod that must
// be waited for, however long: another must not write to its volume beside it.
func overdue(pod *corev1.Pod) (at time.Time, ok bool) {
	if pod.DeletionTimestamp == nil {
		return time.Time{}, false
	}
	for i := range pod.Spec.Volumes {
		if pod.Spec.Volumes[i].PersistentVolumeClaim != nil {
			return time.Time{}, false
		}
	}
	return pod.DeletionTimestamp.Add(confirmTimeout), true // which has the grace in it
}

// giveUp deletes pods whose nodes do not confirm their end. Such a node is gone or cut off, and nobody else would say
// so before it is taken out of the cluster: the session would wait as long. Should it come back, its kubelet ends what
// is no more; until then nothing that an agent there does is asked for.
func (r *Runtime) giveUp(ctx context.Context) {
	for {
		pod, over := r.overduePods.Get()
		if over {
			return
		}
		if r.registry.holds(pod.uid) {
			r.cfg.Logger.WarnContext(ctx, "a pod is given up: its node does not confirm its end", "pod", pod.name)
			none := int64(0)
			if err := r.deletePod(ctx, pod.name, pod.uid, &none); err != nil && ctx.Err() == nil {
				r.cfg.Logger.WarnContext(ctx, "a pod on a lost node cannot be deleted; it is tried again", "pod", pod.name, "error", err)
			}
			// Until the watch tells of its end.
			r.overduePods.AddAfter(pod, confirmTimeout)
		}
		r.overduePods.Done(pod)
	}
}
