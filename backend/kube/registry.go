package kube

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"codingplatform/backend"
)

// tombstoneLife is how long a deleted pod's UID is remembered: answers to requests may come after the watch told
// of the end.
const tombstoneLife = 10 * time.Minute

// entry is a pod that may run, or has.
type entry struct {
	pod   *corev1.Pod
	state state
	// told is false while only an answer to a request has told of it: the watch, were it broken at that time, never
	// tells of the end of a pod that it has not told of before.
	told bool
	// eviction says why its node ends it, as an event tells; empty while none does. The status of a pod whose agent ends
	// well when it is told to never says so.
	eviction string
	// reserved is a pod of the pool that a start of this process is about to take, delivered one whose agent is known
	// to have its session.
	reserved, delivered bool
}

// registry holds the pods as the watch tells of them, and tells the watchers of changes.
type registry struct {
	mu      sync.Mutex
	entries map[types.UID]*entry
	// sessions has the same entries by session; those of the pool are the empty session's.
	sessions map[backend.SessionID]map[types.UID]*entry
	// gates are the pods of which the watch has told last that they have their gate.
	gates map[types.UID]struct{}
	gone  map[types.UID]struct{}
	// graves are those of gone, the first one first.
	graves   []grave
	waiters  map[types.UID]chan struct{}
	watchers map[*watcher]struct{}
	// pool wakes who looks after the pods that wait for sessions; capacity 1.
	pool chan struct{}
	// begun are the latest starts of sessions' environments, as seen by this process.
	begun []time.Time
}

// grave says when a pod's end was told.
type grave struct {
	uid types.UID
	at  time.Time
}

// watcher is a queue for one call of Watch: whoever reports never waits for who is told.
type watcher struct {
	queue []backend.Environment
	wake  chan struct{}
}

func newRegistry() *registry {
	return &registry{
		entries: map[types.UID]*entry{}, sessions: map[backend.SessionID]map[types.UID]*entry{},
		gates: map[types.UID]struct{}{}, gone: map[types.UID]struct{}{},
		waiters: map[types.UID]chan struct{}{}, watchers: map[*watcher]struct{}{}, pool: make(chan struct{}, 1),
	}
}

// introduce takes a pod from an answer to a request, and says as apply does whether it has ended. The watch may have
// told of a later form already, with the address in it perhaps, and need not tell of it again: an answer is taken of
// pods alone that are not known.
func (g *registry) introduce(pod *corev1.Pod) (over bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e, known := g.entries[pod.UID]
	if known && (!pooled(e.pod) || pooled(pod)) {
		return false
	}
	return g.learn(pod)
}

// apply takes a pod's form as the watch tells of it, and says whether it has ended and can be deleted.
func (g *registry) apply(pod *corev1.Pod) (over bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if gated(pod) {
		g.gates[pod.UID] = struct{}{}
	} else {
		delete(g.gates, pod.UID)
	}
	over = g.learn(pod)
	if e, known := g.entries[pod.UID]; known {
		e.told = true
	}
	return over
}

// waits says whether a pod has its gate, as far as the watch has told.
func (g *registry) waits(uid types.UID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, waits := g.gates[uid]
	return waits
}

// answered takes the form of a pod that the API server gave for one that the watch has not told of.
func (g *registry) answered(pod *corev1.Pod) (over bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e, known := g.entries[pod.UID]; !known || e.told {
		return false
	}
	return g.learn(pod)
}

// untold says whether a pod is known by an answer alone.
func (g *registry) untold(uid types.UID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	e, known := g.entries[uid]
	return known && !e.told
}

// holds says whether a pod is there, as far as is known.
func (g *registry) holds(uid types.UID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, known := g.entries[uid]
	return known
}

func (g *registry) learn(pod *corev1.Pod) (over bool) {
	if gated(pod) {
		return false // it is nobody's environment yet
	}
	s := stateOf(pod)
	if _, gone := g.gone[pod.UID]; gone {
		return false
	}
	e, known := g.entries[pod.UID]
	if known && pooled(pod) && !pooled(e.pod) {
		return false // its form before it was claimed, told late
	}
	claimed := known && pooled(e.pod) && !pooled(pod)
	if !known || claimed {
		if claimed {
			g.drop(e.pod)
		}
		e = &entry{told: claimed && e.told}
		g.put(pod, e)
		known = false
	}
	defer g.pooledChanged(pod, claimed)
	if !known && sessionOf(pod) != "" {
		g.began(environment(pod, s).CreatedAt)
	}
	e.pod = pod
	if known && e.state.phase == backend.EnvironmentEnded {
		return false
	}
	if s.phase == backend.EnvironmentEnded && e.eviction != "" {
		s.reason = e.eviction
	}
	if known && s.phase == e.state.phase && (s.reason == e.state.reason || s.reason == "") {
		return false
	}
	if known && order(s.phase) < order(e.state.phase) {
		return false // told by an answer that was overtaken
	}
	e.state = s
	g.tell(e)
	return s.phase == backend.EnvironmentEnded
}

// put and drop keep the entries, by pod and by session; the caller holds the lock.
func (g *registry) put(pod *corev1.Pod, e *entry) {
	session := sessionOf(pod)
	if g.sessions[session] == nil {
		g.sessions[session] = map[types.UID]*entry{}
	}
	g.entries[pod.UID], g.sessions[session][pod.UID] = e, e
}

func (g *registry) drop(pod *corev1.Pod) {
	session := sessionOf(pod)
	delete(g.entries, pod.UID)
	if delete(g.sessions[session], pod.UID); len(g.sessions[session]) == 0 {
		delete(g.sessions, session)
	}
}

// order is that in which an environment goes through its phases.
func order(phase backend.EnvironmentPhase) int {
	switch phase {
	case backend.EnvironmentRunning:
		return 1
	case backend.EnvironmentStopping:
		return 2
	case backend.EnvironmentEnded:
		return 3
	case backend.EnvironmentStarting:
	}
	return 0
}

// note says what a starting pod waits for, as told by an event.
func (g *registry) note(uid types.UID, words string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e, known := g.entries[uid]
	if !known || e.state.phase != backend.EnvironmentStarting || e.state.reason == words {
		return
	}
	e.state.reason = words
	g.tell(e)
}

// evicted says why a pod is ended by its node, as told by an event.
func (g *registry) evicted(uid types.UID, words string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e, known := g.entries[uid]; known {
		e.eviction = words
	}
}

// remove takes a deleted pod's last form.
func (g *registry) remove(pod *corev1.Pod) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.graves) > 0 && now.Sub(g.graves[0].at) > tombstoneLife {
		delete(g.gone, g.graves[0].uid)
		g.graves = g.graves[1:]
	}
	if _, told := g.gone[pod.UID]; !told {
		g.gone[pod.UID] = struct{}{}
		g.graves = append(g.graves, grave{pod.UID, now})
	}
	delete(g.gates, pod.UID)
	if e, known := g.entries[pod.UID]; known {
		g.drop(e.pod)
		g.pooledChanged(pod, false)
		if e.state.phase != backend.EnvironmentEnded {
			words, ended := endOf(pod)
			if e.eviction != "" {
				words = e.eviction
			} else if !ended {
				if words = disruption(pod); words == "" {
					words = "stopped: its pod was deleted"
				}
			}
			if pooled(e.pod) || !pooled(pod) { // not its form before it was claimed
				e.pod = pod
			}
			e.state = state{backend.EnvironmentEnded, words}
			g.tell(e)
		}
	}
	if waiter, waited := g.waiters[pod.UID]; waited {
		close(waiter)
		delete(g.waiters, pod.UID)
	}
}

// removed is closed when the pod is deleted; at once when it is known to be.
func (g *registry) removed(uid types.UID) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, gone := g.gone[uid]; gone {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	if g.waiters[uid] == nil {
		g.waiters[uid] = make(chan struct{})
	}
	return g.waiters[uid]
}

// live returns a session's environment that has not ended.
func (g *registry) live(session backend.SessionID) (*corev1.Pod, backend.Environment, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var found *entry
	for _, e := range g.sessions[session] {
		if e.state.phase == backend.EnvironmentEnded {
			continue
		}
		// One that stops counts only while there is no other.
		if found == nil || order(e.state.phase) < order(found.state.phase) {
			found = e
		}
	}
	if found == nil {
		return nil, backend.Environment{}, false
	}
	return found.pod, environment(found.pod, found.state), true
}

func (g *registry) get(id backend.EnvironmentID) (*corev1.Pod, backend.Environment, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e, known := g.entries[types.UID(id)]
	if !known || pooled(e.pod) {
		return nil, backend.Environment{}, false
	}
	return e.pod, environment(e.pod, e.state), true
}

func (g *registry) all() []backend.Environment {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.snapshot()
}

func (g *registry) snapshot() []backend.Environment {
	environments := make([]backend.Environment, 0, len(g.entries))
	for _, e := range g.entries {
		if e.state.phase != backend.EnvironmentEnded && !pooled(e.pod) {
			environments = append(environments, environment(e.pod, e.state))
		}
	}
	return environments
}

func (g *registry) tell(e *entry) {
	if pooled(e.pod) {
		return // it is nobody's environment yet
	}
	for w := range g.watchers {
		w.queue = append(w.queue, environment(e.pod, e.state))
		w.signal()
	}
}

func (w *watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (g *registry) watch() *watcher {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &watcher{queue: g.snapshot(), wake: make(chan struct{}, 1)}
	w.signal()
	g.watchers[w] = struct{}{}
	return w
}

func (g *registry) unwatch(w *watcher) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.watchers, w)
}

func (g *registry) take(w *watcher) []backend.Environment {
	g.mu.Lock()
	defer g.mu.Unlock()
	queue := w.queue
	w.queue = nil
	return queue
}

// Watch implements backend.Runtime.
func (r *Runtime) Watch(ctx context.Context, fn func(backend.Environment)) error {
	w := r.registry.watch()
	defer r.registry.unwatch(w)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-w.wake:
		}
		for _, environment := range r.registry.take(w) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			fn(environment)
		}
	}
}
