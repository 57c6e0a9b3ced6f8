package filesync_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/agent/workspace"
	"codingplatform/backend"
	"codingplatform/backend/pgembed"
	"codingplatform/backend/postgres"
)

// modelMaxFile is the model's cap of a file, in bytes.
const modelMaxFile = 1 << 20

// model is a world in which everything happens at once.
type model struct {
	*world
	t      *testing.T
	r      *rand.Rand
	server *pgembed.Server
	config pgembed.Config
	disk   *program

	mu sync.Mutex
	// saved are the versions that SaveFile has answered: the path and the revision.
	saved []backend.Item
	trace []string
}

// TestModel does random things to the disk, in the editor and to the machinery in between, at the same time. At each
// quiet point database and disk must be equal, and what was ever shown as saved must be in the history.
func TestModel(t *testing.T) {
	t.Parallel()
	seed := *modelSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("replay with -model.seed=%d", seed)
	m := newModel(t, seed)
	end := time.Now().Add(*modelFor)
	rounds := 0
	for time.Now().Before(end) && !t.Failed() {
		m.round(rounds)
		rounds++
	}
	t.Logf("%d rounds, %d saves of the editor", rounds, len(m.saved))
}

// serverPrograms are the repository's; empty: the system's.
func serverPrograms(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("../../build/postgres/*/bin")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		return ""
	}
	bin, err := filepath.Abs(found[len(found)-1])
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

func newModel(t *testing.T, seed uint64) *model {
	t.Helper()
	dir := shortDir(t)
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	m := &model{t: t, r: rand.New(rand.NewPCG(seed, 0)), config: pgembed.Config{
		DataDir: filepath.Join(dir, "pg"), BinDir: serverPrograms(t), RunAs: "nobody", Logger: slog.New(slog.DiscardHandler),
	}}
	// A crash loses what a volatile server has acknowledged: this one is as in production.
	var err error
	if m.server, err = pgembed.Start(t.Context(), m.config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.server.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if err := postgres.Migrate(t.Context(), m.server.URL()); err != nil {
		t.Fatal(err)
	}
	m.world = newWorld(t, m.server.URL())
	m.policy.MaxFileBytes = modelMaxFile
	m.pollInterval = 100 * time.Millisecond
	m.disk = &program{root: m.root, r: rand.New(rand.NewPCG(seed, 1)), log: m.note, wrote: map[string]backend.Hash{}}
	if err := os.WriteFile(outside(m.root), []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	// One file stays, so that the workspace is never empty: the brake has tests of its own.
	if err := os.WriteFile(filepath.Join(m.root, "stays"), []byte("here"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.startAgent()
	m.startReplica("a")
	m.startReplica("b")
	m.flush()
	return m
}

// note keeps what was done in this round, for a failure's report.
func (m *model) note(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trace = append(m.trace, time.Now().Format("05.000000 ")+fmt.Sprintf(format, args...))
}

// round does things at once, waits until all is quiet and compares.
func (m *model) round(n int) {
	m.trace, m.disk.mapped = nil, false
	before, err := m.store.Revision(m.t.Context(), m.session)
	if err != nil {
		m.t.Fatal(err)
	}
	ops, saves, faults := 5+m.r.IntN(60), m.r.IntN(15), m.r.IntN(4)
	editor := rand.New(rand.NewPCG(m.r.Uint64(), 2))
	chaos := rand.New(rand.NewPCG(m.r.Uint64(), 3))
	var wg sync.WaitGroup
	wg.Go(func() {
		for range ops {
			m.disk.step()
		}
	})
	wg.Go(func() {
		for range saves {
			m.edit(editor)
		}
	})
	wg.Go(func() {
		for range faults {
			m.fault(chaos)
		}
	})
	wg.Wait()
	m.t.Logf("round %d: %d changes on the disk, %d by the editor, %d faults", n, ops, saves, faults)
	defer func() {
		if m.t.Failed() {
			m.t.Logf("this round:\n%s\nthe database:\n%s", strings.Join(m.trace, "\n"), strings.Join(m.history(before), "\n"))
		}
	}()
	if m.disk.mapped {
		m.flush() // nobody is told of what is written through a mapping
	}
	m.untilEqual()
	m.checkHistory()
	if content, err := os.ReadFile(outside(m.root)); string(content) != "outside" {
		m.t.Errorf("what is outside was written to through a link: %q (%v)", content, err)
	}
	m.world.mu.Lock()
	defer m.world.mu.Unlock()
	for _, err := range m.problems {
		m.t.Error(err)
	}
}

// history is what the database went through after a revision, for a failure's report.
func (m *model) history(revision int64) (lines []string) {
	for {
		changes, last, reaches, err := m.store.ChangesSince(context.WithoutCancel(m.t.Context()), m.session, revision, 1000)
		if err != nil || !reaches || len(changes) == 0 {
			return append(lines, fmt.Sprintf("that is all: %v", err))
		}
		for _, c := range changes {
			lines = append(lines, fmt.Sprintf("%s %s %s %q from %q, before: %s %x: %s",
				c.UpdatedAt.Format("05.000000"), c.Source, c.Op, c.Path, c.From, c.PreviousType, c.Previous[:4], words(c.Item)))
		}
		revision = last
	}
}

// edit is one thing that the editor or the API does.
func (m *model) edit(r *rand.Rand) {
	p := program{r: r}
	ctx := m.t.Context()
	request := postgres.PathRequest{
		SessionID: m.session, UserID: m.user, Path: escaped(p.path()), Source: backend.SourceAPI, Limits: m.policy.Limits,
	}
	var what string
	var err error
	switch n := r.IntN(100); {
	case n < 60:
		what = "save"
		err = m.save(ctx, r, request, p.content())
	case n < 70:
		what = "make folder"
		_, _, err = m.store.MakeFolder(ctx, request)
	case n < 80:
		what = "delete"
		_, err = m.store.DeletePath(ctx, request)
	default:
		if r.IntN(3) > 0 {
			request.Path = m.listed(ctx, r, request.Path)
		}
		// Not to where nothing is saved: what a program wrote there a moment before would rightly be in no history.
		to := strings.ReplaceAll(escaped(p.path()), "node_modules", "modules")
		what = fmt.Sprintf("move to %q", to)
		_, err = m.store.MovePath(ctx, request, to)
	}
	m.note("editor: %s %q: %v", what, request.Path, err)
	// What is refused in words, or since the database is away, is part of the game.
	if err != nil && backend.CodeOf(err) == backend.CodeInternal {
		m.problem(fmt.Errorf("%s %q: %w", what, request.Path, err))
	}
}

// listed is a path that the editor sees in the tree; other: there is none.
func (m *model) listed(ctx context.Context, r *rand.Rand, other string) string {
	items, _, err := m.store.Tree(ctx, m.session, "", 0)
	items = slices.DeleteFunc(items, func(i backend.Item) bool { return i.Path == "stays" || strings.HasPrefix(i.Path, "flood") })
	if err != nil || len(items) == 0 {
		return other
	}
	return items[r.IntN(len(items))].Path
}

// escaped is a path of the disk as the editor names it.
func escaped(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range parts {
		parts[i] = workspace.Escape(parts[i])
	}
	return strings.Join(parts, "/")
}

// save saves with the revision that the editor has seen, an old one, or none.
func (m *model) save(ctx context.Context, r *rand.Rand, request postgres.PathRequest, content []byte) error {
	save := postgres.SaveRequest{
		SessionID: m.session, UserID: m.user, Path: request.Path, Content: content, Source: backend.SourceEditor, Limits: m.policy.Limits,
	}
	present, err := m.store.Item(ctx, m.session, request.Path)
	if err != nil && backend.CodeOf(err) != backend.CodeNotFound {
		return err
	}
	base := present.Revision
	stale := base > 1 && r.IntN(4) == 0
	if stale {
		base--
	}
	if r.IntN(3) > 0 {
		save.Base = &base
	}
	item, _, err := m.store.SaveFile(ctx, save)
	if err != nil {
		return err
	}
	// Equal content may be saved whatever its base; so much is equal by no chance.
	if stale && save.Base != nil && len(content) >= 100 {
		m.problem(fmt.Errorf("a save of %q over revision %d was taken with base %d", request.Path, present.Revision, base))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saved = append(m.saved, item)
	return nil
}

// checkHistory wants every version that was shown as saved, and the last one of each file that programs wrote.
func (m *model) checkHistory() {
	m.t.Helper()
	ctx := m.t.Context()
	conn, err := pgx.Connect(ctx, m.url)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(ctx); err != nil {
			m.t.Error(err)
		}
	}()
	rows, err := conn.Query(ctx, `SELECT path, revision, content_hash FROM workspace_history h
		WHERE session_id = $1 AND op = 'put' AND content_hash IS NOT NULL AND EXISTS (SELECT FROM blobs b WHERE b.hash = h.content_hash)`, string(m.session))
	if err != nil {
		m.t.Fatal(err)
	}
	type version struct {
		path     string
		revision int64
		hash     backend.Hash
	}
	versions, contents := map[version]bool{}, map[backend.Hash]bool{}
	var v version
	var hash []byte
	if _, err := pgx.ForEachRow(rows, []any{&v.path, &v.revision, &hash}, func() error {
		copy(v.hash[:], hash)
		versions[v], contents[v.hash] = true, true
		return nil
	}); err != nil {
		m.t.Fatal(err)
	}
	for _, item := range m.saved {
		// An equal content is no new version, so the answer may name a revision that a move or a mode has made.
		if !contents[item.Hash] {
			m.t.Errorf("%q was saved as revision %d, and the history has nothing of it", item.Path, item.Revision)
		}
	}
	for path, hash := range m.disk.wrote {
		if strings.Contains(path, "node_modules") || contents[hash] {
			continue
		}
		m.t.Errorf("the last version of %q that a program wrote is in no history", strings.TrimPrefix(path, m.root+"/"))
	}
	clear(m.disk.wrote)
	// Contents that nothing in the history refers to are collected.
	var lost int
	if err := conn.QueryRow(ctx, `SELECT count(*) FROM workspace_items i WHERE i.content_hash IS NOT NULL AND NOT EXISTS
		(SELECT FROM workspace_history h WHERE h.session_id = i.session_id AND h.content_hash = i.content_hash)`).Scan(&lost); err != nil || lost > 0 {
		m.t.Errorf("%d files are in the tree with contents that are not in the history (%v)", lost, err)
	}
}
