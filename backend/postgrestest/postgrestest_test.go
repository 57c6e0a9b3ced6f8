package postgrestest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend/postgrestest"
)

func TestDatabasesAreMigratedAndApart(t *testing.T) {
	for _, name := range []string{"one", "two", "three"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := pgx.Connect(t.Context(), postgrestest.New(t))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := conn.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			var tables int
			const count = `SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'`
			if err := conn.QueryRow(t.Context(), count).Scan(&tables); err != nil {
				t.Fatal(err)
			}
			if tables < 5 {
				t.Errorf("%d tables: the schema is missing", tables)
			}
			if _, err := conn.Exec(t.Context(), `CREATE TABLE mine (x int)`); err != nil {
				t.Errorf("a database is shared: %v", err)
			}
		})
	}
}
