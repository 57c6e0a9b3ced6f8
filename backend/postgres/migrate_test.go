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

// provider are the migrations of a database that has none of them.
func provider(t *testing.T) (url string, db *sql.DB, p *goose.Provider) {
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
	return url, db, p
}

// TestChunksBecomePieces: a large content that was stored in rows of 1 MiB is the same afterwards, and after the way back.
func TestChunksBecomePieces(t *testing.T) {
	t.Parallel()
	url, db, p := provider(t)
	if _, err := p.UpTo(t.Context(), 12); err != nil {
		t.Fatal(err)
	}
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
	url, db, p := provider(t)
	if _, err := p.UpTo(t.Context(), 14); err != nil {
		t.Fatal(err)
	}
	const session, content = "00000000-0000-4000-8000-000000000001", "print(1)"
	hash := sha256.Sum256([]byte(content))
	if _, err := db.ExecContext(t.Context(), `INSERT INTO blobs (hash, size, data, touched_at) VALUES ($1, $2, $3, now() - interval '1 day')`,
		hash[:], len(content), []byte(content)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO workspace_items (session_id, name, path, type, mode, size, revision, source, content_hash)
		SELECT $1::uuid, n, n, 'file', 420, $2, 7, 'terminal', $3 FROM unnest(ARRAY['a.py', 'b.py']) AS n`, session, len(content), hash[:]); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	store, err := postgres.Open(t.Context(), postgres.Config{URL: url, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
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
