package postgres

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"codingplatform/backend"
)

// Config is how to reach the database.
type Config struct {
	// URL of the server or of a pooling proxy before it, as libpq reads it. It may hold pgx's settings, for
	// example default_query_exec_mode.
	URL string
	// MaxConns is the most connections of the pool; 0: 10. upkeepConns come besides.
	MaxConns int32
	// ExecMode is one of cache_statement (the default), cache_describe, describe_exec, exec and simple_protocol,
	// and wins over the URL. A transaction-pooling proxy needs cache_describe or exec.
	ExecMode string
	Logger   *slog.Logger
}

const (
	defaultMaxConns = 10
	// upkeepConns are those of what must not wait behind the requests of thousands: a lease that is renewed too late passes
	// to another replica. What uses them waits for no row.
	upkeepConns    = 2
	connectTimeout = 10 * time.Second
)

// Store is the database. Its methods may be called at once from many goroutines.
type Store struct {
	pool   *pgxpool.Pool
	upkeep *pgxpool.Pool
	// buffers are of the rows that are written by COPY.
	buffers rowBuffers
	logger  *slog.Logger
}

// Open makes the pool and checks that the server answers. CodeInvalid: the URL cannot be read; CodeUnavailable:
// no answer.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, backend.Errorf(backend.CodeInvalid, "read the database URL: %w", err)
	}
	pc.MaxConns = defaultMaxConns
	if cfg.MaxConns > 0 {
		pc.MaxConns = cfg.MaxConns
	}
	if pc.ConnConfig.ConnectTimeout == 0 {
		pc.ConnConfig.ConnectTimeout = connectTimeout
	}
	if cfg.ExecMode != "" {
		mode, err := execMode(cfg.ExecMode)
		if err != nil {
			return nil, err
		}
		pc.ConnConfig.DefaultQueryExecMode = mode
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, wrap(err, "open the database")
	}
	pc = pc.Copy()
	pc.MaxConns, pc.MinConns, pc.MinIdleConns = upkeepConns, 0, 0
	upkeep, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		pool.Close()
		return nil, wrap(err, "open the database")
	}
	s := &Store{pool: pool, upkeep: upkeep, logger: cfg.Logger}
	if err := s.Ping(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func execMode(name string) (pgx.QueryExecMode, error) {
	for _, m := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		if strings.ReplaceAll(m.String(), " ", "_") == name {
			return m, nil
		}
	}
	return 0, backend.Errorf(backend.CodeInvalid, "the database's exec mode %q is none of cache_statement, cache_describe, describe_exec, exec, simple_protocol", name)
}

// Close waits for the connections in use and closes all.
func (s *Store) Close() {
	s.pool.Close()
	s.upkeep.Close()
}

// Connections are those of a Store.
type Connections struct {
	Open, InUse int
	// Waits is how often one was waited for, Waited for how long in all.
	Waits  int64
	Waited time.Duration
}

// Connections tells of all that the Store has.
func (s *Store) Connections() (all Connections) {
	for _, pool := range []*pgxpool.Pool{s.pool, s.upkeep} {
		stat := pool.Stat()
		all.Open += int(stat.TotalConns())
		all.InUse += int(stat.AcquiredConns())
		all.Waits += stat.EmptyAcquireCount()
		all.Waited += stat.EmptyAcquireWaitTime()
	}
	return all
}

// Ping asks the server for an answer. CodeUnavailable: there is none.
func (s *Store) Ping(ctx context.Context) error {
	return wrap(s.pool.Ping(ctx), "reach the database")
}

// wrap adds what was attempted, and the code where the error has one. nil stays nil.
func wrap(err error, attempted string) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*backend.Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", attempted, err)
	}
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case strings.HasPrefix(pe.Code, "08"), strings.HasPrefix(pe.Code, "53"), strings.HasPrefix(pe.Code, "57P"), pe.Code == "25006":
			return unavailable(err, attempted)
		}
		return fmt.Errorf("%s: %w", attempted, err)
	}
	if isConnection(err) {
		return unavailable(err, attempted)
	}
	return fmt.Errorf("%s: %w", attempted, err)
}

func unavailable(err error, attempted string) error {
	message := "the database cannot be reached"
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case pe.Code == "53100":
			message = "the database's disk is full"
		case strings.HasPrefix(pe.Code, "53"):
			message = "the database has no room for more work"
		case pe.Code == "25006":
			message = "the database can only be read"
		}
	}
	return &backend.Error{Code: backend.CodeUnavailable, Message: message, Err: fmt.Errorf("%s: %w", attempted, err)}
}

// isConnection says whether the connection failed, not a statement.
func isConnection(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	_, network := errors.AsType[net.Error](err)
	text := err.Error()
	return network || strings.Contains(text, "conn closed") || strings.Contains(text, "unexpected EOF") || strings.Contains(text, "closed pool")
}

const uniqueViolation = "23505"

// violates returns the name of the unique index that err says is violated, or "".
func violates(err error) string {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok && pe.Code == uniqueViolation {
		return pe.ConstraintName
	}
	return ""
}

// isUUID tells IDs from what cannot be one, which the server would refuse with an error.
func isUUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	_, err := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	return err == nil
}

func nullable[T ~string](id T) *string {
	if id == "" {
		return nil
	}
	s := string(id)
	return &s
}

// channel is that of all notifications.
const channel = "workspace"

// kind is what a notification is about.
type kind string

const (
	kindFiles    kind = "files"
	kindConflict kind = "conflict"
	kindPhase    kind = "step"
	// kindLease is about a lease that was given up. Its word once told of phases too, and wakes backends of that time.
	kindLease  kind = "phase"
	kindWanted kind = "wanted"
	// kindQueue wakes those alone who look at the session.
	kindQueue     kind = "queue"
	kindRecording kind = "recording"
	kindShare     kind = "share"
	// kindViewers is about who has a session open.
	kindViewers kind = "viewers"
	// kindAccount is about a user's settings, layouts or list of sessions, kindSignIn about who is signed in.
	kindAccount kind = "account"
	kindSignIn  kind = "sign-in"
)

// notification is the payload on the channel. It only wakes; the rows are the truth.
type notification struct {
	Session backend.SessionID `json:"s"`
	// User is told too that something of the account has changed.
	User     backend.UserID `json:"u,omitempty"`
	Revision int64          `json:"r"`
	Kind     kind           `json:"k"`
}

func payload(session backend.SessionID, revision int64, k kind) string {
	return notification{Session: session, Revision: revision, Kind: k}.String()
}

// accountPayload tells a user's devices.
func accountPayload(user backend.UserID, k kind) string {
	return notification{User: user, Kind: k}.String()
}

// String is the notification as it is sent.
func (n notification) String() string {
	b, err := json.Marshal(n)
	if err != nil {
		panic("postgres: a notification of plain fields cannot be written: " + err.Error())
	}
	return string(b)
}

func micros(d time.Duration) int64 { return d.Microseconds() }
