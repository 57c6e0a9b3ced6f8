package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"codingplatform/backend"
)

// makeClaim makes the session's volume unless it is there. One that somebody deleted stays until its last pod has
// gone, and a pod that is made meanwhile would wait for it for ever: another is made when it is gone.
func (r *Runtime) makeClaim(ctx context.Context, session backend.SessionID) error {
	claims := r.client.CoreV1().PersistentVolumeClaims(r.cfg.Namespace)
	for {
		_, err := claims.Create(ctx, r.cfg.claim(session), metav1.CreateOptions{})
		if err == nil {
			return nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return refused("make the session's volume", err)
		}
		claim, err := claims.Get(ctx, sessionName(session), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return refused("find the session's volume", err)
		}
		if claim.DeletionTimestamp == nil {
			return nil
		}
		if err := r.claimGone(ctx, claim, func() error { return nil }); err != nil {
			return err
		}
	}
}

// removeClaim deletes the session's volume, and returns when it is gone: the next environment's has that name.
func (r *Runtime) removeClaim(ctx context.Context, session backend.SessionID) error {
	claims := r.client.CoreV1().PersistentVolumeClaims(r.cfg.Namespace)
	claim, err := claims.Get(ctx, sessionName(session), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return refused("find the session's volume", err)
	}
	return r.claimGone(ctx, claim, func() error {
		return claims.Delete(ctx, claim.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &claim.UID}})
	})
}

// claimGone calls start, which begins the end of the claim, and returns when it is gone.
func (r *Runtime) claimGone(ctx context.Context, claim *corev1.PersistentVolumeClaim, start func() error) error {
	// Watched from the form just read, so that its end is not missed.
	watch, err := r.client.CoreV1().PersistentVolumeClaims(r.cfg.Namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("metadata.name", claim.Name).String(), ResourceVersion: claim.ResourceVersion,
	})
	if err != nil {
		return refused("watch the session's volume", err)
	}
	defer watch.Stop()
	err = start()
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	if err != nil {
		return refused("delete the session's volume", err)
	}
	for {
		select {
		case event, open := <-watch.ResultChan():
			if !open {
				return backend.Errorf(backend.CodeUnavailable, "delete the session's volume: the watch on it ended; try again")
			}
			if event.Type == "DELETED" {
				return nil
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
