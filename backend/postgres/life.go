package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// queueLock is the advisory lock under which places are given, so that no two replicas give the same one.
const queueLock = 0x706c616365

// WarnStop tells, under the lease, that the session will stop by itself, and why; whether somebody may keep it running by
// Stay. A zero time takes the warning back. CodeStaleLease.
func (s *Store) WarnStop(ctx context.Context, lease backend.Lease, at time.Time, mayStay bool, reason string) error {
	var when *time.Time
	if !at.IsZero() {
		when = &at
	}
	tag, err := s.pool.Exec(ctx, `
		WITH held AS (
			SELECT session_id FROM workspaces WHERE session_id = $1 AND lease_epoch = $2 AND lease_holder = $3 FOR SHARE),
		changed AS (
			UPDATE sessions s SET stops_at = $4, may_stay = $5, phase_reason = $6, updated_at = now()
			FROM held WHERE s.id = held.session_id RETURNING s.user_id)
		SELECT pg_notify($7, ($8::jsonb || jsonb_build_object('u', user_id))::text) FROM changed`,
		string(lease.SessionID), lease.Epoch, lease.Holder, when, mayStay, reason, channel, payload(lease.SessionID, 0, kindPhase))
	if err == nil && tag.RowsAffected() == 0 {
		return staleLease()
	}
	return wrap(err, "warn of a stop")
}

// Stay counts as use of a session that runs, now. It starts none: CodeUnavailable when the session is not wanted any more.
func (s *Store) Stay(ctx context.Context, id backend.SessionID) error {
	if !isUUID(string(id)) {
		return noSession()
	}
	tag, err := s.pool.Exec(ctx, `
		WITH changed AS (
			UPDATE sessions SET last_activity_at = now() WHERE id = $1 AND wanted AND deleted_at IS NULL RETURNING id)
		SELECT pg_notify($2, $3) FROM changed`, string(id), channel, payload(id, 0, kindWanted))
	if err == nil && tag.RowsAffected() == 0 {
		return backend.Errorf(backend.CodeUnavailable, "the session is not running any more; opening a terminal starts it")
	}
	return wrap(err, "keep a session running")
}

// TakePlace lets the session run if the limits allow it and it is its turn, and else puts it into the queue and says where
// it is. Turns go by who has fewest sessions running or before this one in the queue, then by the time of coming. A place
// is held until the phase is stopped or failed. Who waits counts while its replica lives, so that a dead one's sessions
// hold nobody up. CodeStaleLease.
func (s *Store) TakePlace(ctx context.Context, lease backend.Lease, limits backend.RunLimits) (backend.RunPlace, error) {
	if limits.Total <= 0 && limits.PerUser <= 0 {
		return s.placeFreely(ctx, lease)
	}
	var place backend.RunPlace
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, queueLock); err != nil {
			return err
		}
		var user string
		var before int
		err := tx.QueryRow(ctx, `
			WITH held AS (
				SELECT session_id FROM workspaces WHERE session_id = $1 AND lease_epoch = $2 AND lease_holder = $3 FOR SHARE)
			UPDATE sessions s SET queued_at = CASE WHEN placed_at IS NULL THEN coalesce(queued_at, clock_timestamp()) END
			FROM held WHERE s.id = held.session_id RETURNING s.user_id::text, s.placed_at IS NOT NULL, s.queue_place`,
			string(lease.SessionID), lease.Epoch, lease.Holder).Scan(&user, &place.Granted, &before)
		if errors.Is(err, pgx.ErrNoRows) {
			return staleLease()
		}
		if err != nil || place.Granted {
			return err
		}
		err = tx.QueryRow(ctx, `
			WITH running AS (SELECT user_id, count(*) AS n FROM sessions WHERE placed_at IS NOT NULL GROUP BY user_id),
			waiting AS (
				SELECT s.id, s.user_id, s.queued_at, coalesce(r.n, 0) AS running,
					coalesce(r.n, 0) + row_number() OVER (PARTITION BY s.user_id ORDER BY s.queued_at, s.id) AS nth
				FROM sessions s JOIN workspaces w ON w.session_id = s.id LEFT JOIN running r ON r.user_id = s.user_id
				WHERE s.queued_at IS NOT NULL AND s.wanted AND s.deleted_at IS NULL AND w.lease_expires_at > clock_timestamp()),
			turns AS (
				SELECT id, running, nth,
					row_number() OVER (ORDER BY ($2 > 0 AND nth > $2), nth, queued_at, id) AS turn, count(*) OVER () AS length
				FROM waiting)
			SELECT turn, length, running, $2 > 0 AND nth > $2,
				(SELECT coalesce(sum(n), 0) FROM running) FROM turns WHERE id = $1`,
			string(lease.SessionID), limits.PerUser).
			Scan(&place.Turn, &place.Length, &place.UserRunning, &place.UserFull, &place.Running)
		if errors.Is(err, pgx.ErrNoRows) {
			// Unwanted meanwhile, or the lease has run out: whoever drives it looks again.
			place.Turn = max(before, 1)
			return nil
		}
		if err != nil {
			return err
		}
		place.Granted = !place.UserFull && (limits.Total <= 0 || place.Running+place.Turn <= limits.Total)
		if place.Granted {
			_, err = tx.Exec(ctx, `UPDATE sessions SET placed_at = now(), queued_at = NULL, queue_place = 0 WHERE id = $1`, string(lease.SessionID))
			return err
		}
		return nil
	})
	return place, wrap(err, "take a place among the running sessions")
}

// placeFreely lets the session run where nothing limits how many do: nobody is counted, and nobody waited for.
func (s *Store) placeFreely(ctx context.Context, lease backend.Lease) (backend.RunPlace, error) {
	tag, err := s.pool.Exec(ctx, `
		WITH held AS (
			SELECT session_id FROM workspaces WHERE session_id = $1 AND lease_epoch = $2 AND lease_holder = $3 FOR SHARE)
		UPDATE sessions s SET placed_at = coalesce(s.placed_at, now()), queued_at = NULL, queue_place = 0
		FROM held WHERE s.id = held.session_id`, string(lease.SessionID), lease.Epoch, lease.Holder)
	if err == nil && tag.RowsAffected() == 0 {
		err = staleLease()
	}
	return backend.RunPlace{Granted: err == nil}, wrap(err, "take a place among the running sessions")
}

// Queued tells, under the lease, where in the queue a session is. CodeStaleLease.
func (s *Store) Queued(ctx context.Context, lease backend.Lease, turn int, reason string) error {
	tag, err := s.pool.Exec(ctx, `
		WITH held AS (
			SELECT session_id FROM workspaces WHERE session_id = $1 AND lease_epoch = $2 AND lease_holder = $3 FOR SHARE),
		changed AS (
			UPDATE sessions s SET phase = 'starting', phase_reason = $4, queue_place = $5, updated_at = now(),
				phase_since = CASE WHEN s.phase = 'starting' THEN s.phase_since ELSE now() END
			FROM held WHERE s.id = held.session_id RETURNING s.user_id)
		SELECT pg_notify($6, ($7::jsonb || jsonb_build_object('u', user_id))::text) FROM changed`,
		string(lease.SessionID), lease.Epoch, lease.Holder, reason, turn, channel, payload(lease.SessionID, 0, kindQueue))
	if err == nil && tag.RowsAffected() == 0 {
		return staleLease()
	}
	return wrap(err, "tell of a queue")
}
