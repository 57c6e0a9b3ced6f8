package postgres

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// A dump is a zip: a file for each table, as COPY writes it in its binary format, and last the manifest, so that a dump
// that was cut off has none. The checksums are the zip's.
const (
	dumpFormat   = 1
	dumpManifest = "manifest.json"
)

// Dump tells what a dump holds.
type Dump struct {
	Format int `json:"format"`
	// Schema is the number of the last migration.
	Schema    int64            `json:"schema"`
	MadeAt    time.Time        `json:"made_at"`
	Tables    []DumpedTable    `json:"tables"`
	Sequences map[string]int64 `json:"sequences"`
}

// DumpedTable is one table of a dump, in an order in which foreign keys hold.
type DumpedTable struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Rows    int64    `json:"rows"`
}

// Rows is how many rows a dump has in all.
func (d *Dump) Rows() (n int64) {
	for _, t := range d.Tables {
		n += t.Rows
	}
	return n
}

// WriteDump writes all that the database holds as of one moment, while backends go on. It needs a direct connection.
func WriteDump(ctx context.Context, url string, w io.Writer) (d *Dump, err error) {
	conn, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, conn, options, func(tx pgx.Tx) error {
		if d, err = describe(ctx, tx); err != nil {
			return err
		}
		archive := zip.NewWriter(w)
		for i := range d.Tables {
			t := &d.Tables[i]
			file, err := archive.CreateHeader(&zip.FileHeader{Name: t.file(), Method: zip.Deflate, Modified: d.MadeAt})
			if err != nil {
				return fmt.Errorf("write %s: %w", t.file(), err)
			}
			tag, err := conn.PgConn().CopyTo(ctx, file, fmt.Sprintf("COPY (SELECT %s FROM %s) TO STDOUT (FORMAT binary)", names(t.Columns), quoted(t.Name)))
			if err != nil {
				return wrap(err, "read "+t.Name)
			}
			t.Rows = tag.RowsAffected()
		}
		file, err := archive.CreateHeader(&zip.FileHeader{Name: dumpManifest, Method: zip.Deflate, Modified: d.MadeAt})
		if err != nil {
			return fmt.Errorf("write %s: %w", dumpManifest, err)
		}
		encoder := json.NewEncoder(file)
		encoder.SetIndent("", "  ")
		return errors.Join(encoder.Encode(d), archive.Close())
	})
	return d, err
}

// ReadDump fills an empty database with a dump, and brings the schema to where it was then: Migrate does the rest. It is
// one transaction: a dump that is damaged leaves nothing. Sessions are stopped, whatever they were. CodeConflict: the
// database is not empty; CodeInvalid: this is no whole dump, or one of a newer version.
func ReadDump(ctx context.Context, url string, r io.ReaderAt, size int64) (d *Dump, err error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, backend.Errorf(backend.CodeInvalid, "this is no backup, or not a whole one: %w", err)
	}
	if d, err = readManifest(archive); err != nil {
		return nil, err
	}
	conn, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if err := wantEmpty(ctx, conn); err != nil {
		return nil, err
	}
	if err := migrateTo(ctx, url, d.Schema); err != nil {
		return nil, err
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		there, err := describe(ctx, tx)
		if err != nil {
			return err
		}
		for _, t := range d.Tables {
			// Names and columns of a file are not put into a statement before the schema has them.
			i := slices.IndexFunc(there.Tables, func(known DumpedTable) bool { return known.Name == t.Name })
			if i < 0 || !slices.Equal(there.Tables[i].Columns, t.Columns) {
				return backend.Errorf(backend.CodeInvalid, "the backup's table %q is not that of schema %d", t.Name, d.Schema)
			}
			if err := fill(ctx, conn, archive, t); err != nil {
				return err
			}
		}
		for name, value := range d.Sequences {
			if _, known := there.Sequences[name]; !known {
				return backend.Errorf(backend.CodeInvalid, "the backup's sequence %q is not in schema %d", name, d.Schema)
			}
			if value == 0 { // never used
				continue
			}
			if _, err := tx.Exec(ctx, `SELECT setval($1::regclass, $2)`, quoted(name), value); err != nil {
				return wrap(err, "set "+name)
			}
		}
		return settle(ctx, tx)
	})
	return d, err
}

func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, backend.Errorf(backend.CodeInvalid, "read the database URL: %w", err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	return conn, wrap(err, "connect to the database")
}

// describe lists what the present schema has, tables before those that refer to them.
func describe(ctx context.Context, tx pgx.Tx) (*Dump, error) {
	d := &Dump{Format: dumpFormat, MadeAt: time.Now().UTC(), Sequences: map[string]int64{}}
	err := tx.QueryRow(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&d.Schema)
	if err != nil {
		return nil, wrap(err, "read the schema's version")
	}
	rows, err := tx.Query(ctx, `
		SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns, ARRAY(
			SELECT f.relname::text FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid
			WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid
		) AS needs
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
		WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.relnamespace = current_schema()::regnamespace AND c.relname <> 'goose_db_version'
		GROUP BY c.oid, c.relname ORDER BY c.relname`)
	if err != nil {
		return nil, wrap(err, "list the tables")
	}
	type table struct {
		Name           string
		Columns, Needs []string
	}
	tables, err := pgx.CollectRows(rows, pgx.RowToStructByName[table])
	if err != nil {
		return nil, wrap(err, "list the tables")
	}
	for len(tables) > 0 {
		i := slices.IndexFunc(tables, func(t table) bool {
			return !slices.ContainsFunc(tables, func(other table) bool { return slices.Contains(t.Needs, other.Name) })
		})
		if i < 0 {
			return nil, fmt.Errorf("the tables from %s on refer to each other in a circle", tables[0].Name)
		}
		d.Tables = append(d.Tables, DumpedTable{Name: tables[i].Name, Columns: tables[i].Columns})
		tables = slices.Delete(tables, i, i+1)
	}
	sequences, err := tx.Query(ctx, `SELECT sequencename::text, coalesce(last_value, 0) FROM pg_sequences
		WHERE schemaname = current_schema() AND sequencename NOT LIKE 'goose\_%'`)
	if err != nil {
		return nil, wrap(err, "list the sequences")
	}
	var name string
	var value int64
	_, err = pgx.ForEachRow(sequences, []any{&name, &value}, func() error { d.Sequences[name] = value; return nil })
	return d, wrap(err, "list the sequences")
}

func readManifest(archive *zip.Reader) (*Dump, error) {
	file, err := archive.Open(dumpManifest)
	if err != nil {
		return nil, backend.Errorf(backend.CodeInvalid, "this is no backup: it has no %s", dumpManifest)
	}
	var d Dump
	err = json.NewDecoder(io.LimitReader(file, 1<<20)).Decode(&d)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, backend.Errorf(backend.CodeInvalid, "read the backup's manifest: %w", err)
	}
	if d.Format != dumpFormat {
		return nil, backend.Errorf(backend.CodeInvalid, "the backup has format %d, and this version reads %d", d.Format, dumpFormat)
	}
	return &d, nil
}

// wantEmpty refuses a database that has tables already.
func wantEmpty(ctx context.Context, conn *pgx.Conn) error {
	var tables int
	err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`).Scan(&tables)
	if err != nil {
		return wrap(err, "look at what the database has")
	}
	if tables > 0 {
		return backend.Errorf(backend.CodeConflict, "the database has %d tables already: a backup is restored into an empty one", tables)
	}
	return nil
}

// fill copies one table.
func fill(ctx context.Context, conn *pgx.Conn, archive *zip.Reader, t DumpedTable) error {
	file, err := archive.Open(t.file())
	if err != nil {
		return backend.Errorf(backend.CodeInvalid, "the backup has no %s", t.file())
	}
	tag, err := conn.PgConn().CopyFrom(ctx, file, fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary)", quoted(t.Name), names(t.Columns)))
	if err = errors.Join(err, file.Close()); err != nil {
		return wrap(err, "fill "+t.Name)
	}
	if tag.RowsAffected() != t.Rows {
		return backend.Errorf(backend.CodeInvalid, "%s has %d rows, and the backup's manifest says %d", t.Name, tag.RowsAffected(), t.Rows)
	}
	return nil
}

// settle leaves nothing of the environments and leases that were there when the dump was made.
func settle(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `UPDATE sessions SET phase = 'stopped', phase_reason = 'restored from a backup', phase_since = now(), wanted = false, environment_id = '',
		stops_at = NULL, may_stay = false, placed_at = NULL, queued_at = NULL, queue_place = 0`)
	if err != nil {
		return wrap(err, "stop the sessions")
	}
	_, err = tx.Exec(ctx, `UPDATE workspaces SET lease_holder = '', lease_expires_at = '-infinity', lease_epoch = lease_epoch + 1`)
	return wrap(err, "end the leases")
}

func (t *DumpedTable) file() string { return "tables/" + t.Name }

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

func names(columns []string) string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = quoted(c)
	}
	return strings.Join(all, ", ")
}
