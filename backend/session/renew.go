package session

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"codingplatform/backend"
)

// renewTogether is how many leases are renewed with one statement: their rows are locked while it runs.
const renewTogether = 500

// renewLeases keeps the leases of all sessions that this replica drives, until ctx is done. A supervisor whose lease has
// passed to another replica is ended.
func (m *Manager) renewLeases(ctx context.Context) {
	ticker := time.NewTicker(m.cfg.LeaseTTL / 3)
	defer ticker.Stop()
	var alone sync.WaitGroup
	defer alone.Wait()
	good := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		started := time.Now()
		try, cancel := context.WithTimeout(ctx, m.cfg.LeaseTTL/3)
		err := m.renewAll(try, &alone)
		cancel()
		switch {
		case err == nil:
			good = started
		case ctx.Err() == nil && time.Since(good) > m.cfg.LeaseTTL:
			// With the database away nobody else can take a lease either, so going on is safe: each transaction checks
			// the epoch. Only say so.
			m.cfg.Logger.WarnContext(ctx, "leases cannot be renewed: the database does not answer", "error", err)
		}
	}
}

// renewAll renews many leases with each statement, and those alone, besides, of which that tells nothing.
func (m *Manager) renewAll(ctx context.Context, alone *sync.WaitGroup) error {
	m.mu.Lock()
	driven := make([]*supervisor, 0, len(m.supervisors))
	for _, s := range m.supervisors {
		driven = append(driven, s)
	}
	m.mu.Unlock()
	var errs error
	for some := range slices.Chunk(driven, renewTogether) {
		leases := make([]backend.Lease, len(some))
		for i, s := range some {
			leases[i] = s.lease
		}
		renewed, err := m.cfg.Store.RenewLeases(ctx, leases, m.cfg.LeaseTTL)
		if err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		has := make(map[backend.SessionID]bool, len(renewed))
		for _, id := range renewed {
			has[id] = true
		}
		for _, s := range some {
			if !has[s.id] {
				alone.Go(func() { s.renew(context.WithoutCancel(ctx)) })
			}
		}
	}
	return errs
}

// renew renews one lease, waiting for who has its row, and ends the supervisor when the lease has passed to another.
func (s *supervisor) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.m.cfg.LeaseTTL/3)
	defer cancel()
	_, err := s.m.cfg.Store.RenewLease(ctx, s.lease, s.m.cfg.LeaseTTL)
	switch {
	case backend.CodeOf(err) == backend.CodeStaleLease:
		s.lose(errLeaseLost)
	case err != nil && ctx.Err() == nil:
		s.logger.WarnContext(ctx, "the lease could not be renewed; it is tried again", "error", err)
	}
}
