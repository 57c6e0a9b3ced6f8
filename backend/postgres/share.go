package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"codingplatform/backend"
)

// maxShares of one session are good at once.
const maxShares = 100

// Access finds a session and what a user may do with it. CodeNotFound when that is nothing, or there is no such session.
func (s *Store) Access(ctx context.Context, user backend.UserID, id backend.SessionID) (backend.Session, backend.Access, error) {
	if !isUUID(string(id)) || !isUUID(string(user)) {
		return backend.Session{}, backend.Access{}, noSession()
	}
	var session backend.Session
	var access backend.Access
	b := &pgx.Batch{}
	b.Queue(`SELECT `+sessionColumns+` FROM sessions s WHERE s.id = $1 AND s.trashed_at IS NULL AND s.deleted_at IS NULL`, string(id)).
		QueryRow(func(row pgx.Row) (err error) {
			session, err = scanSession(row)
			return err
		})
	b.Queue(`
		SELECT h.id::text, coalesce(h.terminal, ''), h.mode, h.expires_at
		FROM shares h JOIN share_guests g ON g.share_id = h.id
		WHERE h.session_id = $1 AND g.user_id = $2 AND h.expires_at > now() ORDER BY h.created_at, h.id`, string(id), string(user)).
		Query(func(rows pgx.Rows) (err error) {
			access.Grants, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (g backend.Grant, err error) {
				err = row.Scan(&g.Share, &g.Terminal, &g.Mode, &g.ExpiresAt)
				return g, err
			})
			return err
		})
	err := s.pool.SendBatch(ctx, b).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		return session, access, noSession()
	}
	if err != nil {
		return session, access, wrap(err, "find a session")
	}
	if session.UserID == user {
		return session, backend.Access{Owner: true}, nil
	}
	if !access.Any() {
		return backend.Session{}, access, noSession()
	}
	return session, access, nil
}

const shareColumns = `h.id::text, h.session_id::text, coalesce(h.terminal, ''), h.mode, CASE WHEN h.user_id IS NULL THEN 'link' ELSE 'user' END,
	coalesce((SELECT u.username FROM users u WHERE u.id = h.user_id), ''), h.created_at, h.expires_at,
	coalesce((SELECT array_agg(u.username ORDER BY g.accepted_at, u.id) FROM share_guests g JOIN users u ON u.id = g.user_id WHERE g.share_id = h.id), '{}'),
	coalesce((SELECT array_agg(g.accepted_at ORDER BY g.accepted_at, g.user_id) FROM share_guests g WHERE g.share_id = h.id), '{}')`

func scanShare(row pgx.CollectableRow) (h backend.Share, err error) {
	var names []string
	var times []time.Time
	err = row.Scan(&h.ID, &h.SessionID, &h.Terminal, &h.Mode, &h.Kind, &h.Username, &h.CreatedAt, &h.ExpiresAt, &names, &times)
	for i, name := range names {
		h.Accepted = append(h.Accepted, backend.ShareGuest{Username: name, AcceptedAt: times[i]})
	}
	return h, err
}

// Shares lists those of a session that are good now, the newest first.
func (s *Store) Shares(ctx context.Context, session backend.SessionID) ([]backend.Share, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT `+shareColumns+` FROM shares h WHERE h.session_id = $1 AND h.expires_at > now() ORDER BY h.created_at DESC, h.id`, string(session))
	if err != nil {
		return nil, wrap(err, "list shares")
	}
	shares, err := pgx.CollectRows(rows, scanShare)
	return shares, wrap(err, "list shares")
}

// CreateShare stores a share. The user that it names has it at once. CodeInvalid with Fields when there is no such user
// or it is the owner; CodeTooLarge when the session has as many as it may.
func (s *Store) CreateShare(ctx context.Context, n backend.NewShare) (backend.Share, error) {
	var guest *string
	var token []byte
	if n.Login == "" {
		token = n.TokenHash[:]
	} else {
		user, _, err := s.UserByLogin(ctx, n.Login)
		if backend.CodeOf(err) == backend.CodeNotFound {
			return backend.Share{}, unfit("there is no such user; ask for the name that they sign in with, or make a link")
		}
		if err != nil {
			return backend.Share{}, err
		}
		if user.ID == n.Owner {
			return backend.Share{}, unfit("this is you: the session is yours already")
		}
		guest = nullable(user.ID)
	}
	var share backend.Share
	var count int
	b := &pgx.Batch{}
	b.Queue(`SELECT 1 FROM sessions WHERE id = $1 FOR NO KEY UPDATE`, string(n.SessionID)) // one at a time, for the count
	b.Queue(`SELECT count(*) FROM shares WHERE session_id = $1 AND expires_at > now()`, string(n.SessionID)).
		QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
	b.Queue(`
		WITH h AS (
			INSERT INTO shares (session_id, terminal, mode, user_id, token_hash, expires_at)
			SELECT s.id, $2, $3, $4, $5, now() + $6 * interval '1 microsecond' FROM sessions s
			WHERE s.id = $1 AND s.user_id = $7 AND s.trashed_at IS NULL AND s.deleted_at IS NULL
				AND (SELECT count(*) FROM shares WHERE session_id = $1 AND expires_at > now()) < $8
			RETURNING *),
		g AS (INSERT INTO share_guests (share_id, user_id) SELECT id, user_id FROM h WHERE user_id IS NOT NULL RETURNING accepted_at)
		SELECT h.id::text, h.session_id::text, coalesce(h.terminal, ''), h.mode, CASE WHEN h.user_id IS NULL THEN 'link' ELSE 'user' END,
			coalesce((SELECT u.username FROM users u WHERE u.id = h.user_id), ''), h.created_at, h.expires_at,
			ARRAY(SELECT u.username FROM users u WHERE u.id = h.user_id), ARRAY(SELECT accepted_at FROM g)
		FROM h`,
		string(n.SessionID), nullable(n.Terminal), string(n.Mode), guest, token, micros(n.Lifetime), string(n.Owner), maxShares).
		Query(func(rows pgx.Rows) (err error) {
			share, err = pgx.CollectExactlyOneRow(rows, scanShare)
			return err
		})
	b.Queue(`SELECT pg_notify($1, $2)`, channel, payload(n.SessionID, 0, kindShare))
	err := s.pool.SendBatch(ctx, b).Close()
	switch {
	case errors.Is(err, pgx.ErrNoRows) && count >= maxShares:
		return share, backend.Errorf(backend.CodeTooLarge, "the session has %d shares, which is the most; revoke one first", count)
	case errors.Is(err, pgx.ErrNoRows):
		return share, noSession()
	}
	return share, wrap(err, "share a session")
}

func unfit(message string) error {
	return &backend.Error{Code: backend.CodeInvalid, Message: message, Fields: map[string]string{"username": message}}
}

// RevokeShare ends a share of a session for all its guests. CodeNotFound, also the second time.
func (s *Store) RevokeShare(ctx context.Context, session backend.SessionID, id backend.ShareID) (backend.Share, error) {
	if !isUUID(string(id)) {
		return backend.Share{}, noShare()
	}
	var share backend.Share
	b := &pgx.Batch{}
	b.Queue(`SELECT `+shareColumns+` FROM shares h WHERE h.id = $1 AND h.session_id = $2 FOR UPDATE`, string(id), string(session)).
		Query(func(rows pgx.Rows) (err error) {
			share, err = pgx.CollectExactlyOneRow(rows, scanShare)
			return err
		})
	b.Queue(`DELETE FROM shares WHERE id = $1 AND session_id = $2`, string(id), string(session))
	b.Queue(`SELECT pg_notify($1, $2)`, channel, payload(session, 0, kindShare))
	err := s.pool.SendBatch(ctx, b).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		return share, noShare()
	}
	return share, wrap(err, "revoke a share")
}

// sharedColumns want shares h, sessions s and users o, the owners.
const sharedColumns = sessionColumns + `, o.username, h.id::text, coalesce(h.terminal, ''), h.mode, h.expires_at`

func scanShared(row pgx.CollectableRow) (d backend.Shared, err error) {
	g := &d.Grant
	d.Session, err = scanSession(row, &d.Owner, &g.Share, &g.Terminal, &g.Mode, &g.ExpiresAt)
	return d, err
}

// AcceptShare gives a link's share to a user, who may have it already. CodeNotFound when the token opens nothing now;
// CodeConflict for the owner.
func (s *Store) AcceptShare(ctx context.Context, user backend.UserID, tokenHash [32]byte) (backend.Shared, error) {
	var shared backend.Shared
	var isNew bool
	b := &pgx.Batch{}
	b.Queue(`
		INSERT INTO share_guests (share_id, user_id)
		SELECT h.id, $2 FROM shares h JOIN sessions s ON s.id = h.session_id
		WHERE h.token_hash = $1 AND h.expires_at > now() AND s.trashed_at IS NULL AND s.deleted_at IS NULL AND s.user_id <> $2
		FOR KEY SHARE OF h
		ON CONFLICT DO NOTHING`, tokenHash[:], string(user)).
		Exec(func(tag pgconn.CommandTag) error {
			isNew = tag.RowsAffected() > 0
			return nil
		})
	b.Queue(`
		SELECT `+sharedColumns+` FROM shares h JOIN sessions s ON s.id = h.session_id JOIN users o ON o.id = s.user_id
		WHERE h.token_hash = $1 AND h.expires_at > now() AND s.trashed_at IS NULL AND s.deleted_at IS NULL`, tokenHash[:]).
		Query(func(rows pgx.Rows) (err error) {
			shared, err = pgx.CollectExactlyOneRow(rows, scanShared)
			return err
		})
	err := s.pool.SendBatch(ctx, b).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		return shared, backend.Errorf(backend.CodeNotFound, "this link does not open anything, or no longer: ask for a new one")
	}
	if err == nil && shared.Session.UserID == user {
		return shared, backend.Errorf(backend.CodeConflict, "this is a link to your own session; send it to somebody else")
	}
	if err != nil || !isNew {
		return shared, wrap(err, "accept a share")
	}
	// Windows that the user has open already may do more from now on.
	return shared, s.notifyShares(ctx, shared.Session.ID)
}

// SharedWith lists what others share with a user now, the newest first.
func (s *Store) SharedWith(ctx context.Context, user backend.UserID) ([]backend.Shared, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT `+sharedColumns+` FROM share_guests g JOIN shares h ON h.id = g.share_id JOIN sessions s ON s.id = h.session_id
			JOIN users o ON o.id = s.user_id
		WHERE g.user_id = $1 AND h.expires_at > now() AND s.trashed_at IS NULL AND s.deleted_at IS NULL ORDER BY g.accepted_at DESC, h.id`, string(user))
	if err != nil {
		return nil, wrap(err, "list what is shared with a user")
	}
	shared, err := pgx.CollectRows(rows, scanShared)
	return shared, wrap(err, "list what is shared with a user")
}

// LeaveShare takes a share from a user who no longer wants it. CodeNotFound.
func (s *Store) LeaveShare(ctx context.Context, user backend.UserID, id backend.ShareID) (backend.SessionID, error) {
	if !isUUID(string(id)) {
		return "", noShare()
	}
	var session backend.SessionID
	err := s.pool.QueryRow(ctx, `
		WITH gone AS (
			DELETE FROM share_guests g USING shares h WHERE g.share_id = $1 AND g.user_id = $2 AND h.id = g.share_id RETURNING h.session_id)
		SELECT session_id::text FROM gone`, string(id), string(user)).Scan(&session)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", noShare()
	}
	if err != nil {
		return "", wrap(err, "leave a share")
	}
	return session, s.notifyShares(ctx, session)
}

func (s *Store) notifyShares(ctx context.Context, session backend.SessionID) error {
	_, err := s.pool.Exec(ctx, `SELECT pg_notify($1, $2)`, channel, payload(session, 0, kindShare))
	return wrap(err, "tell that a session's shares have changed")
}

// DeleteExpiredShares removes the shares that have expired and returns how many.
func (s *Store) DeleteExpiredShares(ctx context.Context) (int64, error) {
	tag, err := s.pool.Exec(ctx, `DELETE FROM shares WHERE expires_at <= now()`)
	return tag.RowsAffected(), wrap(err, "delete expired shares")
}

func noShare() error {
	return backend.Errorf(backend.CodeNotFound, "there is no such share")
}
