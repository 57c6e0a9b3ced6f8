package kube

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"

	"codingplatform/backend"
)

// endTimeout is how long a pod may take to go after its grace is over: its node has to confirm it.
const endTimeout = 30 * time.Second

// tellTimeout is how long the watch may take to tell of a pod that was made.
const tellTimeout = 5 * time.Second

// Runtime implements backend.Runtime by pods.
type Runtime struct {
	cfg      Config
	client   kubernetes.Interface
	registry *registry
	// template is what the pods of the pool are made by.
	template  string
	endedPods workqueue.TypedRateLimitingInterface[ended]
	// gatedPods are to be settled: who made one may have died before it let the pod start.
	gatedPods workqueue.TypedDelayingInterface[ended]
	// overduePods are being deleted, and are given up when their nodes do not confirm their end.
	overduePods workqueue.TypedDelayingInterface[ended]
	// untoldPods are to be asked for unless the watch tells of them.
	untoldPods workqueue.TypedDelayingInterface[*corev1.Pod]
	cancel     context.CancelFunc
	running    sync.WaitGroup
	locks      locks
	// delivering has one delivery of an identity at a time per environment.
	delivering singleflight.Group
}

var _ backend.Runtime = (*Runtime)(nil)

// Find implements backend.Runtime.
func (r *Runtime) Find(_ context.Context, session backend.SessionID) (backend.Environment, error) {
	_, env, found := r.registry.live(session)
	if !found {
		return env, backend.Errorf(backend.CodeNotFound, "the session has no environment")
	}
	return env, nil
}

// List implements backend.Runtime.
func (r *Runtime) List(context.Context) ([]backend.Environment, error) { return r.registry.all(), nil }

// Stop implements backend.Runtime.
func (r *Runtime) Stop(ctx context.Context, session backend.SessionID, id backend.EnvironmentID, grace time.Duration) error {
	uid := types.UID(id)
	pod, env, known := r.registry.get(id)
	if !known {
		// The watch may not have told of it yet.
		pods, err := r.client.CoreV1().Pods(r.cfg.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector + "," + sessionLabel + "=" + string(session)})
		if err != nil {
			return refused("look for the environment's pod", err)
		}
		for i := range pods.Items {
			if pods.Items[i].UID == uid {
				pod, known = &pods.Items[i], true
			}
		}
		if !known {
			return nil
		}
	} else if env.SessionID != session {
		return nil
	}
	removed := r.registry.removed(uid)
	seconds := int64(max(grace, time.Second).Round(time.Second) / time.Second)
	if err := r.deletePod(ctx, pod.Name, uid, &seconds); err != nil {
		return refused("delete the environment's pod", err)
	}
	// One that was only gated, or is gone, may have been deleted before the watch knew of it.
	if !r.registry.holds(uid) {
		_, err := r.client.CoreV1().Pods(r.cfg.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) && !r.registry.holds(uid) {
			return r.releaseSecret(ctx, session, uid)
		}
	}
	timer := time.NewTimer(grace + endTimeout)
	defer timer.Stop()
	select {
	case <-removed:
		return r.releaseSecret(ctx, session, uid)
	case <-timer.C:
		return backend.Errorf(backend.CodeUnavailable, "stop environment %s: its node does not confirm the end of pod %s", id, pod.Name)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// deletePod deletes exactly that pod; one that is gone is no error.
func (r *Runtime) deletePod(ctx context.Context, name string, uid types.UID, grace *int64) error {
	return r.delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: grace, Preconditions: &metav1.Preconditions{UID: &uid}})
}

func (r *Runtime) delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	err := r.client.CoreV1().Pods(r.cfg.Namespace).Delete(ctx, name, options)
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// Remove implements backend.Runtime.
func (r *Runtime) Remove(ctx context.Context, session backend.SessionID) error {
	unlock, err := r.locks.lock(ctx, session)
	if err != nil {
		return err
	}
	defer unlock()
	if _, _, live := r.registry.live(session); live {
		return backend.Errorf(backend.CodeConflict, "the session's environment must be stopped first")
	}
	if r.cfg.Volume != VolumeClaim {
		return nil
	}
	return r.removeClaim(ctx, session)
}

// Dial implements backend.Runtime.
func (r *Runtime) Dial(ctx context.Context, env backend.Environment) (net.Conn, error) {
	pod, now, known := r.registry.get(env.ID)
	switch {
	case !known || now.Phase == backend.EnvironmentEnded:
		return nil, backend.Errorf(backend.CodeUnavailable, "the environment has ended")
	case now.SessionID != env.SessionID:
		return nil, backend.Errorf(backend.CodeUnavailable, "the environment is of another session")
	case pod.Status.PodIP == "":
		return nil, backend.Errorf(backend.CodeUnavailable, "the environment has no address yet")
	}
	if wasPooled(pod) && !r.registry.delivered(pod.UID) {
		if err := r.deliver(ctx, pod); err != nil {
			return nil, err
		}
	}
	return dial(ctx, pod)
}

func dial(ctx context.Context, pod *corev1.Pod) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(agentPort)))
	if err != nil {
		return nil, backend.Errorf(backend.CodeUnavailable, "the agent does not listen: %w", err)
	}
	return conn, nil
}

// refused gives the API server's error a code.
func refused(what string, err error) error {
	var status apierrors.APIStatus
	known := errors.As(err, &status)
	switch {
	case apierrors.IsForbidden(err) || apierrors.IsInvalid(err):
		words := ""
		if known {
			words = status.Status().Message
		}
		return &backend.Error{Code: backend.CodeUnavailable, Message: with(createWords(words), words), Err: fmt.Errorf("%s: %w", what, err)}
	case known && status.Status().Code >= 400 && status.Status().Code < 500 && !apierrors.IsTooManyRequests(err):
		return fmt.Errorf("%s: %w", what, err)
	}
	// It is away, or has too much to do.
	return &backend.Error{Code: backend.CodeUnavailable, Message: "the cluster does not answer; try again", Err: fmt.Errorf("%s: %w", what, err)}
}

// owned says whether the pod owns the Secret.
func owned(secret *corev1.Secret, uid types.UID) bool {
	return len(secret.OwnerReferences) == 1 && secret.OwnerReferences[0].UID == uid
}
