package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// CreateToken stores a sign-in by the SHA-256 of its token.
func (s *Store) CreateToken(ctx context.Context, user backend.UserID, hash [32]byte, expires time.Time, userAgent, remoteAddr string) error {
	_, err := s.pool.Exec(ctx, `
		INSERT INTO auth_tokens (user_id, token_hash, expires_at, user_agent, remote_addr) VALUES ($1, $2, $3, $4, $5)`,
		string(user), hash[:], expires, userAgent, remoteAddr)
	return wrap(err, "store a sign-in")
}

// UserByToken finds who signed in with a token. CodeUnauthenticated when there is no such token or it has expired.
// That the token was used is noted once a minute at most.
func (s *Store) UserByToken(ctx context.Context, hash [32]byte) (backend.User, error) {
	var stale bool
	u, err := scanUser(s.pool.QueryRow(ctx, `
		SELECT `+userColumns+`, t.last_used_at < now() - interval '1 minute'
		FROM auth_tokens t JOIN users u ON u.id = t.user_id
		WHERE t.token_hash = $1 AND t.expires_at > now()`, hash[:]), &stale)
	if errors.Is(err, pgx.ErrNoRows) {
		return u, backend.Errorf(backend.CodeUnauthenticated, "you are not signed in, or the sign-in has expired: sign in again")
	}
	if err != nil {
		return u, wrap(err, "find a sign-in")
	}
	if stale {
		_, err = s.pool.Exec(ctx, `
			UPDATE auth_tokens SET last_used_at = now() WHERE token_hash = $1 AND last_used_at < now() - interval '1 minute'`, hash[:])
	}
	return u, wrap(err, "note the use of a sign-in")
}

// DeleteToken ends a sign-in. Ending one that is not there is no error.
func (s *Store) DeleteToken(ctx context.Context, hash [32]byte) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM auth_tokens WHERE token_hash = $1`, hash[:])
	return wrap(err, "delete a sign-in")
}

// DeleteExpiredTokens removes the sign-ins that have expired and returns how many.
func (s *Store) DeleteExpiredTokens(ctx context.Context) (int64, error) {
	tag, err := s.pool.Exec(ctx, `DELETE FROM auth_tokens WHERE expires_at <= now()`)
	return tag.RowsAffected(), wrap(err, "delete expired sign-ins")
}
