package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"codingplatform/backend"
	"codingplatform/migrations"
)

// Replicas that start together wait for the first one's migration: a try a second, for ten minutes.
const (
	lockPeriodSeconds = 1
	lockTries         = 600
)

// Migrate brings the schema up to date. Replicas may call it at once: an advisory lock lets one go first. It
// needs a direct connection, since the lock belongs to a session.
func Migrate(ctx context.Context, url string) error {
	return migrateBy(url, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return wrap(err, "migrate the database")
	})
}

// migrateTo brings an empty database to an older schema. CodeInvalid when this program does not know it.
func migrateTo(ctx context.Context, url string, version int64) error {
	return migrateBy(url, func(p *goose.Provider) error {
		if newest := p.ListSources()[len(p.ListSources())-1].Version; version > newest || version < 1 {
			return backend.Errorf(backend.CodeInvalid, "schema %d is not known to this version, whose newest is %d", version, newest)
		}
		_, err := p.UpTo(ctx, version)
		return wrap(err, "migrate the database")
	})
}

func migrateBy(url string, do func(*goose.Provider) error) (err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return backend.Errorf(backend.CodeInvalid, "read the database URL: %w", err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	db := stdlib.OpenDB(*config)
	defer func() {
		if cerr := db.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("close the connection of the migration: %w", cerr)
		}
	}()
	p, err := provider(db)
	if err != nil {
		return err
	}
	return do(p)
}

func provider(db *sql.DB) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPeriodSeconds, lockTries))
	if err != nil {
		return nil, fmt.Errorf("make the migration's lock: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return p, nil
}
