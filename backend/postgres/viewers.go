package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// Viewers lists who has a session open on the replicas, as far as their rows have not expired, by name.
func (s *Store) Viewers(ctx context.Context, session backend.SessionID) ([]backend.Viewer, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT session_id::text, connection, replica, username FROM viewers
		WHERE session_id = $1 AND expires_at > now() ORDER BY username, connection`, string(session))
	if err != nil {
		return nil, wrap(err, "list the viewers")
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[backend.Viewer])
	return list, wrap(err, "list the viewers")
}

// AddViewer tells the other replicas of one more viewer, for ttl.
func (s *Store) AddViewer(ctx context.Context, v backend.Viewer, ttl time.Duration) error {
	_, err := s.pool.Exec(ctx, `
		WITH added AS (
			INSERT INTO viewers (session_id, connection, replica, username, expires_at)
			SELECT id, $2, $3, $4, now() + $5 FROM sessions WHERE id = $1
			ON CONFLICT (session_id, connection) DO UPDATE SET expires_at = excluded.expires_at
			RETURNING session_id)
		SELECT pg_notify($6, $7) FROM added`,
		string(v.SessionID), v.Connection, v.Replica, v.Username, ttl, channel, payload(v.SessionID, 0, kindViewers))
	return wrap(err, "add a viewer")
}

// RemoveViewer tells the other replicas that a viewer has left.
func (s *Store) RemoveViewer(ctx context.Context, v backend.Viewer) error {
	_, err := s.pool.Exec(ctx, `
		WITH removed AS (DELETE FROM viewers WHERE session_id = $1 AND connection = $2 RETURNING session_id)
		SELECT pg_notify($3, $4) FROM removed`,
		string(v.SessionID), v.Connection, channel, payload(v.SessionID, 0, kindViewers))
	return wrap(err, "remove a viewer")
}

// KeepViewers makes a replica's rows what it says, for ttl, and drops those that have expired, of dead replicas. Who
// looks at a session of which rows came or went is told.
func (s *Store) KeepViewers(ctx context.Context, replica string, list []backend.Viewer, ttl time.Duration) error {
	sessions, connections, usernames := make([]string, len(list)), make([]string, len(list)), make([]string, len(list))
	for i, v := range list {
		sessions[i], connections[i], usernames[i] = string(v.SessionID), v.Connection, v.Username
	}
	_, err := s.pool.Exec(ctx, `
		WITH mine AS (
			SELECT id AS session_id, m.connection, m.username
			FROM unnest($2::uuid[], $3::text[], $4::text[]) AS m (session, connection, username) JOIN sessions ON id = m.session),
		kept AS (
			INSERT INTO viewers (session_id, connection, replica, username, expires_at)
			SELECT session_id, connection, $1, username, now() + $5 FROM mine ORDER BY session_id, connection
			ON CONFLICT (session_id, connection) DO UPDATE SET expires_at = excluded.expires_at
			RETURNING session_id, xmax = 0 AS new),
		gone AS (
			DELETE FROM viewers v
			WHERE v.expires_at < now() AND v.replica <> $1
				OR v.replica = $1 AND NOT EXISTS (SELECT FROM mine m WHERE m.session_id = v.session_id AND m.connection = v.connection)
			RETURNING session_id),
		changed AS (SELECT session_id FROM kept WHERE new UNION SELECT session_id FROM gone)
		SELECT pg_notify($6, ($7::jsonb || jsonb_build_object('s', session_id))::text) FROM changed`,
		replica, sessions, connections, usernames, ttl, channel, payload("", 0, kindViewers))
	return wrap(err, "keep the viewers")
}

// Beat says that a replica lives, for ttl, and drops the viewers of those that have not said so for theirs. One that was
// late itself, since the database was away perhaps, judges nobody: the others may be late for the same reason. Who looks
// at a session of which viewers went is told.
func (s *Store) Beat(ctx context.Context, replica string, ttl time.Duration) error {
	_, err := s.upkeep.Exec(ctx, `
		WITH dead AS (
			DELETE FROM replicas WHERE expires_at < now() AND replica <> $1
				AND EXISTS (SELECT FROM replicas WHERE replica = $1 AND expires_at >= now())
			RETURNING replica),
		gone AS (DELETE FROM viewers v USING dead WHERE v.replica = dead.replica RETURNING v.session_id),
		alive AS (
			INSERT INTO replicas (replica, expires_at) VALUES ($1, now() + $2)
			ON CONFLICT (replica) DO UPDATE SET expires_at = excluded.expires_at)
		SELECT pg_notify($3, ($4::jsonb || jsonb_build_object('s', session_id))::text) FROM (SELECT DISTINCT session_id FROM gone) AS sessions_left`,
		replica, ttl, channel, payload("", 0, kindViewers))
	return wrap(err, "say that this replica lives")
}
