package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"codingplatform/backend"
)

const (
	// demandWindow is how far back starts count as demand.
	demandWindow = time.Minute
	// poolParallel is how many pods are made or deleted at once.
	poolParallel = 4
	// The pause after a pod that could not get ready, or could not be made, doubles from the first to the second.
	poolPauseLeast, poolPauseMost = time.Second, time.Minute
	// readyTimeout is how long a pod may take to get ready before another is made in its stead.
	readyTimeout = 5 * time.Minute
)

// PoolSize says how many pods wait for sessions: Min, and one more for each start of the last minute, to Max. Zero:
// none.
type PoolSize struct {
	Min, Max int
}

func (p PoolSize) validate() error {
	if p.Min < 0 || p.Max < p.Min {
		return fmt.Errorf("pool of %d to %d pods: the least must not be negative, nor more than the most", p.Min, p.Max)
	}
	return nil
}

// target is how many pods should wait now, and when that may be fewer; zero: never, while nothing else happens.
func (p PoolSize) target(begun []time.Time, now time.Time) (n int, next time.Time) {
	n = p.Min
	for _, at := range begun {
		if end := at.Add(demandWindow); end.After(now) {
			n++
			if next.IsZero() || end.Before(next) {
				next = end
			}
		}
	}
	return min(n, p.Max), next
}

// waiter is a pod that waits for a session, or will.
type waiter struct {
	pod *corev1.Pod
	// usable is false for one that has ended, is being deleted or about to be taken, or is of another template.
	usable, ready bool
	// ended says why, when it has by itself.
	ended string
}

// plan is what to do for the pool to be as it should.
type plan struct {
	create int
	delete []*corev1.Pod
	// again is when there may be something to do, though nothing else happens; zero: never.
	again time.Time
}

// planPool compares what waits with what should.
func planPool(size PoolSize, template string, waiters []waiter, begun []time.Time, now time.Time) plan {
	want, again := size.target(begun, now)
	p := plan{again: again}
	soonest := func(at time.Time) {
		if p.again.IsZero() || at.Before(p.again) {
			p.again = at
		}
	}
	var starting, idle []*corev1.Pod
	for _, w := range waiters {
		late := w.pod.CreationTimestamp.Add(readyTimeout)
		switch {
		case w.pod.DeletionTimestamp != nil || w.ended != "":
		case w.pod.Labels[poolLabel] != template, w.usable && !w.ready && !late.After(now):
			p.delete = append(p.delete, w.pod)
		case !w.usable:
		case w.ready:
			idle = append(idle, w.pod)
		default:
			soonest(late)
			starting = append(starting, w.pod)
		}
	}
	have := len(starting) + len(idle)
	p.create = max(want-have, 0)
	// Those go first that would be of use last.
	if surplus := have - want; surplus > 0 {
		p.delete = append(p.delete, append(starting, idle...)[:surplus]...)
	}
	return p
}

// tendPool keeps as many pods ready as the settings and the demand ask for, until ctx is done. One replica does it at
// a time; were there two for a moment, there would be some pods too many for that long.
func (r *Runtime) tendPool(ctx context.Context) {
	size := r.cfg.Pool
	if r.cfg.Volume == VolumeClaim {
		size = PoolSize{}
	}
	pause := backoff{least: poolPauseLeast, most: poolPauseMost}
	for {
		now := time.Now()
		waiters, begun := r.registry.waiting()
		for _, w := range waiters {
			switch {
			case w.ended != "" && pause.fail(string(w.pod.UID), now):
				r.cfg.Logger.WarnContext(ctx, "a pod that was to be kept ready failed", "pod", w.pod.Name, "reason", w.ended, "next_after", pause.current)
			case w.ready:
				pause.succeed(string(w.pod.UID))
			}
		}
		p := planPool(size, r.template, waiters, begun, now)
		if p.create > 0 && now.Before(pause.until) {
			p.create = 0
			if p.again.IsZero() || pause.until.Before(p.again) {
				p.again = pause.until
			}
		}
		if err := r.carryOut(ctx, p); err != nil && ctx.Err() == nil {
			pause.fail("", now)
			r.cfg.Logger.WarnContext(ctx, "the pods that wait for sessions could not be brought to their number; it is tried again", "error", err, "next_after", pause.current)
			p.again = pause.until
		}
		timer := time.NewTimer(time.Until(p.again))
		if p.again.IsZero() {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-r.registry.pool:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (r *Runtime) carryOut(ctx context.Context, p plan) error {
	var group errgroup.Group
	group.SetLimit(poolParallel)
	for _, pod := range p.delete {
		group.Go(func() error { return r.discard(ctx, pod) })
	}
	for range p.create {
		group.Go(func() error { return r.fill(ctx) })
	}
	return group.Wait()
}

// fill makes one pod that waits.
func (r *Runtime) fill(ctx context.Context) error {
	pod, err := r.client.CoreV1().Pods(r.cfg.Namespace).Create(ctx, r.cfg.poolPod(), metav1.CreateOptions{})
	if err != nil {
		return refused("make a pod that waits", err)
	}
	identity, err := r.cfg.Identity.IssueUnclaimed(backend.EnvironmentID(pod.UID))
	if err == nil {
		err = r.identify(ctx, pod, identity)
	}
	var opened *corev1.Pod
	if err == nil {
		if opened, err = r.open(ctx, pod.Name, pod.UID); err == nil && opened != nil {
			r.registry.introduce(opened)
			r.untoldPods.AddAfter(opened, tellTimeout)
			return nil
		}
	}
	none := int64(0)
	return errors.Join(err, r.deletePod(context.WithoutCancel(ctx), pod.Name, pod.UID, &none))
}

// discard deletes a pod that waits, unless a session has got it meanwhile: that would have changed its version.
func (r *Runtime) discard(ctx context.Context, pod *corev1.Pod) error {
	none := int64(0)
	return r.delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &none, Preconditions: &metav1.Preconditions{UID: &pod.UID, ResourceVersion: &pod.ResourceVersion},
	})
}

// backoff is the pause after failures in a row.
type backoff struct {
	least, most, current time.Duration
	until                time.Time
	counted              map[string]bool
}

// fail lengthens the pause, and says whether it did: what has been counted once is not again. "" always counts.
func (b *backoff) fail(id string, now time.Time) bool {
	if id != "" && b.counted[id] {
		return false
	}
	if b.counted == nil || len(b.counted) > 1000 {
		b.counted = map[string]bool{}
	}
	if id != "" {
		b.counted[id] = true
	}
	b.current = min(max(2*b.current, b.least), b.most)
	b.until = now.Add(b.current)
	return true
}

// succeed ends the pause, once for each that succeeds.
func (b *backoff) succeed(id string) {
	if b.counted[id] {
		return
	}
	if b.counted == nil || len(b.counted) > 1000 {
		b.counted = map[string]bool{}
	}
	b.counted[id] = true
	b.current, b.until = 0, time.Time{}
}

// waiting returns the pods that wait for sessions, and when sessions began lately.
func (g *registry) waiting() ([]waiter, []time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []waiter
	for _, e := range g.sessions[""] {
		if !pooled(e.pod) {
			continue
		}
		w := waiter{pod: e.pod, ready: ready(e.pod) && e.pod.DeletionTimestamp == nil}
		if e.state.phase == backend.EnvironmentEnded {
			w.ended = e.state.reason
		}
		w.usable = w.ended == "" && !e.reserved && e.pod.DeletionTimestamp == nil
		all = append(all, w)
	}
	return all, append([]time.Time(nil), g.begun...)
}

// began counts a session's start; the caller holds the lock.
func (g *registry) began(at time.Time) {
	now := time.Now()
	if now.Sub(at) > demandWindow {
		return
	}
	kept := g.begun[:0]
	for _, t := range g.begun {
		if now.Sub(t) <= demandWindow {
			kept = append(kept, t)
		}
	}
	g.begun = append(kept, at)
	g.wakePool()
}

// pooledChanged wakes who looks after the pool when a pod of it, or one that was, has changed.
func (g *registry) pooledChanged(pod *corev1.Pod, claimed bool) {
	if claimed || pooled(pod) {
		g.wakePool()
	}
}

func (g *registry) wakePool() {
	select {
	case g.pool <- struct{}{}:
	default:
	}
}
