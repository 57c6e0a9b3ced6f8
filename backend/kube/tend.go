package kube

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"codingplatform/backend"
)

const (
	// volumesInterval is how often volumes are looked for that belong to no session.
	volumesInterval = 10 * time.Minute
	// volumeAge is how old they must be, and volumePage how many are asked for at once.
	volumeAge  = time.Hour
	volumePage = 500
)

// Tend implements backend.Tender. Secrets need no looking after: each has a pod that owns it.
func (r *Runtime) Tend(ctx context.Context, exists func(context.Context, backend.SessionID) (bool, error)) {
	var both sync.WaitGroup
	both.Go(func() { r.tendPool(ctx) })
	both.Go(func() { r.tendVolumes(ctx, exists) })
	both.Wait()
}

func (r *Runtime) tendVolumes(ctx context.Context, exists func(context.Context, backend.SessionID) (bool, error)) {
	ticker := time.NewTicker(volumesInterval)
	defer ticker.Stop()
	for {
		if err := r.removeVolumes(ctx, exists, time.Now()); err != nil && ctx.Err() == nil {
			r.cfg.Logger.WarnContext(ctx, "volumes of sessions that are no more could not be deleted; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// removeVolumes deletes the claims of sessions that do not exist: of a database that was restored, say.
func (r *Runtime) removeVolumes(ctx context.Context, exists func(context.Context, backend.SessionID) (bool, error), now time.Time) error {
	claims := r.client.CoreV1().PersistentVolumeClaims(r.cfg.Namespace)
	options := metav1.ListOptions{LabelSelector: selector + "," + sessionLabel, Limit: volumePage}
	for {
		page, err := claims.List(ctx, options)
		if err != nil {
			return refused("list the sessions' volumes", err)
		}
		for i := range page.Items {
			claim := &page.Items[i]
			session := backend.SessionID(claim.Labels[sessionLabel])
			if claim.DeletionTimestamp != nil || now.Sub(claim.CreationTimestamp.Time) < volumeAge || claim.Name != sessionName(session) {
				continue
			}
			there, err := exists(ctx, session)
			if err != nil {
				return err
			}
			if there {
				continue
			}
			r.cfg.Logger.WarnContext(ctx, "deleting the volume of a session that does not exist", "session_id", session)
			if err := r.Remove(ctx, session); err != nil {
				return err
			}
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return nil
		}
	}
}
