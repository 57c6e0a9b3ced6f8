package postgres_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
)

// TestContentsAreCollectedWhileWritten: the collector meets writers of the contents that nothing has referred to for long.
func TestContentsAreCollectedWhileWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var writing sync.WaitGroup
	for writer := range 4 {
		writing.Go(func() {
			path := fmt.Sprint("f", writer)
			// Sessions of their own, since those of one take turns.
			s, err := w.CreateSession(t.Context(), w.user, path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 150 {
				content := fmt.Sprint("content ", (7*i+13*writer)%50)
				if _, _, err := w.SaveFile(t.Context(), postgres.SaveRequest{
					SessionID: s.ID, UserID: w.user, Path: path, Content: []byte(content), Source: backend.SourceEditor,
				}); err != nil {
					t.Error(err)
					return
				}
				if _, got, err := w.ReadFile(t.Context(), s.ID, path); err != nil || string(got) != content {
					t.Errorf("%s holds %q, saved was %q (%v)", path, got, content, err)
					return
				}
			}
		})
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		writing.Wait()
	}()
	for {
		if _, err := w.TrimHistory(t.Context(), 0, 1); err != nil {
			t.Error(err)
		}
		w.exec(`UPDATE blobs SET touched_at = '-infinity' WHERE touched_at > '-infinity'`)
		if _, err := w.CollectBlobs(t.Context()); err != nil {
			t.Error(err)
		}
		select {
		case <-written:
			return
		default:
		}
	}
}

// TestWhatIsThereIsNotCollected: of files that were moved, alone and with their folder, long ago, only the
// history knows the contents; when it is trimmed as far as it goes, they stay.
func TestWhatIsThereIsNotCollected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("old", "superseded")
	w.save("old", "alone")
	w.save("folder/below/deep", "deep")
	w.save("gone", "gone")
	for from, to := range map[string]string{"old": "new", "folder": "elsewhere"} {
		if _, err := w.MovePath(t.Context(), w.path(from), to); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.DeletePath(t.Context(), w.path("gone")); err != nil {
		t.Fatal(err)
	}
	w.exec(`UPDATE workspace_history SET created_at = now() - interval '1 year'`)
	w.exec(`UPDATE blobs SET touched_at = now() - interval '1 year'`)
	if n, err := w.TrimHistory(t.Context(), 0, 1); err != nil || n == 0 {
		t.Errorf("it drops %d versions, %v", n, err)
	}
	if n, err := w.CollectBlobs(t.Context()); err != nil || n != 2 {
		t.Errorf("it collects %d contents, %v, want the superseded and the deleted one", n, err)
	}
	for path, want := range map[string]string{"new": "alone", "elsewhere/below/deep": "deep"} {
		if got := w.read(path); got != want {
			t.Errorf("%q holds %q, want %q", path, got, want)
		}
	}
}

// TestTrimLosesNoContent: where the tree is not what the history says, the history of that session stays, and that of the
// others is trimmed.
func TestTrimLosesNoContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.save("f", "superseded, and there")
	w.save("f", "present")
	w.exec(`UPDATE workspace_items SET content_hash = $1, size = $2 WHERE path = 'f'`, first.Hash[:], first.Size)
	another, err := w.CreateSession(t.Context(), w.user, "another", []postgres.NewFile{{Path: "g", Content: []byte("first")}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.DeletePath(t.Context(), postgres.PathRequest{SessionID: another.ID, UserID: w.user, Path: "g", Source: backend.SourceAPI}); err != nil {
		t.Fatal(err)
	}
	if n, err := w.TrimHistory(t.Context(), 0, 1); err == nil || n != 2 {
		t.Errorf("it drops %d versions, %v, want the two of the other session and an error", n, err)
	}
	w.exec(`UPDATE blobs SET touched_at = now() - interval '1 year'`)
	if _, err := w.CollectBlobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.read("f"); got != "superseded, and there" {
		t.Errorf("the file holds %q", got)
	}
}

// TestTrimLeavesOpenConflicts: what an open conflict is about stays, however old.
func TestTrimLeavesOpenConflicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base, other := w.save("f", "base").Revision, w.save("f", "other").Revision
	w.save("f", "superseded")
	last := w.save("f", "present").Revision
	w.exec(`INSERT INTO workspace_conflicts (session_id, path, revision, other_revision, base_revision) VALUES ($1, 'f', $2, $3, $4)`, string(w.session), last, other, base)
	if n, err := w.TrimHistory(t.Context(), 0, 1); err != nil || n != 0 {
		t.Errorf("with an open conflict it drops %d, %v", n, err)
	}
	if err := w.ResolveConflict(t.Context(), w.session, "f"); err != nil {
		t.Fatal(err)
	}
	if n, err := w.TrimHistory(t.Context(), 0, 1); err != nil || n != 3 {
		t.Errorf("resolved, it drops %d, %v", n, err)
	}
}

// TestChunksThatBecomeAContentStay: an upload that took longer than chunks without a content are kept, and whose content is
// not committed yet when the collector looks.
func TestChunksThatBecomeAContentStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := numbered(1<<20 + 1)
	hash := sha256.Sum256([]byte(content))
	if err := w.PutBlob(t.Context(), w.lease("one"), hash, int64(len(content)), strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	w.exec(`UPDATE blob_pieces SET created_at = now() - interval '2 days'`)
	conn := connect(t, w.url)
	var chunks string
	if err := conn.QueryRow(t.Context(), `DELETE FROM blobs WHERE hash = $1 RETURNING chunks_id::text`, hash[:]).Scan(&chunks); err != nil {
		t.Fatal(err)
	}
	// As the end of an upload does.
	tx, err := conn.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), `SELECT FROM blob_pieces WHERE chunks_id = $1 AND n = 0 FOR KEY SHARE`, chunks)
	}
	if err == nil {
		_, err = tx.Exec(t.Context(), `INSERT INTO blobs (hash, size, chunks_id) VALUES ($1, $2, $3)`, hash[:], len(content), chunks)
	}
	if err != nil {
		t.Fatal(err)
	}
	patience, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := w.CollectBlobs(patience); err != nil {
		t.Errorf("beside an upload that ends: %v", err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CollectBlobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := w.BlobReader(t.Context(), w.session, hash)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != content {
		t.Errorf("the content has %d bytes, %v", len(got), err)
	}
	// Without a content they go.
	w.exec(`DELETE FROM blobs`)
	if _, err := w.CollectBlobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.count("blob_pieces"); n != 0 {
		t.Errorf("%d pieces of no content are left", n)
	}
}

// connect is a connection beside the store's, until the test ends.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
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
