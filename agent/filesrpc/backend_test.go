package filesrpc_test

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"codingplatform/agent/files"
	"codingplatform/agent/filesrpc"
	agentv1 "codingplatform/proto/gen/agent/v1"
	"codingplatform/proto/gen/agent/v1/agentv1connect"
)

// world is a workspace with a real agent's file service, and a backend played by the test. db is the database's tree.
type world struct {
	tb          testing.TB
	root, state string
	service     *filesrpc.Service
	through     uint64 // the last batch that was committed
	client      agentv1connect.FileServiceClient
	stop        func()
	db          map[string]*agentv1.FileEntry
	blobs       map[string][]byte
	revision    uint64
	policy      *agentv1.SyncPolicy
	incarnation string
	newWatcher  func(string) (files.Watcher, error)
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return &world{
		tb: tb, root: tb.TempDir(), state: tb.TempDir(), db: map[string]*agentv1.FileEntry{}, blobs: map[string][]byte{},
		policy: &agentv1.SyncPolicy{Ignore: []string{"node_modules/", "__pycache__/"}, MaxFileBytes: 10 << 20},
	}
}

// start starts an agent on the world's directories, and ends it with the test or with w.stop.
func (w *world) start() {
	w.tb.Helper()
	w.incarnation = "incarnation-" + w.tb.Name() + strings.Repeat("'", len(w.incarnation)%7)
	service, err := filesrpc.New(filesrpc.Config{
		Root: w.root, State: w.state, Logger: slog.New(slog.NewTextHandler(w.tb.Output(), nil)),
		Incarnation: w.incarnation, NewWatcher: w.newWatcher, PollInterval: 50 * time.Millisecond,
	})
	if err != nil {
		w.tb.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(agentv1connect.NewFileServiceHandler(service, connect.WithCompression("gzip", nil, nil)))
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.StartTLS()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			w.tb.Errorf("Run: %v", err)
		}
		server.CloseClientConnections()
		server.Close()
	}
	w.tb.Cleanup(w.stop)
	w.service = service
	w.client = agentv1connect.NewFileServiceClient(server.Client(), server.URL, connect.WithGRPC())
}

// restore brings the database to the disk as the backend does.
func (w *world) restore(epoch uint64) *agentv1.RestoreDone {
	w.tb.Helper()
	stream := w.client.Restore(w.tb.Context())
	send := func(m *agentv1.RestoreRequest) {
		if err := stream.Send(m); err != nil {
			w.tb.Fatalf("restore: %v", err)
		}
	}
	send(&agentv1.RestoreRequest{Message: &agentv1.RestoreRequest_Open{Open: &agentv1.RestoreOpen{
		LeaseEpoch: epoch, Revision: w.revision, Policy: w.policy,
	}}})
	m, err := stream.Receive()
	if err != nil {
		w.tb.Fatalf("restore: %v", err)
	}
	entries := &agentv1.RestoreEntries{}
	for _, path := range slices.Sorted(maps.Keys(w.db)) {
		entry := w.db[path]
		entries.Entries = append(entries.Entries, entry)
		if content := w.blobs[string(entry.GetSha256())]; m.GetOpened().GetEmpty() && len(content) <= files.InlineBytes {
			entries.Contents = append(entries.Contents, content)
		} else if m.GetOpened().GetEmpty() {
			entries.Contents = append(entries.Contents, nil)
		}
	}
	send(&agentv1.RestoreRequest{Message: &agentv1.RestoreRequest_Entries{Entries: entries}})
	send(&agentv1.RestoreRequest{Message: &agentv1.RestoreRequest_End{End: &agentv1.RestoreEnd{}}})
	for {
		m, err := stream.Receive()
		if err != nil {
			w.tb.Fatalf("restore: %v", err)
		}
		for _, hash := range m.GetWant().GetSha256() {
			content, ok := w.blobs[string(hash)]
			if !ok {
				w.tb.Fatalf("restore wants an unknown content %x", hash)
			}
			for chunk := range chunks(hash, content) {
				send(&agentv1.RestoreRequest{Message: &agentv1.RestoreRequest_Blob{Blob: chunk}})
			}
		}
		if done := m.GetDone(); done != nil {
			_ = stream.CloseRequest()
			_ = stream.CloseResponse()
			return done
		}
	}
}

func chunks(hash, content []byte) func(func(*agentv1.BlobChunk) bool) {
	return func(yield func(*agentv1.BlobChunk) bool) {
		offset := uint64(0)
		for part := range slices.Chunk(content, 256<<10) {
			if !yield(&agentv1.BlobChunk{Sha256: hash, Offset: offset, Size: uint64(len(content)), Data: part}) {
				return
			}
			offset += uint64(len(part))
		}
	}
}

// save puts a file into the database, as the editor does.
func (w *world) save(path, content string) *agentv1.FileEntry {
	hash := sha256.Sum256([]byte(content))
	w.revision++
	w.blobs[string(hash[:])] = []byte(content)
	w.db[path] = &agentv1.FileEntry{
		Path: path, Type: agentv1.FileType_FILE_TYPE_FILE, Mode: 0o644, Size: uint64(len(content)), Sha256: hash[:],
		Revision: w.revision, MtimeNs: 1_700_000_000_000_000_000,
	}
	return w.db[path]
}

func (w *world) folder(path string) {
	w.revision++
	w.db[path] = &agentv1.FileEntry{Path: path, Type: agentv1.FileType_FILE_TYPE_FOLDER, Mode: 0o755, Revision: w.revision}
}

func (w *world) disk(path string) string { return filepath.Join(w.root, path) }

func (w *world) write(path, content string) {
	w.tb.Helper()
	if err := os.MkdirAll(filepath.Dir(w.disk(path)), 0o755); err != nil {
		w.tb.Fatal(err)
	}
	if err := os.WriteFile(w.disk(path), []byte(content), 0o644); err != nil {
		w.tb.Fatal(err)
	}
}

func (w *world) read(path string) string {
	w.tb.Helper()
	b, err := os.ReadFile(w.disk(path))
	if err != nil {
		w.tb.Fatal(err)
	}
	return string(b)
}

// changes is the backend's side of a stream of changes.
type changes struct {
	w       *world
	stream  *connect.BidiStreamForClient[agentv1.ChangesRequest, agentv1.ChangesResponse]
	cancel  context.CancelFunc
	through uint64
	next    uint64
	// log has every committed entry, in order.
	log    []*agentv1.ChangeEntry
	status *agentv1.FileStatusResponse
	// waiting for the blobs of this batch.
	held *agentv1.ChangeBatch
	need map[string]bool
	part []byte
}

// open opens a stream as a backend that knows of no commit.
func (w *world) open(epoch uint64) *changes {
	w.tb.Helper()
	ctx, cancel := context.WithCancel(w.tb.Context())
	c := &changes{w: w, stream: w.client.Changes(ctx), cancel: cancel}
	w.tb.Cleanup(cancel)
	err := c.stream.Send(&agentv1.ChangesRequest{Message: &agentv1.ChangesRequest_Open{Open: &agentv1.ChangesOpen{
		LeaseEpoch: epoch, Incarnation: w.incarnation,
	}}})
	if err != nil && err != io.EOF { //nolint:errorlint // connect returns it as it is
		w.tb.Fatal(err)
	}
	m, err := c.stream.Receive()
	if err != nil {
		w.tb.Fatalf("open changes: %v", err)
	}
	c.next = m.GetOpened().GetNextSequence()
	return c
}

// batch receives until the next batch comes.
func (c *changes) batch() *agentv1.ChangeBatch {
	c.w.tb.Helper()
	for {
		if b := c.receive().GetBatch(); b != nil {
			return b
		}
	}
}

func (c *changes) receive() *agentv1.ChangesResponse {
	c.w.tb.Helper()
	m, err := c.stream.Receive()
	if err != nil {
		c.w.tb.Fatalf("changes: %v", err)
	}
	if s := m.GetStatus(); s != nil {
		c.status = s
	}
	return m
}

// commit takes a batch into the database, and answers it.
func (c *changes) commit(b *agentv1.ChangeBatch) {
	c.w.tb.Helper()
	w := c.w
	if b.GetSequence() != c.through+1 {
		w.tb.Fatalf("batch %d came after %d", b.GetSequence(), c.through)
	}
	seen := map[string]bool{}
	for _, e := range b.GetEntries() {
		if seen[e.GetPath()] {
			w.tb.Fatalf("path %q is twice in a batch", e.GetPath())
		}
		seen[e.GetPath()] = true
		if e.Content != nil {
			sum := sha256.Sum256(e.GetContent())
			if string(sum[:]) != string(e.GetSha256()) {
				w.tb.Fatalf("content of %q is not that of its hash", e.GetPath())
			}
			w.blobs[string(sum[:])] = e.GetContent()
		}
	}
	c.need = map[string]bool{}
	want := &agentv1.BlobWant{}
	for _, e := range b.GetEntries() {
		hash := string(e.GetSha256())
		if _, have := w.blobs[hash]; !have && hash != "" && !c.need[hash] {
			c.need[hash] = true
			want.Sha256 = append(want.Sha256, e.GetSha256())
		}
	}
	if len(c.need) > 0 {
		c.held = b
		c.send(&agentv1.ChangesRequest{Message: &agentv1.ChangesRequest_Need{Need: want}})
		return
	}
	w.revision++
	w.apply(b, c)
	c.through = b.GetSequence()
	w.through = c.through
	c.send(&agentv1.ChangesRequest{Message: &agentv1.ChangesRequest_Committed{Committed: &agentv1.BatchCommitted{
		Sequence: c.through, Revision: w.revision,
	}}})
}

func (c *changes) send(m *agentv1.ChangesRequest) {
	c.w.tb.Helper()
	if err := c.stream.Send(m); err != nil {
		c.w.tb.Fatal(err)
	}
}

// apply does a batch in the contract's order: moves, folders, files, deletions.
func (w *world) apply(b *agentv1.ChangeBatch, c *changes) {
	for _, e := range b.GetEntries() {
		if e.GetOp() != agentv1.ChangeOp_CHANGE_OP_MOVE {
			continue
		}
		for _, path := range slices.Collect(maps.Keys(w.db)) {
			if rest, ok := strings.CutPrefix(path, e.GetFromPath()); ok && (rest == "" || rest[0] == '/') {
				entry := w.db[path]
				delete(w.db, path)
				entry.Path = e.GetPath() + rest
				w.db[entry.GetPath()] = entry
			}
		}
	}
	for _, e := range b.GetEntries() {
		if e.GetOp() != agentv1.ChangeOp_CHANGE_OP_DELETE {
			if parent := filepath.Dir(e.GetPath()); parent != "." && w.db[parent].GetType() != agentv1.FileType_FILE_TYPE_FOLDER {
				if !slices.ContainsFunc(b.GetEntries(), func(o *agentv1.ChangeEntry) bool {
					return o.GetPath() == parent && o.GetType() == agentv1.FileType_FILE_TYPE_FOLDER
				}) {
					w.tb.Fatalf("%q comes before its folder", e.GetPath())
				}
			}
			w.db[e.GetPath()] = &agentv1.FileEntry{
				Path: e.GetPath(), Type: e.GetType(), Mode: e.GetMode(), Size: e.GetSize(), MtimeNs: e.GetMtimeNs(),
				Sha256: e.GetSha256(), LinkTarget: e.GetLinkTarget(), Revision: w.revision, UnsavedReason: e.GetUnsavedReason(),
			}
		}
	}
	for _, e := range b.GetEntries() {
		if e.GetOp() == agentv1.ChangeOp_CHANGE_OP_DELETE {
			for _, path := range slices.Collect(maps.Keys(w.db)) {
				if path == e.GetPath() || strings.HasPrefix(path, e.GetPath()+"/") {
					delete(w.db, path)
				}
			}
		}
	}
	c.log = append(c.log, b.GetEntries()...)
}

// step receives one message and does what the backend does.
func (c *changes) step() *agentv1.ChangesResponse {
	c.w.tb.Helper()
	m := c.receive()
	switch m := m.GetMessage().(type) {
	case *agentv1.ChangesResponse_Batch:
		c.commit(m.Batch)
	case *agentv1.ChangesResponse_Blob:
		c.part = append(c.part, m.Blob.GetData()...)
		if uint64(len(c.part)) == m.Blob.GetSize() {
			sum := sha256.Sum256(c.part)
			if string(sum[:]) != string(m.Blob.GetSha256()) {
				c.w.tb.Fatal("a blob is not what its hash says")
			}
			c.w.blobs[string(sum[:])] = c.part
			c.part = nil
			delete(c.need, string(sum[:]))
			if len(c.need) == 0 {
				c.commit(c.held)
			}
		}
	}
	return m
}

// until commits batches until the database is as wanted.
func (c *changes) until(wanted func(db map[string]*agentv1.FileEntry) bool) {
	c.w.tb.Helper()
	for !wanted(c.w.db) {
		c.step()
	}
}

// settle commits everything by way of PrepareStop, and compares the database with the disk.
func (c *changes) settle(epoch uint64) {
	c.w.tb.Helper()
	type answer struct {
		through uint64
		err     error
	}
	answers := make(chan answer, 1)
	go func() {
		through, _, err := c.w.service.PrepareStop(c.w.tb.Context(), epoch)
		answers <- answer{through, err}
		// The quiet that a scan ends with is always sent: with the answer at hand, one more is sure to come.
		_, _ = c.w.service.Rescan(c.w.tb.Context(), connect.NewRequest(&agentv1.RescanRequest{LeaseEpoch: epoch}))
	}()
	for {
		m := c.step()
		if m.GetQuiet() == nil || m.GetQuiet().GetThrough() != c.through {
			continue
		}
		select {
		case a := <-answers:
			if a.err != nil {
				c.w.tb.Fatal(a.err)
			}
			if c.through >= a.through {
				c.w.compare()
				return
			}
		default:
			// A newer scan's quiet is on its way.
		}
	}
}

// compare fails unless the saved part of the database equals the disk.
func (w *world) compare() {
	w.tb.Helper()
	for path, e := range w.db {
		if e.GetUnsavedReason() != 0 || e.GetType() != agentv1.FileType_FILE_TYPE_FILE || !isPlain(path) {
			continue
		}
		sum := sha256.Sum256([]byte(w.read(path)))
		if string(sum[:]) != string(e.GetSha256()) {
			w.tb.Errorf("%q differs between disk and database", path)
		}
	}
}

func isPlain(path string) bool {
	return !strings.ContainsFunc(path, func(r rune) bool { return r >= 0x10FF00 })
}
