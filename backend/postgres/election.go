package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Elect makes holder the one that does the work of that name for ttl by the database's clock, or keeps it so; false
// while it is another.
func (s *Store) Elect(ctx context.Context, name, holder string, ttl time.Duration) (bool, error) {
	err := s.upkeep.QueryRow(ctx, `
		INSERT INTO elections AS e (name, holder, expires_at)
		VALUES ($1, $2, clock_timestamp() + $3::bigint * interval '1 microsecond')
		ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
		WHERE e.holder = EXCLUDED.holder OR e.expires_at <= clock_timestamp()
		RETURNING holder`, name, holder, micros(ttl)).Scan(&holder)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, wrap(err, "stand for election")
}

// Resign lets another do the work at once. One that does it no more changes nothing.
func (s *Store) Resign(ctx context.Context, name, holder string) error {
	_, err := s.upkeep.Exec(ctx, `DELETE FROM elections WHERE name = $1 AND holder = $2`, name, holder)
	return wrap(err, "resign")
}
