package postgres_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
	"codingplatform/backend/postgrestest"
)

// BenchmarkCommit commits 10,000 new files of 1 KB in batches of 1,000, with their history. The floor is COPY of the same
// contents into a table without an index. Every other round the contents are stored ahead: run it with an even count.
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
	// Turn about: as they come, and with contents stored ahead.
	var commit [2][]time.Duration
	var spent [2]time.Duration
	var copied time.Duration
	rounds := 0
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
		before := serverCPU(b, conn)
		start := time.Now()
		commitAll(b, store, lease, all, rounds%2 == 1)
		commit[rounds%2] = append(commit[rounds%2], time.Since(start))
		spent[rounds%2] += serverCPU(b, conn) - before
		rounds++
		start = time.Now()
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{"floor"}, []string{"data"}, pgx.CopyFromRows(rows)); err != nil {
			b.Fatal(err)
		}
		copied += time.Since(start)
	}
	for i, name := range []string{"", "ahead-"} {
		if n := len(commit[i]); n > 0 {
			slices.Sort(commit[i])
			b.ReportMetric(commit[i][n/2].Seconds()*1e3, name+"ms")
			b.ReportMetric(spent[i].Seconds()*1e3/float64(n), name+"server-cpu-ms")
		}
	}
	b.ReportMetric(copied.Seconds()*1e3/float64(b.N), "COPY-ms")
}

// commitAll commits batches as the syncer does: ahead, each one's contents are stored while the one before is committed.
func commitAll(b *testing.B, store *postgres.Store, lease backend.Lease, all []backend.Batch, ahead bool) {
	b.Helper()
	ready := make(chan backend.Batch)
	var g errgroup.Group
	g.Go(func() error {
		defer close(ready)
		for _, batch := range all {
			if ahead {
				if err := store.StoreAhead(b.Context(), batch); err != nil {
					return err
				}
			}
			ready <- batch
		}
		return nil
	})
	for batch := range ready {
		result, err := store.CommitBatch(b.Context(), lease, batch, backend.Limits{})
		if err != nil || len(result.Rejected)+len(result.Missing) > 0 {
			b.Fatal(err, result)
		}
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
}

// serverCPU is what the server's processes of the other connections to this database have used.
func serverCPU(b *testing.B, conn *pgx.Conn) (total time.Duration) {
	b.Helper()
	rows, err := conn.Query(b.Context(), `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if err != nil {
		b.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		b.Fatal(err)
	}
	for _, pid := range pids {
		var spent time.Duration
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := fmt.Sscan(string(data), (*int64)(&spent)); err != nil {
			b.Fatal(err)
		}
		total += spent
	}
	return total
}
