package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

const (
	// maxRecordings of one session are kept; the next one needs one to go.
	maxRecordings = 200
	// chunksAtOnce are read of a recording, so that a slow download holds neither much memory nor a connection.
	chunksAtOnce = 16
)

const recordingColumns = `r.id::text, r.session_id::text, r.terminal, r.title, r.cols, r.rows, r.started_at, r.stopping_at IS NOT NULL,
	coalesce(r.ended_at, '0001-01-01 00:00:00+00'), r.error, r.duration_us, r.byte_count, r.chunks, r.incarnation, r.next_offset,
	(extract(epoch FROM clock_timestamp() - r.started_at) * 1000000)::bigint`

func scanRecording(row pgx.Row) (r backend.Recording, err error) {
	var duration, age int64
	err = row.Scan(&r.ID, &r.SessionID, &r.Terminal, &r.Title, &r.Cols, &r.Rows, &r.StartedAt, &r.Stopping,
		&r.EndedAt, &r.Error, &duration, &r.Size, &r.Cursor.Chunks, &r.Cursor.Incarnation, &r.Cursor.Offset, &age)
	r.Duration, r.Age = time.Duration(duration)*time.Microsecond, time.Duration(age)*time.Microsecond
	if r.EndedAt.UTC().Year() == 1 {
		r.EndedAt = time.Time{}
	}
	return r, err
}

func collectRecording(row pgx.CollectableRow) (backend.Recording, error) { return scanRecording(row) }

// CreateRecording makes an active recording of a terminal of a session that is ready. CodeAlreadyExists while one of
// that terminal is active, CodeTooLarge when the session has as many as it may, CodeUnavailable when its environment
// does not run.
func (s *Store) CreateRecording(ctx context.Context, n backend.NewRecording) (backend.Recording, error) {
	var recording backend.Recording
	var count int
	b := &pgx.Batch{}
	// The lock orders this with SetPhase, which ends what is active when the environment goes.
	b.Queue(`SELECT 1 FROM sessions WHERE id = $1 FOR SHARE`, string(n.SessionID))
	b.Queue(`SELECT count(*) FROM recordings WHERE session_id = $1`, string(n.SessionID)).
		QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
	b.Queue(`
		INSERT INTO recordings AS r (session_id, terminal, title, cols, rows)
		SELECT s.id, $2, $3, $4, $5 FROM sessions s WHERE s.id = $1 AND s.phase = 'ready' AND s.deleted_at IS NULL
			AND (SELECT count(*) FROM recordings WHERE session_id = $1) < $6
		RETURNING `+recordingColumns, string(n.SessionID), n.Terminal, n.Title, n.Cols, n.Rows, maxRecordings).
		QueryRow(func(row pgx.Row) (err error) {
			recording, err = scanRecording(row)
			return err
		})
	notifyRecording(b, n.SessionID)
	err := s.pool.SendBatch(ctx, b).Close()
	switch {
	case violates(err) == "recordings_active":
		return recording, backend.Errorf(backend.CodeAlreadyExists, "the terminal %q is being recorded already", n.Terminal)
	case errors.Is(err, pgx.ErrNoRows) && count >= maxRecordings:
		return recording, backend.Errorf(backend.CodeTooLarge, "the session has %d recordings, which is the most; delete one first", count)
	case errors.Is(err, pgx.ErrNoRows):
		return recording, backend.Errorf(backend.CodeUnavailable, "the environment is not running")
	}
	return recording, wrap(err, "create a recording")
}

func notifyRecording(b *pgx.Batch, session backend.SessionID) {
	b.Queue(`SELECT pg_notify($1, $2)`, channel, payload(session, 0, kindRecording))
}

// Recordings lists those of a session, the newest first.
func (s *Store) Recordings(ctx context.Context, session backend.SessionID) ([]backend.Recording, error) {
	return s.recordings(ctx, `WHERE r.session_id = $1 ORDER BY r.started_at DESC, r.id`, string(session))
}

// ActiveRecordings lists those of a session that go on.
func (s *Store) ActiveRecordings(ctx context.Context, session backend.SessionID) ([]backend.Recording, error) {
	return s.recordings(ctx, `WHERE r.session_id = $1 AND r.ended_at IS NULL ORDER BY r.id`, string(session))
}

func (s *Store) recordings(ctx context.Context, where string, args ...any) ([]backend.Recording, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+recordingColumns+` FROM recordings r `+where, args...)
	if err != nil {
		return nil, wrap(err, "list recordings")
	}
	recordings, err := pgx.CollectRows(rows, collectRecording)
	return recordings, wrap(err, "list recordings")
}

// Recording finds one of a session. CodeNotFound.
func (s *Store) Recording(ctx context.Context, session backend.SessionID, id backend.RecordingID) (backend.Recording, error) {
	if !isUUID(string(id)) || !isUUID(string(session)) {
		return backend.Recording{}, noRecording()
	}
	recording, err := scanRecording(s.pool.QueryRow(ctx,
		`SELECT `+recordingColumns+` FROM recordings r WHERE r.id = $1 AND r.session_id = $2`, string(id), string(session)))
	if errors.Is(err, pgx.ErrNoRows) {
		return recording, noRecording()
	}
	return recording, wrap(err, "find a recording")
}

// AppendRecording stores a chunk with its cursor, under the lease. CodeStaleLease; CodeConflict when the cursor is no
// longer at chunk.At; CodeNotFound when the recording has ended or is gone.
func (s *Store) AppendRecording(ctx context.Context, lease backend.Lease, chunk backend.RecordingChunk) error {
	var held, active, told bool
	b := &pgx.Batch{}
	b.Queue(`
		WITH held AS (
			SELECT session_id FROM workspaces WHERE session_id = $1 AND lease_epoch = $2 AND lease_holder = $3 FOR SHARE),
		active AS (
			SELECT r.id FROM recordings r JOIN held USING (session_id) WHERE r.id = $4 AND r.ended_at IS NULL FOR UPDATE OF r),
		told AS (
			UPDATE recordings r SET chunks = $6, incarnation = $7, next_offset = $8, byte_count = r.byte_count + octet_length($9::bytea),
				duration_us = greatest(r.duration_us, $10), ended_at = CASE WHEN $11 THEN now() END, error = $12
			FROM active WHERE r.id = active.id AND r.chunks = $5 RETURNING r.id),
		stored AS (
			INSERT INTO recording_chunks (recording_id, n, data)
			SELECT told.id, $5, $9 FROM told WHERE octet_length($9::bytea) > 0)
		SELECT EXISTS (SELECT FROM held), EXISTS (SELECT FROM active), EXISTS (SELECT FROM told)`,
		string(lease.SessionID), lease.Epoch, lease.Holder, string(chunk.ID), chunk.At.Chunks, chunk.Cursor.Chunks, chunk.Cursor.Incarnation,
		chunk.Cursor.Offset, notNil(chunk.Data), micros(chunk.Duration), chunk.End, chunk.Error).
		QueryRow(func(row pgx.Row) error { return row.Scan(&held, &active, &told) })
	if chunk.End || chunk.At.Chunks == 0 {
		notifyRecording(b, lease.SessionID)
	}
	err := s.pool.SendBatch(ctx, b).Close()
	switch {
	case err != nil:
		return wrap(err, "append to a recording")
	case !held:
		return staleLease()
	case !active:
		return backend.Errorf(backend.CodeNotFound, "the recording has ended or is gone")
	case !told:
		return backend.Errorf(backend.CodeConflict, "the recording has other chunks than was thought")
	}
	return nil
}

// notNil makes nothing an empty bytea: NULL has no length.
func notNil(p []byte) []byte {
	if p == nil {
		return []byte{}
	}
	return p
}

// StopRecording asks for the end of a terminal's active recording; the recorder ends it. CodeNotFound.
func (s *Store) StopRecording(ctx context.Context, session backend.SessionID, terminal string) (backend.Recording, error) {
	return s.updateRecording(ctx, session, `stopping_at = coalesce(r.stopping_at, now())`,
		`r.session_id = $1 AND r.terminal = $2`, string(session), terminal)
}

// EndRecording ends an active recording with what has been stored of it. CodeNotFound when it has ended already.
func (s *Store) EndRecording(ctx context.Context, session backend.SessionID, id backend.RecordingID, reason string) (backend.Recording, error) {
	return s.updateRecording(ctx, session, `ended_at = now(), error = $3`,
		`r.session_id = $1 AND r.id = $2`, string(session), string(id), reason)
}

func (s *Store) updateRecording(ctx context.Context, session backend.SessionID, set, where string, args ...any) (backend.Recording, error) {
	var recording backend.Recording
	b := &pgx.Batch{}
	b.Queue(`UPDATE recordings r SET `+set+` WHERE `+where+` AND r.ended_at IS NULL RETURNING `+recordingColumns, args...).
		QueryRow(func(row pgx.Row) (err error) {
			recording, err = scanRecording(row)
			return err
		})
	notifyRecording(b, session)
	err := s.pool.SendBatch(ctx, b).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		return recording, backend.Errorf(backend.CodeNotFound, "no such recording is active")
	}
	return recording, wrap(err, "end a recording")
}

// DeleteRecording deletes one with all its chunks; one that is active ends by it. CodeNotFound.
func (s *Store) DeleteRecording(ctx context.Context, session backend.SessionID, id backend.RecordingID) error {
	if !isUUID(string(id)) || !isUUID(string(session)) {
		return noRecording()
	}
	var deleted int64
	b := &pgx.Batch{}
	b.Queue(`WITH gone AS (DELETE FROM recordings WHERE id = $1 AND session_id = $2 RETURNING 1) SELECT count(*) FROM gone`, string(id), string(session)).
		QueryRow(func(row pgx.Row) error { return row.Scan(&deleted) })
	notifyRecording(b, session)
	err := s.pool.SendBatch(ctx, b).Close()
	if err == nil && deleted == 0 {
		return noRecording()
	}
	return wrap(err, "delete a recording")
}

// CopyRecording writes the events of a recording, as far as they are stored when it begins, to what open answers for
// it. CodeNotFound; also in the middle when it is deleted meanwhile.
func (s *Store) CopyRecording(
	ctx context.Context, session backend.SessionID, id backend.RecordingID, open func(backend.Recording) (io.Writer, error),
) error {
	recording, err := s.Recording(ctx, session, id)
	if err != nil {
		return err
	}
	w, err := open(recording)
	if err != nil {
		return err
	}
	for n := 0; n < recording.Cursor.Chunks; n += chunksAtOnce {
		upTo := min(n+chunksAtOnce, recording.Cursor.Chunks)
		rows, err := s.pool.Query(ctx, `SELECT data FROM recording_chunks WHERE recording_id = $1 AND n >= $2 AND n < $3 ORDER BY n`, string(id), n, upTo)
		if err != nil {
			return wrap(err, "read a recording")
		}
		chunks, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		if err != nil {
			return wrap(err, "read a recording")
		}
		if len(chunks) != upTo-n {
			return noRecording()
		}
		for _, data := range chunks {
			if _, err := w.Write(data); err != nil {
				return fmt.Errorf("send a recording: %w", err)
			}
		}
	}
	return nil
}

func noRecording() error {
	return backend.Errorf(backend.CodeNotFound, "there is no such recording")
}
