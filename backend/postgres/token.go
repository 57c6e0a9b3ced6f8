package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

const signInColumns = `t.id::text, t.kind = 'token', t.read_only, t.name, t.user_agent, t.remote_addr, t.created_at, t.last_used_at, t.expires_at`

func signInFields(t *backend.SignIn) []any {
	return []any{&t.ID, &t.Token, &t.ReadOnly, &t.Name, &t.UserAgent, &t.RemoteAddr, &t.CreatedAt, &t.LastUsedAt, &t.ExpiresAt}
}

// maxTokens is how many tokens for programs a user may have.
const maxTokens = 100

// CreateToken stores a sign-in, or a token for programs, by the SHA-256 of its token. CodeTooLarge when a user has very
// many tokens already.
func (s *Store) CreateToken(ctx context.Context, user backend.UserID, hash [32]byte, signIn backend.SignIn) (made backend.SignIn, err error) {
	kind := "sign-in"
	if signIn.Token {
		kind = "token"
	}
	err = s.pool.QueryRow(ctx, `
		INSERT INTO auth_tokens AS t (user_id, token_hash, expires_at, user_agent, remote_addr, kind, name, read_only)
		SELECT $1, $2, $3, $4, $5, $6::text, $7, $8
		WHERE $6::text = 'sign-in' OR (SELECT count(*) FROM auth_tokens WHERE user_id = $1 AND kind = 'token' AND expires_at > now()) < $9
		RETURNING `+signInColumns,
		string(user), hash[:], signIn.ExpiresAt, signIn.UserAgent, signIn.RemoteAddr, kind, signIn.Name, signIn.ReadOnly, maxTokens).
		Scan(signInFields(&made)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return made, backend.Errorf(backend.CodeTooLarge, "you have %d tokens, the most there can be; revoke one first", maxTokens)
	}
	return made, wrap(err, "store a sign-in")
}

// UserByToken finds who signed in with a token. CodeUnauthenticated when there is no such token or it has expired.
// That the token was used is noted once a minute at most.
func (s *Store) UserByToken(ctx context.Context, hash [32]byte) (backend.User, backend.SignIn, error) {
	var stale bool
	var signIn backend.SignIn
	u, err := scanUser(s.pool.QueryRow(ctx, `
		SELECT `+userColumns+`, t.last_used_at < now() - interval '1 minute', `+signInColumns+`
		FROM auth_tokens t JOIN users u ON u.id = t.user_id
		WHERE t.token_hash = $1 AND t.expires_at > now()`, hash[:]), append([]any{&stale}, signInFields(&signIn)...)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return u, signIn, notSignedIn()
	}
	if err != nil {
		return u, signIn, wrap(err, "find a sign-in")
	}
	if stale {
		_, err = s.pool.Exec(ctx, `
			UPDATE auth_tokens SET last_used_at = now() WHERE token_hash = $1 AND last_used_at < now() - interval '1 minute'`, hash[:])
	}
	return u, signIn, wrap(err, "note the use of a sign-in")
}

func notSignedIn() error {
	return backend.Errorf(backend.CodeUnauthenticated, "you are not signed in, or the sign-in has expired: sign in again")
}

// CheckSignIn looks whether a sign-in is still good. CodeUnauthenticated.
func (s *Store) CheckSignIn(ctx context.Context, id backend.SignInID) error {
	var good bool
	err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM auth_tokens WHERE id = $1 AND expires_at > now())`, string(id)).Scan(&good)
	if err == nil && !good {
		return notSignedIn()
	}
	return wrap(err, "look at a sign-in")
}

// SignIns lists a user's sign-ins, or tokens for programs, the last used first.
func (s *Store) SignIns(ctx context.Context, user backend.UserID, tokens bool) ([]backend.SignIn, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+signInColumns+` FROM auth_tokens t
		WHERE t.user_id = $1 AND (t.kind = 'token') = $2 AND t.expires_at > now() ORDER BY t.last_used_at DESC, t.id LIMIT 1000`, string(user), tokens)
	if err != nil {
		return nil, wrap(err, "list sign-ins")
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t backend.SignIn, err error) {
		err = row.Scan(signInFields(&t)...)
		return t, err
	})
	return all, wrap(err, "list sign-ins")
}

// DeleteSignIn ends a user's sign-in, or token for programs, and returns what it was. CodeNotFound.
func (s *Store) DeleteSignIn(ctx context.Context, user backend.UserID, id backend.SignInID, token bool) (ended backend.SignIn, err error) {
	if !isUUID(string(id)) {
		return ended, noSignIn()
	}
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM auth_tokens t WHERE t.id = $1 AND t.user_id = $2 AND (t.kind = 'token') = $3 RETURNING `+signInColumns, string(id), string(user), token).
		QueryRow(func(row pgx.Row) error { return row.Scan(signInFields(&ended)...) })
	b.Queue(`SELECT pg_notify($1, $2)`, channel, accountPayload(user, kindSignIn))
	err = s.pool.SendBatch(ctx, b).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		return ended, noSignIn()
	}
	return ended, wrap(err, "end a sign-in")
}

func noSignIn() error { return backend.Errorf(backend.CodeNotFound, "there is no such sign-in") }

// DeleteSignIns ends all sign-ins of a user but one, which may be "": all of them. Tokens for programs stay. It returns
// how many.
func (s *Store) DeleteSignIns(ctx context.Context, user backend.UserID, except backend.SignInID) (ended int64, err error) {
	err = s.endSignIns(ctx, user, except, &ended, nil)
	return ended, err
}

// ChangePassword stores a password's hash and ends all sign-ins but one, together. It returns how many.
func (s *Store) ChangePassword(ctx context.Context, user backend.UserID, hash string, except backend.SignInID) (ended int64, err error) {
	err = s.endSignIns(ctx, user, except, &ended, func(b *pgx.Batch) {
		b.Queue(`UPDATE users SET password_hash = $2, updated_at = now() WHERE id = $1`, string(user), hash)
	})
	return ended, err
}

func (s *Store) endSignIns(ctx context.Context, user backend.UserID, except backend.SignInID, ended *int64, first func(*pgx.Batch)) error {
	b := &pgx.Batch{}
	if first != nil {
		first(b)
	}
	b.Queue(`WITH ended AS (DELETE FROM auth_tokens WHERE user_id = $1 AND kind = 'sign-in' AND id IS DISTINCT FROM $2::uuid RETURNING 1) SELECT count(*) FROM ended`,
		string(user), nullable(except)).QueryRow(func(row pgx.Row) error { return row.Scan(ended) })
	b.Queue(`SELECT pg_notify($1, $2)`, channel, accountPayload(user, kindSignIn))
	return wrap(s.pool.SendBatch(ctx, b).Close(), "end sign-ins")
}

// PasswordHash returns that of a user. CodeNotFound.
func (s *Store) PasswordHash(ctx context.Context, user backend.UserID) (hash string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT password_hash FROM users WHERE id = $1`, string(user)).Scan(&hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", backend.Errorf(backend.CodeNotFound, "there is no such user")
	}
	return hash, wrap(err, "find a user")
}

// DeleteToken ends a sign-in. Ending one that is not there is no error.
func (s *Store) DeleteToken(ctx context.Context, hash [32]byte) error {
	_, err := s.pool.Exec(ctx, `
		WITH ended AS (DELETE FROM auth_tokens WHERE token_hash = $1 RETURNING user_id)
		SELECT pg_notify($2, jsonb_build_object('u', user_id, 'k', $3::text)::text) FROM ended`, hash[:], channel, string(kindSignIn))
	return wrap(err, "delete a sign-in")
}

// DeleteExpiredTokens removes the sign-ins that have expired and returns how many.
func (s *Store) DeleteExpiredTokens(ctx context.Context) (int64, error) {
	tag, err := s.pool.Exec(ctx, `DELETE FROM auth_tokens WHERE expires_at <= now()`)
	return tag.RowsAffected(), wrap(err, "delete expired sign-ins")
}
