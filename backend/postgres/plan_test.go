package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend/postgrestest"
)

// planner is a connection to a database of its own, until the test ends.
func planner(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), postgrestest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// TestPlansDoNotDependOnStatistics: the server's statistics are minutes behind a session that grows by thousands of
// files in a second. Each file must be looked up in an index for both the session and the path all the same.
func TestPlansDoNotDependOnStatistics(t *testing.T) {
	t.Parallel()
	ctx, conn := t.Context(), planner(t)
	var session string
	if err := conn.QueryRow(ctx, `
		WITH u AS (INSERT INTO users (username, email, password_hash) VALUES ('ada', 'ada@example.org', 'hash') RETURNING id),
		s AS (INSERT INTO sessions (user_id, name) SELECT id, 'plans' FROM u RETURNING id)
		INSERT INTO workspaces (session_id) SELECT id FROM s RETURNING session_id::text`).Scan(&session); err != nil {
		t.Fatal(err)
	}
	// A few, so that every index of the session is as good as any, and as many as the server takes for eight to a session.
	rows := 0
	for _, count := range []int{20, 1600} {
		for _, sql := range []string{
			`ALTER TABLE workspace_items SET (autovacuum_enabled = off)`,
			fmt.Sprintf(`INSERT INTO workspace_items (session_id, name, path, type, mode, size, mtime_ns, revision, source)
				SELECT '%s', n::text, n::text, 'folder', 493, 0, 0, 1, 'terminal' FROM generate_series(%d, %d) n`, session, rows+1, count),
			`DISCARD PLANS`,
		} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
		rows = count
		for name, query := range map[string]string{
			"at": `SELECT ` + nodeColumns + itemsAt, "under": `SELECT ` + nodeColumns + itemsUnder, "of": itemsOf,
		} {
			name := fmt.Sprintf("%s_%d", name, count)
			types, paths := `uuid, text[]`, `ARRAY['1'`+strings.Repeat(", '2/3'", 500)+`]`
			if query == itemsOf {
				types, paths = `uuid, text[], text[], text[]`, paths+`, `+paths+`, `+paths
			}
			if _, err := conn.Exec(ctx, `PREPARE `+pgx.Identifier{name}.Sanitize()+` (`+types+`) AS `+query); err != nil {
				t.Fatal(err)
			}
			for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
				if _, err := conn.Exec(ctx, `SET plan_cache_mode = `+mode); err != nil {
					t.Fatal(err)
				}
				rows, err := conn.Query(ctx, fmt.Sprintf(`EXPLAIN EXECUTE %s ('%s', %s)`, name, session, paths))
				if err != nil {
					t.Fatal(err)
				}
				lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
				if err != nil {
					t.Fatal(err)
				}
				plan := strings.Join(lines, "\n")
				// What is left out because its folder is not there is no row of the table.
				filtered := strings.Contains(strings.ReplaceAll(plan, "Filter: ((parent = ", ""), "Filter: ")
				if !strings.Contains(plan, "using workspace_items_path on") || strings.Contains(plan, "Seq Scan") || filtered {
					t.Errorf("with %s, items %s paths are not looked up in their index:\n%s", mode, name, plan)
				}
			}
		}
	}
}

// TestASessionIsLookedUpAmongMany: what one session's start asks for reads none of the others, and what is done to leases reads
// these, whatever the server believes of the tables.
func TestASessionIsLookedUpAmongMany(t *testing.T) {
	t.Parallel()
	ctx, conn := t.Context(), planner(t)
	for _, sql := range []string{
		`INSERT INTO users (username, email, password_hash) VALUES ('ada', 'ada@example.org', 'hash')`,
		`INSERT INTO sessions (user_id, name, wanted) SELECT id, 'one of many', true FROM users, generate_series(1, 5000)`,
		`INSERT INTO workspaces (session_id) SELECT id FROM sessions`,
		`PREPARE named (uuid[]) AS ` + toRunOf,
		`PREPARE renew (uuid[], bigint[], text, bigint) AS ` + renewLeases,
		`PREPARE release (uuid[], bigint[], text, text[], text) AS ` + releaseLeases,
		`PREPARE acquire (uuid[], text, bigint) AS ` + acquireLeases,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	const one = `(ARRAY['00000000-0000-0000-0000-000000000000'::uuid]`
	for _, statistics := range []string{`SELECT`, `ANALYZE`} {
		for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
			for _, call := range []string{
				`named ` + one + `)`, `renew ` + one + `, ARRAY[1::bigint], 'a', 1)`,
				`release ` + one + `, ARRAY[1::bigint], 'a', ARRAY['a'], 'a')`, `acquire ` + one + `, 'a', 1)`,
			} {
				if _, err := conn.Exec(ctx, statistics+`; SET plan_cache_mode = `+mode); err != nil {
					t.Fatal(err)
				}
				rows, err := conn.Query(ctx, `EXPLAIN EXECUTE `+call)
				if err != nil {
					t.Fatal(err)
				}
				lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
				if err != nil {
					t.Fatal(err)
				}
				if plan := strings.Join(lines, "\n"); strings.Contains(plan, "Seq Scan") {
					t.Errorf("after %s, with %s, %s reads all sessions:\n%s", statistics, mode, call, plan)
				}
			}
		}
	}
}
