package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// AcquireLease makes holder the one that commits the session's files, for ttl by the database's clock. The epoch is new
// each time, also when the holder had the lease already. CodeConflict while another one holds it, with when that ends
// unless it is renewed as ExpiresAt, by this machine's clock; CodeNotFound.
func (s *Store) AcquireLease(ctx context.Context, id backend.SessionID, holder string, ttl time.Duration) (backend.Lease, error) {
	lease := backend.Lease{SessionID: id, Holder: holder}
	if !isUUID(string(id)) {
		return lease, noSession()
	}
	err := s.pool.QueryRow(ctx, `
		UPDATE workspaces
		SET lease_holder = $2, lease_epoch = lease_epoch + 1, lease_expires_at = clock_timestamp() + $3::bigint * interval '1 microsecond'
		WHERE session_id = $1 AND (lease_expires_at <= clock_timestamp() OR lease_holder IN ('', $2))
		RETURNING lease_epoch, lease_expires_at`, string(id), holder, micros(ttl)).Scan(&lease.Epoch, &lease.ExpiresAt)
	if !errors.Is(err, pgx.ErrNoRows) {
		return lease, wrap(err, "acquire a lease")
	}
	var other string
	var left int64 // microseconds
	err = s.pool.QueryRow(ctx, `
		SELECT lease_holder, CASE WHEN lease_expires_at <= clock_timestamp() THEN 0
			ELSE (extract(epoch FROM lease_expires_at - clock_timestamp()) * 1000000)::bigint END
		FROM workspaces WHERE session_id = $1`, string(id)).Scan(&other, &left)
	if errors.Is(err, pgx.ErrNoRows) {
		return lease, noSession()
	}
	if err != nil {
		return lease, wrap(err, "find the holder of a lease")
	}
	lease.ExpiresAt = time.Now().Add(time.Duration(left) * time.Microsecond)
	return lease, backend.Errorf(backend.CodeConflict, "the session is held by %q", other)
}

// acquireLeases takes what is free. Of a row that a transaction has locked it says so instead of waiting.
const acquireLeases = `
	WITH seen AS MATERIALIZED (
		SELECT w.session_id, w.lease_expires_at <= clock_timestamp() OR w.lease_holder IN ('', $2) AS free
		FROM unnest($1::uuid[]) AS wanted (session) CROSS JOIN LATERAL (SELECT * FROM workspaces WHERE session_id = wanted.session) w),
	free AS (
		SELECT w.session_id FROM seen CROSS JOIN LATERAL (
			SELECT session_id FROM workspaces
			WHERE session_id = seen.session_id AND (lease_expires_at <= clock_timestamp() OR lease_holder IN ('', $2))
			FOR NO KEY UPDATE SKIP LOCKED) w
		WHERE seen.free),
	taken AS (
		UPDATE workspaces w
		SET lease_holder = $2, lease_epoch = lease_epoch + 1, lease_expires_at = clock_timestamp() + $3::bigint * interval '1 microsecond'
		FROM free WHERE w.session_id = free.session_id RETURNING w.session_id, w.lease_epoch, w.lease_expires_at)
	SELECT session_id::text, lease_epoch, lease_expires_at FROM seen LEFT JOIN taken USING (session_id) WHERE seen.free`

// AcquireLeases acquires with one statement those leases of sessions that nobody else has. Busy are those of which a
// transaction has the row: AcquireLease waits for it.
func (s *Store) AcquireLeases(ctx context.Context, ids []backend.SessionID, holder string, ttl time.Duration) (leases []backend.Lease, busy []backend.SessionID, err error) {
	sessions := make([]string, 0, len(ids))
	for _, id := range ids {
		if isUUID(string(id)) {
			sessions = append(sessions, string(id))
		}
	}
	rows, err := s.upkeep.Query(ctx, acquireLeases, sessions, holder, micros(ttl))
	if err != nil {
		return nil, nil, wrap(err, "acquire leases")
	}
	var id backend.SessionID
	var epoch *int64
	var expires *time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &epoch, &expires}, func() error {
		if epoch == nil {
			busy = append(busy, id)
		} else {
			leases = append(leases, backend.Lease{SessionID: id, Holder: holder, Epoch: *epoch, ExpiresAt: *expires})
		}
		return nil
	})
	return leases, busy, wrap(err, "acquire leases")
}

// RenewLease prolongs a lease to ttl from now. CodeStaleLease when it has passed to another holder or was released.
func (s *Store) RenewLease(ctx context.Context, lease backend.Lease, ttl time.Duration) (backend.Lease, error) {
	err := s.pool.QueryRow(ctx, `
		UPDATE workspaces SET lease_expires_at = clock_timestamp() + $4::bigint * interval '1 microsecond'
		WHERE session_id = $1 AND lease_epoch = $2 AND lease_holder = $3
		RETURNING lease_expires_at`, string(lease.SessionID), lease.Epoch, lease.Holder, micros(ttl)).Scan(&lease.ExpiresAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return lease, staleLease()
	}
	return lease, wrap(err, "renew a lease")
}

// renewLeases renews one holder's leases. A row that a transaction has locked is left out, so that one long commit holds
// up no other session's lease.
const renewLeases = `
	WITH free AS (
		SELECT w.session_id FROM unnest($1::uuid[], $2::bigint[]) AS mine (session, epoch)
		CROSS JOIN LATERAL (
			SELECT session_id FROM workspaces
			WHERE session_id = mine.session AND lease_epoch = mine.epoch AND lease_holder = $3
			FOR NO KEY UPDATE SKIP LOCKED) w)
	UPDATE workspaces w SET lease_expires_at = clock_timestamp() + $4::bigint * interval '1 microsecond'
	FROM free WHERE w.session_id = free.session_id RETURNING w.session_id::text`

// RenewLeases prolongs the leases of one holder to ttl from now, with one statement, and returns whose it has. Of the
// others nothing is known: the lease has passed to another holder, or a transaction has the row. RenewLease tells.
func (s *Store) RenewLeases(ctx context.Context, leases []backend.Lease, ttl time.Duration) ([]backend.SessionID, error) {
	if len(leases) == 0 {
		return nil, nil
	}
	sessions, epochs := make([]string, len(leases)), make([]int64, len(leases))
	for i, lease := range leases {
		sessions[i], epochs[i] = string(lease.SessionID), lease.Epoch
	}
	rows, err := s.upkeep.Query(ctx, renewLeases, sessions, epochs, leases[0].Holder, micros(ttl))
	if err != nil {
		return nil, wrap(err, "renew leases")
	}
	renewed, err := pgx.CollectRows(rows, pgx.RowTo[backend.SessionID])
	return renewed, wrap(err, "renew leases")
}

// ReleaseLease gives a lease up, and wakes those who may take it. One that is held no more is left alone.
func (s *Store) ReleaseLease(ctx context.Context, lease backend.Lease) error {
	_, err := s.pool.Exec(ctx, `
		WITH released AS (
			UPDATE workspaces SET lease_holder = '', lease_expires_at = '-infinity'
			WHERE session_id = $1 AND lease_epoch = $2 AND lease_holder = $3 RETURNING session_id)
		SELECT pg_notify($4, $5) FROM released`, string(lease.SessionID), lease.Epoch, lease.Holder,
		channel, payload(lease.SessionID, 0, kindLease))
	return wrap(err, "release a lease")
}

// releaseLeases gives up one holder's leases, but for rows that a transaction has locked.
const releaseLeases = `
	WITH free AS (
		SELECT w.session_id, mine.word FROM unnest($1::uuid[], $2::bigint[], $4::text[]) AS mine (session, epoch, word)
		CROSS JOIN LATERAL (
			SELECT session_id FROM workspaces
			WHERE session_id = mine.session AND lease_epoch = mine.epoch AND lease_holder = $3
			FOR NO KEY UPDATE SKIP LOCKED) w),
	released AS (
		UPDATE workspaces w SET lease_holder = '', lease_expires_at = '-infinity'
		FROM free WHERE w.session_id = free.session_id RETURNING w.session_id, free.word)
	SELECT session_id::text FROM released, pg_notify($5, word)`

// ReleaseLeases gives up the leases of one holder with one statement, wakes those who may take them, and returns whose were
// given up. Of the others nothing is known: the lease is held no more, or a transaction has the row. ReleaseLease waits.
func (s *Store) ReleaseLeases(ctx context.Context, leases []backend.Lease) ([]backend.SessionID, error) {
	if len(leases) == 0 {
		return nil, nil
	}
	sessions, epochs, words := make([]string, len(leases)), make([]int64, len(leases)), make([]string, len(leases))
	for i, lease := range leases {
		sessions[i], epochs[i], words[i] = string(lease.SessionID), lease.Epoch, payload(lease.SessionID, 0, kindLease)
	}
	rows, err := s.upkeep.Query(ctx, releaseLeases, sessions, epochs, leases[0].Holder, words, channel)
	if err != nil {
		return nil, wrap(err, "release leases")
	}
	released, err := pgx.CollectRows(rows, pgx.RowTo[backend.SessionID])
	return released, wrap(err, "release leases")
}

func staleLease() error {
	return backend.Errorf(backend.CodeStaleLease, "another replica has taken the session over")
}

func noSession() error {
	return backend.Errorf(backend.CodeNotFound, "there is no such session")
}
