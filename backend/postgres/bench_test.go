package postgres_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
	"codingplatform/backend/postgrestest"
)

// BenchmarkCommit commits 10,000 new files of 1 KB in batches of 1,000, with their history. The floor is COPY of the same
// contents into a table without an index.
func BenchmarkCommit(b *testing.B) {
	const batches, each = 10, 1000
	ctx := b.Context()
	url := postgrestest.New(b)
	store, err := postgres.Open(ctx, postgres.Config{URL: url, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := conn.Close(ctx); err != nil {
			b.Error(err)
		}
	}()
	if _, err := conn.Exec(ctx, `CREATE TABLE floor (data bytea)`); err != nil {
		b.Fatal(err)
	}
	user, err := store.CreateUser(ctx, "ada", "ada@example.org", "hash")
	if err != nil {
		b.Fatal(err)
	}
	var commit, copied time.Duration
	seed := 0
	for b.Loop() {
		session, err := store.CreateSession(ctx, user.ID, fmt.Sprintf("session %d", seed), nil)
		if err != nil {
			b.Fatal(err)
		}
		lease, err := store.AcquireLease(ctx, session.ID, "holder", time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		all := make([]backend.Batch, batches)
		var rows [][]any
		for i := range all {
			all[i] = backend.Batch{Incarnation: "i", Sequence: int64(i + 1)}
			for j := range each {
				seed++
				content := bytes.Repeat(fmt.Appendf(nil, "%015d\n", seed), 64)
				entry := backend.BatchEntry{Op: backend.OpPut, HasContent: true, Content: content}
				entry.Item = backend.Item{
					Path: fmt.Sprintf("folder/%02d/%05d", j%100, i*each+j), Type: backend.TypeFile, Mode: 0o644, Size: 1024,
					ModTime: time.Now(), Hash: sha256.Sum256(content),
				}
				all[i].Entries = append(all[i].Entries, entry)
				rows = append(rows, []any{content})
			}
		}
		start := time.Now()
		for _, batch := range all {
			result, err := store.CommitBatch(ctx, lease, batch, backend.Limits{})
			if err != nil || len(result.Rejected)+len(result.Missing) > 0 {
				b.Fatal(err, result)
			}
		}
		commit += time.Since(start)
		start = time.Now()
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{"floor"}, []string{"data"}, pgx.CopyFromRows(rows)); err != nil {
			b.Fatal(err)
		}
		copied += time.Since(start)
	}
	b.ReportMetric(commit.Seconds()*1e3/float64(b.N), "ms")
	b.ReportMetric(copied.Seconds()*1e3/float64(b.N), "COPY-ms")
	b.ReportMetric(commit.Seconds()/copied.Seconds(), "x-floor")
}
