package postgres_test

import (
	"crypto/sha256"
	"database/sql"
	"io"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
	"codingplatform/backend/postgrestest"
	"codingplatform/migrations"
)

// migrated is a database as a migration left it, and what takes it further.
func migrated(t *testing.T, version int64) (url string, db *sql.DB, p *goose.Provider) {
	t.Helper()
	url = postgrestest.NewEmpty(t)
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	db = stdlib.OpenDB(*config)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	p, err = goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	return url, db, p
}

// TestChunksBecomePieces: a large content that was stored in rows of 1 MiB is the same afterwards, and after the way back.
func TestChunksBecomePieces(t *testing.T) {
	t.Parallel()
	url, db, p := migrated(t, 12)
	const session, chunks = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
	content := numbered(2<<20 + 4001)
	hash := sha256.Sum256([]byte(content))
	if _, err := db.ExecContext(t.Context(), `INSERT INTO blobs (hash, size, chunks_id) VALUES ($1, $2, $3)`, hash[:], len(content), chunks); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO blob_uploads (session_id, hash) VALUES ($1, $2)`, session, hash[:]); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		part := content[n<<20 : min((n+1)<<20, len(content))]
		if _, err := db.ExecContext(t.Context(), `INSERT INTO blob_chunks (chunks_id, n, data) VALUES ($1, $2, $3)`, chunks, n, []byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.UpTo(t.Context(), 13); err != nil {
		t.Fatal(err)
	}
	store, err := postgres.Open(t.Context(), postgres.Config{URL: url, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, skip := range []int64{0, 3999, 4000, 1<<20 - 1, 1 << 20, 2<<20 + 4000} {
		r, err := store.BlobReader(t.Context(), backend.SessionID(session), hash)
		if err != nil {
			t.Fatal(err)
		}
		r.Skip(skip)
		got, err := io.ReadAll(r)
		if err != nil || string(got) != content[skip:] {
			t.Errorf("from byte %d on there are %d bytes, want %d as they were (%v)", skip, len(got), len(content)-int(skip), err)
		}
	}
	if _, err := p.DownTo(t.Context(), 12); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		var part []byte
		if err := db.QueryRowContext(t.Context(), `SELECT data FROM blob_chunks WHERE chunks_id = $1 AND n = $2`, chunks, n).Scan(&part); err != nil {
			t.Fatal(err)
		}
		if string(part) != content[n<<20:min((n+1)<<20, len(content))] {
			t.Errorf("chunk %d is another", n)
		}
	}
}

// TestContentsThatOnlyTheTreeHas: should a file's version be missing in the history, it is there from now on, and its content
// can be read and is not collected.
func TestContentsThatOnlyTheTreeHas(t *testing.T) {
	t.Parallel()
	url, db, p := migrated(t, 14)
	const session, content = "00000000-0000-4000-8000-000000000001", "print(1)"
	hash := sha256.Sum256([]byte(content))
	if _, err := db.ExecContext(t.Context(), `INSERT INTO blobs (hash, size, data, touched_at) VALUES ($1, $2, $3, now() - interval '1 day')`,
		hash[:], len(content), []byte(content)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO workspace_items (session_id, name, path, type, mode, size, revision, source, content_hash)
		SELECT $1::uuid, n, n, 'file', 420, $2, 7, 'terminal', $3 FROM unnest(ARRAY['b/one.py', 'b/two.py']) AS n`, session, len(content), hash[:]); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`INSERT INTO users (id, username, email, password_hash) VALUES ($1, 'ada', 'ada@example.org', 'hash')`,
		`INSERT INTO sessions (id, user_id, name) VALUES ($1, $1, 'moved')`,
		`INSERT INTO workspaces (session_id, revision) VALUES ($1, 9)`,
		// The folder came to its place after the file's own version.
		`INSERT INTO workspace_history (session_id, revision, n, op, path, from_path, type, source) VALUES ($1, 8, 1, 'move', 'b', 'a', 'folder', 'terminal')`,
	} {
		if _, err := db.ExecContext(t.Context(), sql, session); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if _, err := p.UpTo(t.Context(), 15); err != nil {
		t.Fatal(err)
	}
	store, err := postgres.Open(t.Context(), postgres.Config{URL: url, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.TrimHistory(t.Context(), 0, 1); err != nil {
		t.Error(err)
	}
	if n, err := store.CollectBlobs(t.Context()); err != nil || n != 0 {
		t.Errorf("%d contents were collected, %v", n, err)
	}
	r, err := store.BlobReader(t.Context(), backend.SessionID(session), hash)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != content {
		t.Errorf("the content is %q, %v", got, err)
	}
}
