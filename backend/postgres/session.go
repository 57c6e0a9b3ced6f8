package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"codingplatform/backend"
)

const sessionColumns = `s.id::text, s.user_id::text, s.name, s.phase, s.phase_reason, s.phase_since, s.wanted, s.environment_id,
	s.created_at, s.updated_at, s.last_activity_at,
	coalesce((SELECT w.file_count FROM workspaces w WHERE w.session_id = s.id), 0),
	coalesce((SELECT w.byte_count FROM workspaces w WHERE w.session_id = s.id), 0), s.trashed_at, s.stops_at, s.may_stay, s.queue_place`

// scanSession reads sessionColumns and what more follows them.
func scanSession(row pgx.Row, more ...any) (s backend.Session, err error) {
	var trashed, stops *time.Time
	err = row.Scan(append([]any{
		&s.ID, &s.UserID, &s.Name, &s.Phase, &s.Reason, &s.PhaseSince, &s.Wanted, &s.EnvironmentID,
		&s.CreatedAt, &s.UpdatedAt, &s.LastActivityAt, &s.Files, &s.Bytes, &trashed, &stops, &s.MayStay, &s.Place,
	}, more...)...)
	if trashed != nil {
		s.TrashedAt = *trashed
	}
	if stops != nil {
		s.StopsAt = *stops
	}
	return s, err
}

func collectSession(row pgx.CollectableRow) (backend.Session, error) { return scanSession(row) }

// NewFile is a file that is to be written; its parents are made.
type NewFile struct {
	Path    string
	Content []byte
	// Mode is the permission bits; 0: those of the file that is there, or 0o644.
	Mode uint32
}

// CreateSession makes a session, its workspace and the first files, together. CodeInvalid for paths that are none.
func (s *Store) CreateSession(ctx context.Context, user backend.UserID, name string, files []NewFile) (backend.Session, error) {
	if !isUUID(string(user)) {
		return backend.Session{}, backend.Errorf(backend.CodeNotFound, "there is no such user")
	}
	id := backend.SessionID(uuid.NewString())
	var session backend.Session
	want := plan{paths: make([]string, 0, len(files))}
	want.first = func(b *pgx.Batch) {
		b.Queue(`INSERT INTO sessions AS s (id, user_id, name) VALUES ($1, $2, $3) RETURNING `+sessionColumns, string(id), string(user), name).
			QueryRow(func(row pgx.Row) (err error) {
				session, err = scanSession(row)
				return err
			})
		b.Queue(`INSERT INTO workspaces (session_id) VALUES ($1)`, string(id))
		b.Queue(`SELECT pg_notify($1, $2)`, channel, accountPayload(user, kindAccount))
	}
	contents := newContents()
	for i := range files {
		path, err := backend.CleanPath(files[i].Path)
		if err != nil {
			return session, err
		}
		files[i].Path = path
		want.paths = append(want.paths, path)
		want.hashes = append(want.hashes, contents.add(files[i].Content))
	}
	e, err := s.begin(ctx, id, want)
	if err != nil {
		return session, wrap(err, "create a session")
	}
	defer e.close(ctx)
	e.user, e.source = user, backend.SourceAPI
	e.contents = contents
	for _, f := range files {
		if _, _, err := e.write(f, backend.Limits{}); err != nil {
			return session, err
		}
	}
	return session, wrap(e.commit(ctx), "create a session")
}

// Session finds a user's session. CodeNotFound for another's and for a deleted one.
func (s *Store) Session(ctx context.Context, user backend.UserID, id backend.SessionID) (backend.Session, error) {
	if !isUUID(string(id)) || !isUUID(string(user)) {
		return backend.Session{}, noSession()
	}
	return s.oneSession(ctx, `WHERE s.id = $1 AND s.user_id = $2 AND s.trashed_at IS NULL AND s.deleted_at IS NULL`, string(id), string(user))
}

// SessionByID finds a session of anybody. CodeNotFound, also for one that is deleted and not yet purged.
func (s *Store) SessionByID(ctx context.Context, id backend.SessionID) (backend.Session, error) {
	if !isUUID(string(id)) {
		return backend.Session{}, noSession()
	}
	return s.oneSession(ctx, `WHERE s.id = $1 AND s.deleted_at IS NULL`, string(id))
}

func (s *Store) oneSession(ctx context.Context, where string, args ...any) (backend.Session, error) {
	session, err := scanSession(s.pool.QueryRow(ctx, `SELECT `+sessionColumns+` FROM sessions s `+where, args...))
	if errors.Is(err, pgx.ErrNoRows) {
		return session, noSession()
	}
	return session, wrap(err, "find a session")
}

// Sessions lists a user's sessions, the newest first, and counts all of them. limit 0: 100.
func (s *Store) Sessions(ctx context.Context, user backend.UserID, skip, limit int) ([]backend.Session, int64, error) {
	if limit <= 0 {
		limit = 100
	}
	var count int64
	var sessions []backend.Session
	b := &pgx.Batch{}
	b.Queue(`SELECT count(*) FROM sessions WHERE user_id = $1 AND trashed_at IS NULL AND deleted_at IS NULL`, string(user)).
		QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
	b.Queue(`SELECT `+sessionColumns+` FROM sessions s WHERE s.user_id = $1 AND s.trashed_at IS NULL AND s.deleted_at IS NULL
		ORDER BY s.created_at DESC, s.id OFFSET $2 LIMIT $3`, string(user), max(skip, 0), limit).
		Query(func(rows pgx.Rows) (err error) {
			sessions, err = pgx.CollectRows(rows, collectSession)
			return err
		})
	return sessions, count, wrap(s.pool.SendBatch(ctx, b).Close(), "list sessions")
}

// RenameSession gives a user's session a name, 1 to 100 characters. CodeNotFound.
func (s *Store) RenameSession(ctx context.Context, user backend.UserID, id backend.SessionID, name string) (backend.Session, error) {
	if !isUUID(string(id)) || !isUUID(string(user)) {
		return backend.Session{}, noSession()
	}
	var session backend.Session
	b := &pgx.Batch{}
	b.Queue(`
		UPDATE sessions s SET name = $3, updated_at = now()
		WHERE s.id = $1 AND s.user_id = $2 AND s.trashed_at IS NULL AND s.deleted_at IS NULL
		RETURNING `+sessionColumns, string(id), string(user), name).
		QueryRow(func(row pgx.Row) (err error) {
			session, err = scanSession(row)
			return err
		})
	b.Queue(`SELECT pg_notify($1, $2)`, channel, accountPayload(user, kindAccount))
	err := s.pool.SendBatch(ctx, b).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		return session, noSession()
	}
	return session, wrap(err, "rename a session")
}

// PurgeSession removes the rows of a deleted session. Its contents go with the next collection. CodeConflict when it is
// not marked deleted; purging what is gone is no error.
func (s *Store) PurgeSession(ctx context.Context, id backend.SessionID) error {
	if !isUUID(string(id)) {
		return nil
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var deleted bool
		err := tx.QueryRow(ctx, `SELECT deleted_at IS NOT NULL FROM sessions WHERE id = $1 FOR UPDATE`, string(id)).Scan(&deleted)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if !deleted {
			return backend.Errorf(backend.CodeConflict, "the session %s is not deleted", id)
		}
		b := &pgx.Batch{}
		// The lock that all writers of files take comes first.
		b.Queue(`SELECT 1 FROM workspaces WHERE session_id = $1 FOR UPDATE`, string(id))
		for _, table := range []string{"workspace_items", "workspace_history", "workspace_conflicts", "blob_uploads"} {
			b.Queue(`DELETE FROM `+table+` WHERE session_id = $1`, string(id))
		}
		b.Queue(`DELETE FROM sessions WHERE id = $1`, string(id))
		return tx.SendBatch(ctx, b).Close()
	})
	return wrap(err, "purge a session")
}

// SetWanted says whether an environment shall run, and why. CodeNotFound, also for a deleted session.
func (s *Store) SetWanted(ctx context.Context, id backend.SessionID, wanted bool, reason string) error {
	if !isUUID(string(id)) {
		return noSession()
	}
	// Starting counts as use, so that an idle check that comes first does not undo it.
	tag, err := s.pool.Exec(ctx, `
		WITH changed AS (
			UPDATE sessions SET wanted = $2, phase_reason = CASE WHEN $3 = '' THEN phase_reason ELSE $3 END, updated_at = now(),
				last_activity_at = CASE WHEN $2 THEN now() ELSE last_activity_at END
			WHERE id = $1 AND deleted_at IS NULL AND (trashed_at IS NULL OR NOT $2) RETURNING id)
		SELECT pg_notify($4, $5) FROM changed`, string(id), wanted, reason, channel, payload(id, 0, kindWanted))
	if err == nil && tag.RowsAffected() == 0 {
		return noSession()
	}
	return wrap(err, "set whether a session shall run")
}

// toRun says which sessions are to run and who has their leases, of all and of some.
const (
	toRun = `SELECT s.id::text, s.wanted AND s.deleted_at IS NULL,
			CASE WHEN w.lease_expires_at > clock_timestamp() THEN w.lease_holder ELSE '' END,
			CASE WHEN w.lease_expires_at > clock_timestamp()
				THEN (extract(epoch FROM w.lease_expires_at - clock_timestamp()) * 1000000)::bigint ELSE 0 END
		FROM sessions s JOIN workspaces w ON w.session_id = s.id
		WHERE (s.wanted OR s.phase NOT IN ('stopped', 'failed') OR s.deleted_at IS NOT NULL)`
	toRunOf = toRun + ` AND s.id = ANY ($1::uuid[])`
)

// SessionsToRun lists what a reconciliation looks at: sessions that are wanted, active or deleted.
func (s *Store) SessionsToRun(ctx context.Context) ([]backend.ToRun, error) {
	return s.sessionsToRun(ctx, toRun)
}

// SessionsToRunOf is SessionsToRun of those that are named.
func (s *Store) SessionsToRunOf(ctx context.Context, ids []backend.SessionID) ([]backend.ToRun, error) {
	named := make([]string, 0, len(ids))
	for _, id := range ids {
		if isUUID(string(id)) {
			named = append(named, string(id))
		}
	}
	return s.sessionsToRun(ctx, toRunOf, named)
}

func (s *Store) sessionsToRun(ctx context.Context, query string, args ...any) ([]backend.ToRun, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, wrap(err, "list sessions to run")
	}
	sessions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r backend.ToRun, err error) {
		var left int64 // microseconds
		if err = row.Scan(&r.ID, &r.Wanted, &r.Holder, &left); err == nil && r.Holder != "" {
			r.LeaseEnds = time.Now().Add(time.Duration(left) * time.Microsecond)
		}
		return r, err
	})
	return sessions, wrap(err, "list sessions to run")
}

// SetPhase tells where the environment is, under the lease. Without an environment no recording goes on, so that none
// outlives its terminal. CodeStaleLease.
func (s *Store) SetPhase(ctx context.Context, lease backend.Lease, phase backend.Phase, reason string, environment backend.EnvironmentID) error {
	var changed int64
	b := &pgx.Batch{}
	b.Queue(`
		WITH held AS (
			SELECT session_id FROM workspaces WHERE session_id = $1 AND lease_epoch = $2 AND lease_holder = $3 FOR SHARE),
		changed AS (
			UPDATE sessions s SET phase = $4, phase_reason = $5, environment_id = $6, updated_at = now(),
				phase_since = CASE WHEN s.phase = $4 THEN s.phase_since ELSE now() END,
				stops_at = NULL, may_stay = false, queue_place = 0,
				queued_at = CASE WHEN $4 = 'starting' AND $6 = '' THEN s.queued_at END,
				placed_at = CASE WHEN $4 IN ('stopped', 'failed') THEN NULL WHEN $6 <> '' THEN coalesce(s.placed_at, now()) ELSE s.placed_at END
			FROM held WHERE s.id = held.session_id RETURNING s.user_id)
		SELECT pg_notify($7, ($8::jsonb || jsonb_build_object('u', user_id))::text) FROM changed`,
		string(lease.SessionID), lease.Epoch, lease.Holder, string(phase), reason, string(environment),
		channel, payload(lease.SessionID, 0, kindPhase)).
		Exec(func(tag pgconn.CommandTag) error {
			changed = tag.RowsAffected()
			return nil
		})
	if environment == "" {
		// A statement of its own, to see what was committed until the row of the session was locked.
		b.Queue(`
			UPDATE recordings r SET ended_at = now() FROM workspaces w
			WHERE r.session_id = $1 AND r.ended_at IS NULL AND w.session_id = $1 AND w.lease_epoch = $2 AND w.lease_holder = $3`,
			string(lease.SessionID), lease.Epoch, lease.Holder)
	}
	err := s.pool.SendBatch(ctx, b).Close()
	if err == nil && changed == 0 {
		return staleLease()
	}
	return wrap(err, "set the phase of a session")
}

// TouchActivity notes that a session was used now. Often means seldom: what is known to within a few seconds is not written
// again.
func (s *Store) TouchActivity(ctx context.Context, id backend.SessionID) error {
	_, err := s.pool.Exec(ctx, `UPDATE sessions SET last_activity_at = now() WHERE id = $1 AND last_activity_at < now() - interval '5 seconds'`, string(id))
	return wrap(err, "note the use of a session")
}
