package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"codingplatform/backend"
)

// settle looks at pods whose gate is there for longer than a start takes. Every replica does it: each step is taken
// for exactly one pod and is harmless when it is taken twice, so that none of them has to be elected.
func (r *Runtime) settle(ctx context.Context) {
	for {
		pod, over := r.gatedPods.Get()
		if over {
			return
		}
		// Nearly all have begun meanwhile, or are gone: the watch has told so, and nothing is asked for.
		if !r.registry.waits(pod.uid) {
			r.gatedPods.Done(pod)
			continue
		}
		if err := r.settlePod(ctx, pod); err != nil && ctx.Err() == nil {
			r.cfg.Logger.WarnContext(ctx, "a pod that nobody lets start cannot be settled; it is tried again", "pod", pod.name, "error", err)
			r.gatedPods.AddAfter(pod, r.cfg.GateTimeout)
		}
		r.gatedPods.Done(pod)
	}
}

// settlePod lets a pod start that has its session, and deletes one that has not.
func (r *Runtime) settlePod(ctx context.Context, found ended) error {
	pod, err := r.client.CoreV1().Pods(r.cfg.Namespace).Get(ctx, found.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return refused("look at the pod", err)
	}
	if pod.UID != found.uid || pod.DeletionTimestamp != nil || !gated(pod) {
		return nil
	}
	has, err := r.hasSession(ctx, pod)
	if err != nil {
		return err
	}
	if has {
		r.cfg.Logger.InfoContext(ctx, "a pod is let start in its maker's stead", "pod", pod.Name)
		_, err := r.open(ctx, pod.Name, pod.UID)
		return err
	}
	r.cfg.Logger.InfoContext(ctx, "a pod that its maker left behind is deleted", "pod", pod.Name)
	none := int64(0)
	return r.deletePod(ctx, pod.Name, pod.UID, &none)
}

// hasSession says whether the session's Secret is the pod's.
func (r *Runtime) hasSession(ctx context.Context, pod *corev1.Pod) (bool, error) {
	secret, err := r.client.CoreV1().Secrets(r.cfg.Namespace).Get(ctx, sessionName(backend.SessionID(pod.Labels[sessionLabel])), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, refused("find the pod's identity", err)
	}
	return owned(secret, pod.UID), nil
}
