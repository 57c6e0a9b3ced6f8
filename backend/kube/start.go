package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"codingplatform/backend"
)

// ungate takes the pod's gate away; no other can be there.
const ungate = `{"spec":{"schedulingGates":null}}`

// Start implements backend.Runtime.
func (r *Runtime) Start(ctx context.Context, spec backend.EnvironmentSpec) (backend.Environment, error) {
	unlock, err := r.locks.lock(ctx, spec.SessionID)
	if err != nil {
		return backend.Environment{}, err
	}
	defer unlock()
	for {
		if pod, env, live := r.registry.live(spec.SessionID); live {
			if env.Phase != backend.EnvironmentStopping {
				return env, nil
			}
			// Its volume is in use until it is gone.
			select {
			case <-r.registry.removed(pod.UID):
			case <-ctx.Done():
				return backend.Environment{}, context.Cause(ctx)
			}
			continue
		}
		pod, err := r.begin(ctx, spec)
		if err != nil {
			return backend.Environment{}, err
		}
		if pod == nil {
			continue // another was there, and is no more
		}
		if r.registry.introduce(pod) {
			r.endedPods.Add(ended{pod.Name, pod.UID})
		}
		r.untoldPods.AddAfter(pod, tellTimeout)
		return environment(pod, stateOf(pod)), nil
	}
}

// begin makes a pod and claims the session for it. Where another pod has the session, that is returned; nil when
// it has just gone.
func (r *Runtime) begin(ctx context.Context, spec backend.EnvironmentSpec) (*corev1.Pod, error) {
	pods := r.client.CoreV1().Pods(r.cfg.Namespace)
	pod, why, err := r.fromPool(ctx, spec)
	switch {
	case errors.Is(err, errOthers):
		return r.other(ctx, spec)
	case err != nil || pod != nil:
		return pod, err
	}
	r.cfg.Logger.InfoContext(ctx, "starting a pod for a session", "session_id", spec.SessionID, "why", why)
	if r.cfg.Volume == VolumeClaim {
		if err := r.makeClaim(ctx, spec.SessionID); err != nil {
			return nil, err
		}
	}
	pod, err = pods.Create(ctx, r.cfg.sessionPod(spec, why), metav1.CreateOptions{})
	if err != nil {
		return nil, refused("make the environment's pod", err)
	}
	identity, err := r.cfg.Identity.IssueAgent(spec.SessionID, backend.EnvironmentID(pod.UID))
	claimed := false
	if err == nil {
		err = r.identify(ctx, pod, identity)
	}
	// Last, so that who finds that the pod has the session may let it start.
	if err == nil {
		claimed, err = r.claimSession(ctx, spec.SessionID, pod)
	}
	if err == nil && claimed {
		pod, err = r.open(ctx, pod.Name, pod.UID)
		if err == nil && pod != nil {
			return pod, nil
		}
	}
	if claimed && err == nil {
		err = backend.Errorf(backend.CodeUnavailable, "the environment's pod was deleted while it started")
	}
	// It never ran. Also when nobody waits any more: a gated pod would stay for ever.
	cleaning := context.WithoutCancel(ctx)
	none := int64(0)
	if pod != nil {
		if derr := r.deletePod(cleaning, pod.Name, pod.UID, &none); derr != nil {
			err = errors.Join(err, fmt.Errorf("delete a pod that is not needed: %w", derr))
		}
	}
	if err != nil {
		return nil, err
	}
	return r.other(ctx, spec)
}

// identify makes the Secret with the identity that the pod's agent starts with. It has the pod's name: were one name
// used again, a node might give a pod what it remembers of the former one.
func (r *Runtime) identify(ctx context.Context, pod *corev1.Pod, identity []byte) error {
	if err := r.createSecret(ctx, pod.Name, pod.Labels, pod, map[string][]byte{identityFile: identity}); err != nil {
		return refused("hand the agent its identity", err)
	}
	return nil
}

// claimSession makes the session's Secret for the pod; false when another pod has it. It holds nothing: that there is
// one of that name is all.
func (r *Runtime) claimSession(ctx context.Context, session backend.SessionID, pod *corev1.Pod) (bool, error) {
	labels := map[string]string{appLabel: appValue, sessionLabel: string(session)}
	err := r.createSecret(ctx, sessionName(session), labels, pod, nil)
	if apierrors.IsAlreadyExists(err) {
		return false, nil
	}
	if err != nil {
		return false, refused("claim the session for its pod", err)
	}
	return true, nil
}

// createSecret makes a Secret that ends with the pod.
func (r *Runtime) createSecret(ctx context.Context, name string, labels map[string]string, pod *corev1.Pod, data map[string][]byte) error {
	yes := true
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: r.cfg.Namespace, Labels: labels,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID, BlockOwnerDeletion: &yes}},
		},
		Immutable: &yes,
		Data:      data,
	}
	_, err := r.client.CoreV1().Secrets(r.cfg.Namespace).Create(ctx, secret, metav1.CreateOptions{})
	return err
}

// open takes a pod's gate away; nil when the pod is gone.
func (r *Runtime) open(ctx context.Context, name string, uid types.UID) (*corev1.Pod, error) {
	patch := fmt.Sprintf(`{"metadata":{"uid":%q},%s`, uid, ungate[1:])
	pod, err := r.client.CoreV1().Pods(r.cfg.Namespace).Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil, nil //nolint:nilnil // gone is no error here, and there is no pod
	}
	if err != nil {
		return nil, refused("let the environment's pod start", err)
	}
	return pod, nil
}

// other returns the pod that has the session, started where its maker did not come to it; nil when there is none
// any more, and nothing is left of it.
func (r *Runtime) other(ctx context.Context, spec backend.EnvironmentSpec) (*corev1.Pod, error) {
	session := spec.SessionID
	secret, err := r.client.CoreV1().Secrets(r.cfg.Namespace).Get(ctx, sessionName(session), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // as said above
	}
	if err != nil {
		return nil, refused("find the session's environment", err)
	}
	if len(secret.OwnerReferences) == 1 {
		owner := secret.OwnerReferences[0]
		pod, err := r.client.CoreV1().Pods(r.cfg.Namespace).Get(ctx, owner.Name, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, refused("find the session's environment", err)
		}
		if err == nil && pod.UID == owner.UID && pooled(pod) {
			// Who made the Secret did not come to take the pod, or is about to.
			if pod, err = r.take(ctx, pod, spec); err != nil || pod != nil {
				return pod, err
			}
			return nil, r.deleteSecret(ctx, secret)
		}
		// A Secret that was made for a pod which another session then got says nothing of that pod.
		if err == nil && pod.UID == owner.UID && sessionOf(pod) == session {
			switch s := stateOf(pod); {
			case s.phase != backend.EnvironmentEnded && pod.DeletionTimestamp == nil && gated(pod):
				return r.open(ctx, pod.Name, pod.UID)
			case s.phase != backend.EnvironmentEnded && pod.DeletionTimestamp == nil:
				return pod, nil
			}
			removed := r.registry.removed(pod.UID)
			if err := r.deletePod(ctx, pod.Name, pod.UID, nil); err != nil {
				return nil, refused("delete the session's ended pod", err)
			}
			select {
			case <-removed:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
	}
	return nil, r.deleteSecret(ctx, secret)
}

// releaseSecret deletes the session's Secret when it is the pod's: the garbage collector would come later than the
// next start.
func (r *Runtime) releaseSecret(ctx context.Context, session backend.SessionID, uid types.UID) error {
	secret, err := r.client.CoreV1().Secrets(r.cfg.Namespace).Get(ctx, sessionName(session), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return refused("find the environment's identity", err)
	}
	if !owned(secret, uid) {
		return nil
	}
	return r.deleteSecret(ctx, secret)
}

func (r *Runtime) deleteSecret(ctx context.Context, secret *corev1.Secret) error {
	err := r.client.CoreV1().Secrets(r.cfg.Namespace).Delete(ctx, secret.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &secret.UID}})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return refused("delete the identity of an ended environment", err)
	}
	return nil
}

// locks has one lock per session, for this process.
type locks struct {
	mu   sync.Mutex
	held map[backend.SessionID]chan struct{}
}

func (l *locks) lock(ctx context.Context, session backend.SessionID) (unlock func(), err error) {
	for {
		l.mu.Lock()
		if l.held == nil {
			l.held = map[backend.SessionID]chan struct{}{}
		}
		held, taken := l.held[session]
		if !taken {
			mine := make(chan struct{})
			l.held[session] = mine
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				delete(l.held, session)
				close(mine)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-held:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
