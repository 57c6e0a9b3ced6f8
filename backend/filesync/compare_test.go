package filesync_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"

	"codingplatform/agent/ignore"
	"codingplatform/agent/workspace"
	"codingplatform/backend"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// look reads the disk by itself, as the database should have it.
func (w *world) look() (map[string]backend.Item, error) {
	tree := map[string]backend.Item{}
	matcher := ignore.New(w.policy.Ignore)
	err := filepath.WalkDir(w.root, func(disk string, d fs.DirEntry, err error) error {
		if err != nil || disk == w.root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(disk, w.root+"/")
		parts := strings.Split(rel, "/")
		for i := range parts {
			parts[i] = workspace.Escape(parts[i])
		}
		item := backend.Item{Path: strings.Join(parts, "/"), Mode: uint32(info.Mode().Perm()), Size: info.Size()}
		if strings.HasPrefix(d.Name(), workspace.TempPrefix) {
			return nil // half of an Apply
		}
		switch {
		case info.Mode().IsRegular():
			item.Type = backend.TypeFile
		case info.IsDir():
			item.Type, item.Size = backend.TypeFolder, 0
		case info.Mode()&fs.ModeSymlink != 0:
			item.Type, item.Mode, item.Size = backend.TypeSymlink, 0o777, 0
			link, err := os.Readlink(disk)
			if err != nil {
				return err
			}
			item.LinkTarget = workspace.Escape(link)
		default:
			item.Type, item.Unsaved = backend.TypeSpecial, backend.UnsavedSpecial
		}
		if matcher.Match(item.Path, info.IsDir()) {
			item.Unsaved = backend.UnsavedIgnored
			tree[item.Path] = item
			if info.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if item.Type == backend.TypeFile && item.Size > w.policy.MaxFileBytes {
			item.Unsaved = backend.UnsavedTooLarge
		}
		if item.Type == backend.TypeFile && item.Unsaved == backend.Saved {
			content, err := os.ReadFile(disk)
			if err != nil {
				return err
			}
			item.Hash, item.Size = sha256.Sum256(content), int64(len(content))
		}
		tree[item.Path] = item
		return nil
	})
	return tree, err
}

// differences says what of the disk the database does not have, and the other way round.
func (w *world) differences(ctx context.Context) ([]string, error) {
	disk, err := w.look()
	if errors.Is(err, fs.ErrNotExist) {
		return []string{"the disk changes: " + err.Error()}, nil
	}
	if err != nil {
		return nil, err
	}
	items, _, err := w.store.Tree(ctx, w.session, "", 0)
	if err != nil {
		return nil, err
	}
	database := make(map[string]backend.Item, len(items))
	for _, item := range items {
		database[item.Path] = item
	}
	return compare(disk, database), nil
}

func compare(disk, database map[string]backend.Item) (different []string) {
	for _, path := range slices.Sorted(maps.Keys(disk)) {
		want := disk[path]
		got, ok := database[path]
		switch {
		case !ok && hiddenBelow(path, database):
		case !ok:
			different = append(different, fmt.Sprintf("%q is on the disk alone: %s", path, words(want)))
		case !same(want, got):
			different = append(different, fmt.Sprintf("%q: disk %s, database %s", path, words(want), words(got)))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(database)) {
		if _, ok := disk[path]; !ok && !savedInIgnored(path, disk) {
			different = append(different, fmt.Sprintf("%q is in the database alone: %s", path, words(database[path])))
		}
	}
	return different
}

// hiddenBelow: what lies in a folder that is not saved is not listed.
func hiddenBelow(path string, database map[string]backend.Item) bool {
	for dir, _ := workspace.Split(path); dir != ""; dir, _ = workspace.Split(dir) {
		if item, ok := database[dir]; ok {
			return item.Unsaved != backend.Saved
		}
	}
	return false
}

// savedInIgnored: a folder that was saved before a pattern came to match it is saved on, so that what is in it is not for
// the patterns to tell.
func savedInIgnored(path string, disk map[string]backend.Item) bool {
	for dir, _ := workspace.Split(path); dir != ""; dir, _ = workspace.Split(dir) {
		if item, ok := disk[dir]; ok {
			return item.Unsaved == backend.UnsavedIgnored
		}
	}
	return false
}

func same(disk, database backend.Item) bool {
	if disk.Type != database.Type {
		return false
	}
	if disk.Unsaved == backend.UnsavedIgnored {
		return true
	}
	if disk.Unsaved != database.Unsaved {
		return false
	}
	if disk.Unsaved != backend.Saved {
		return disk.Type != backend.TypeFile || disk.Size == database.Size
	}
	return disk.Mode == database.Mode && disk.Hash == database.Hash && disk.LinkTarget == database.LinkTarget && disk.Size == database.Size
}

func words(i backend.Item) string {
	return fmt.Sprintf("%s %o %d bytes %x %s %s @%d", i.Type, i.Mode, i.Size, i.Hash[:4], i.LinkTarget, i.Unsaved, i.Revision)
}

// untilEqual waits until the database and the disk are equal, without a word to the agent: each change must be noticed
// by itself.
func (w *world) untilEqual() {
	w.tb.Helper()
	w.until("database and disk", func() (bool, string) {
		different, err := w.differences(w.tb.Context())
		if err != nil {
			return false, err.Error()
		}
		if len(different) > 20 {
			different = append(different[:20], "…")
		}
		return len(different) == 0, strings.Join(different, "\n")
	})
}

// flush has the agent look at everything, and waits until it is committed, and the database's changes are applied.
func (w *world) flush() {
	w.tb.Helper()
	ctx, cancel := context.WithTimeout(w.tb.Context(), patience)
	defer cancel()
	var last int64 = -1
	w.until("flush", func() (bool, string) {
		revision, err := w.flushOnce(ctx)
		if err != nil {
			return false, err.Error()
		}
		// Twice the same: what came from the database has caused nothing new.
		stable := revision == last
		last = revision
		return stable, fmt.Sprintf("it is at revision %d and moves", revision)
	})
}

func (w *world) flushOnce(ctx context.Context) (revision int64, err error) {
	lease, err := w.lease(ctx)
	if err != nil {
		return 0, err
	}
	conn, err := w.connect(ctx, "observer")
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	moved := w.movement()
	answer, err := conn.Agent.PrepareStop(ctx, connect.NewRequest(&agentv1.PrepareStopRequest{LeaseEpoch: uint64(lease.Epoch)})) //nolint:gosec // epochs begin at 1
	if err != nil {
		return 0, err
	}
	for {
		cursor, err := w.store.Cursor(ctx, w.session)
		if err != nil {
			return 0, err
		}
		changes, last, reaches, err := w.store.ChangesSince(ctx, w.session, cursor.AppliedRevision, 100_000)
		if err != nil {
			return 0, err
		}
		pending := !reaches
		for _, c := range changes {
			pending = pending || c.Source != backend.SourceTerminal && c.Unsaved == backend.Saved
		}
		through := int64(answer.Msg.GetFlushedThrough()) //nolint:gosec // a sequence of this test
		if !pending && (through == 0 || cursor.Incarnation == conn.Incarnation && cursor.Sequence >= through) {
			return last, nil
		}
		if w.present() != conn.Environment.ID {
			return 0, errors.New("the agent has ended")
		}
		w.pause(ctx, moved, 50*time.Millisecond)
		moved = w.movement()
		if now, err := w.lease(ctx); err != nil || now.Epoch != lease.Epoch {
			return 0, errors.Join(errors.New("the lease has moved"), err)
		}
	}
}

func (w *world) present() backend.EnvironmentID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.agent == nil {
		return ""
	}
	return w.agent.env.ID
}

// lease is who holds the session's lease.
func (w *world) lease(ctx context.Context) (lease backend.Lease, err error) {
	conn, err := pgx.Connect(ctx, w.url)
	if err != nil {
		return lease, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	err = conn.QueryRow(ctx, `SELECT lease_holder, lease_epoch FROM workspaces WHERE session_id = $1`, string(w.session)).
		Scan(&lease.Holder, &lease.Epoch)
	return lease, err
}

// expire ends the present lease, as time would.
func (w *world) expire(ctx context.Context) error {
	defer w.progress()
	return w.exec(ctx, `UPDATE workspaces SET lease_expires_at = '-infinity' WHERE session_id = $1`, string(w.session))
}

// exec changes rows behind the store's back.
func (w *world) exec(ctx context.Context, query string, args ...any) (err error) {
	conn, err := pgx.Connect(ctx, w.url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, query, args...)
	return err
}

// sh runs a shell's script in the workspace, as the agent's user.
func (w *world) sh(script string) {
	w.tb.Helper()
	out, err := w.command("/bin/bash", "-euo", "pipefail", "-c", script).CombinedOutput()
	if err != nil {
		w.tb.Fatalf("%s: %v\n%s", script, err, out)
	}
}
