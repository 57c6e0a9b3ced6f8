package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

const userColumns = `u.id::text, u.username, u.email, u.created_at, u.updated_at`

func scanUser(row pgx.Row, more ...any) (u backend.User, err error) {
	err = row.Scan(append([]any{&u.ID, &u.Username, &u.Email, &u.CreatedAt, &u.UpdatedAt}, more...)...)
	return u, err
}

// CreateUser stores a new user. CodeAlreadyExists with Fields when the name or the address is taken, in any case of letters.
func (s *Store) CreateUser(ctx context.Context, username, email, passwordHash string) (backend.User, error) {
	u, err := scanUser(s.pool.QueryRow(ctx, `
		INSERT INTO users AS u (username, email, password_hash) VALUES ($1, $2, $3) RETURNING `+userColumns,
		username, email, passwordHash))
	switch violates(err) {
	case "users_username_key":
		return u, taken("username", "this name is taken; choose another one")
	case "users_email_key":
		return u, taken("email", "this address has an account already; sign in instead")
	}
	return u, wrap(err, "create a user")
}

func taken(field, message string) error {
	return &backend.Error{Code: backend.CodeAlreadyExists, Message: message, Fields: map[string]string{field: message}}
}

// UserByLogin finds a user by name or address, in any case of letters, and returns the password's hash too.
// CodeNotFound.
func (s *Store) UserByLogin(ctx context.Context, login string) (backend.User, string, error) {
	var hash string
	// A name holds no @, so that at most one matches.
	u, err := scanUser(s.pool.QueryRow(ctx, `
		SELECT `+userColumns+`, u.password_hash FROM users u WHERE lower(u.username) = lower($1)
		UNION ALL
		SELECT `+userColumns+`, u.password_hash FROM users u WHERE lower(u.email) = lower($1)
		LIMIT 1`, login), &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return u, "", backend.Errorf(backend.CodeNotFound, "there is no such user")
	}
	return u, hash, wrap(err, "find a user by login")
}

// User finds a user. CodeNotFound.
func (s *Store) User(ctx context.Context, id backend.UserID) (backend.User, error) {
	if !isUUID(string(id)) {
		return backend.User{}, backend.Errorf(backend.CodeNotFound, "there is no such user")
	}
	u, err := scanUser(s.pool.QueryRow(ctx, `SELECT `+userColumns+` FROM users u WHERE u.id = $1`, string(id)))
	if errors.Is(err, pgx.ErrNoRows) {
		return u, backend.Errorf(backend.CodeNotFound, "there is no such user")
	}
	return u, wrap(err, "find a user")
}
