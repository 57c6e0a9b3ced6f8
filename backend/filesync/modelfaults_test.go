package filesync_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"

	"codingplatform/backend"
	"codingplatform/backend/pgembed"
)

// queuedEvents is more than the kernel keeps for a watcher that does not read (fs.inotify.max_queued_events).
const queuedEvents = 17_000

// fault is one thing that goes wrong with the machinery. Faults come one after another.
func (m *model) fault(r *rand.Rand) {
	switch n := r.IntN(100); {
	case n < 15:
		m.note("fault: kill the agent")
		m.endAgent(syscall.SIGKILL)
		m.startAgent()
	case n < 22:
		m.note("fault: end the agent")
		m.endAgent(syscall.SIGTERM)
		m.startAgent()
	case n < 40:
		m.note("fault: cut the connections")
		m.cut()
	case n < 52:
		m.cutSoon(r)
	case n < 66:
		m.note("fault: the lease ends")
		if err := m.expire(m.t.Context()); err != nil {
			m.note("fault: the lease ends: %v", err)
		}
	case n < 78:
		m.pauseHolder()
	case n < 86:
		m.loseAnswer(r)
	case n < 91:
		m.collect()
	case n < 95:
		m.restartPostgres()
	default:
		m.overflow()
	}
}

// cutSoon cuts the connections, and the next ones after some bytes.
func (m *model) cutSoon(r *rand.Rand) {
	budgets := make([]int, 1+r.IntN(4))
	for i := range budgets {
		budgets[i] = 1 + r.IntN([]int{3000, 30_000, 300_000}[r.IntN(3)])
	}
	m.note("fault: cut the connections, and the next ones after %d bytes", budgets)
	m.world.mu.Lock()
	m.cutAfter = func() int { // under the world's lock
		if len(budgets) == 0 {
			return 0
		}
		budget := budgets[0]
		budgets = budgets[1:]
		return budget
	}
	m.world.mu.Unlock()
	m.cut()
}

// holder is the replica that works at present, and its lease.
func (m *model) holder() (*replica, backend.Lease, error) {
	// The database knows: a replica that has lost the lease may not have noticed.
	lease, err := m.lease(m.t.Context())
	for _, r := range m.replicas {
		if err == nil && r.name == lease.Holder {
			return r, lease, nil
		}
	}
	return m.replicas[0], lease, err
}

// pauseHolder has the holder sleep before a commit until the session has been taken over. When it wakes, its commit must be refused.
func (m *model) pauseHolder() {
	holder, before, err := m.holder()
	if err != nil {
		m.note("fault: no lease to end: %v", err)
		return
	}
	m.note("fault: %s sleeps", holder.name)
	awake := make(chan struct{})
	holder.store.hook(func(lease backend.Lease, commit func() (backend.BatchResult, error)) (backend.BatchResult, error) {
		<-awake
		present, perr := m.lease(m.t.Context())
		result, err := commit()
		if err == nil && perr == nil && present.Epoch > lease.Epoch {
			m.problem(fmt.Errorf("%s woke up with epoch %d and could commit, though the epoch is %d", holder.name, lease.Epoch, present.Epoch))
		}
		return result, err
	})
	defer holder.store.hook(nil)
	defer close(awake)
	m.until("the session is taken over", func() (bool, string) {
		now, err := m.lease(m.t.Context())
		if err == nil && now.Epoch == before.Epoch {
			// Each time again, since the sleeper may renew it first.
			err = m.expire(m.t.Context())
		}
		return err == nil && now.Epoch > before.Epoch, fmt.Sprintf("epoch %d is %s's (%v)", now.Epoch, now.Holder, err)
	})
	m.note("fault: %s wakes up", holder.name)
}

// loseAnswer has a commit take effect, while who asked for it does not hear of it.
func (m *model) loseAnswer(r *rand.Rand) {
	holder, _, _ := m.holder() // without an answer, another one is as good
	database := r.IntN(2) == 0
	m.note("fault: an answer to %s is lost (by the database: %t)", holder.name, database)
	once := true
	holder.store.hook(func(_ backend.Lease, commit func() (backend.BatchResult, error)) (backend.BatchResult, error) {
		result, err := commit()
		if err != nil || !once {
			return result, err
		}
		once = false
		if database {
			return backend.BatchResult{}, backend.Errorf(backend.CodeUnavailable, "the answer is lost")
		}
		m.cut()
		return result, nil
	})
}

// collect has the database's collector take what nothing refers to, however young it is.
func (m *model) collect() {
	err := m.exec(m.t.Context(), `UPDATE blobs SET touched_at = '-infinity'`)
	var n int64
	if err == nil {
		n, err = m.store.CollectBlobs(m.t.Context())
	}
	m.note("fault: %d contents are collected: %v", n, err)
}

func (m *model) restartPostgres() {
	m.note("fault: Postgres is killed")
	process, err := os.FindProcess(m.server.PID())
	if err == nil {
		err = process.Signal(syscall.SIGQUIT) // what pg_ctl restart -m immediate does
	}
	if err != nil {
		m.problem(err)
		return
	}
	<-m.server.Done()
	_ = m.server.Stop(m.t.Context()) // it has ended, and says so
	server, err := pgembed.Start(m.t.Context(), m.config)
	if err != nil {
		m.problem(fmt.Errorf("start Postgres again: %w", err))
		return
	}
	m.server = server
	m.note("fault: Postgres is back")
}

// overflow has the kernel drop hints.
func (m *model) overflow() {
	m.note("fault: overflow")
	m.signalAgent(syscall.SIGSTOP)
	defer m.signalAgent(syscall.SIGCONT)
	var files [2]*os.File
	for i := range files {
		f, err := os.OpenFile(filepath.Join(m.root, fmt.Sprintf("flood%d", i)), os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			m.problem(err)
			return
		}
		defer func() { _ = f.Close() }() // each write has been checked
		files[i] = f
	}
	for i := range queuedEvents {
		// Turn about, since the kernel keeps equal neighbours once.
		if _, err := files[i%2].WriteAt([]byte{byte(i), byte(i >> 8)}, 0); err != nil {
			m.problem(err)
			return
		}
	}
}
