// Package watch hints at where a directory tree may have changed. A hint is never the truth: the caller looks, and
// after an Overflow it looks everywhere.
//
// fsnotify watches single folders. The caller watches a folder first and lists it then, so that nothing made in between
// is missed. The kernel ties a watch to an inode, not to a path; Watcher knows which inode it watches under which
// path, so that a folder that was moved is watched under its new one.
package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"

	"codingplatform/agent/workspace"
)

// queued is how many hints wait outside of the kernel's queue.
const queued = 4096

// ErrExhausted says that no more watches are to be had: the folder must be polled.
var ErrExhausted = errors.New("the limit of file watches is reached")

// Hint names a path to look at, "" for the root; or says that hints were lost.
type Hint struct {
	Path string
	// Gone says that what was there has been moved or removed.
	Gone bool
	// Written says that a write has ended.
	Written  bool
	Overflow bool
}

// Watcher watches folders below a root. Its methods may be called from several goroutines.
type Watcher struct {
	root  string
	limit int
	fs    *fsnotify.Watcher
	hints chan Hint

	mu     sync.Mutex
	inodes map[string]uint64
	paths  map[uint64]string
}

// New makes a Watcher of at most limit folders; 0: as many as the kernel allows. ErrExhausted when this user has no
// watch queue left.
func New(root string, limit int) (*Watcher, error) {
	fs, err := fsnotify.NewBufferedWatcher(queued)
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		return nil, fmt.Errorf("%w: %w", ErrExhausted, err)
	}
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	return &Watcher{
		root: filepath.Clean(root), limit: limit, fs: fs, hints: make(chan Hint, queued),
		inodes: map[string]uint64{}, paths: map[uint64]string{},
	}, nil
}

// Hints is where hints arrive while Run runs; it is never closed.
func (w *Watcher) Hints() <-chan Hint { return w.hints }

// Run passes hints on until ctx ends, and then closes the watcher.
func (w *Watcher) Run(ctx context.Context) error {
	defer func() { _ = w.fs.Close() }() // it only ever says nil
	lost, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		w.drainErrors(lost)
	}()
	for {
		var hint Hint
		select {
		case <-ctx.Done():
			return nil
		case event, ok := <-w.fs.Events:
			if !ok {
				return errors.New("the file watch ended by itself")
			}
			path, ok := w.path(event.Name)
			if !ok {
				continue
			}
			if event.Has(fsnotify.Rename) || event.Has(fsnotify.Remove) {
				// The kernel's watch goes or has gone with it; what is there next is watched anew.
				w.Forget(path)
				hint.Gone = true
			}
			hint.Path, hint.Written = path, event.Has(fsnotify.Write)
		case <-ended:
			return errors.New("the file watch ended by itself")
		case <-lost:
			// An overflow, or something worse: in both cases only looking helps.
			hint.Overflow = true
		}
		select {
		case w.hints <- hint:
		case <-ctx.Done():
			return nil
		}
	}
}

// drainErrors takes errors until the watch ends. It takes no lock and never waits: fsnotify reports errors with its own
// lock held, which whoever adds or removes a watch waits for.
func (w *Watcher) drainErrors(lost chan<- struct{}) {
	for range w.fs.Errors {
		select {
		case lost <- struct{}{}:
		default:
		}
	}
}

func (w *Watcher) path(disk string) (string, bool) {
	if disk == w.root {
		return "", true
	}
	rel, ok := strings.CutPrefix(disk, w.root+"/")
	if !ok {
		return "", false
	}
	if _, name := workspace.Split(rel); strings.HasPrefix(name, workspace.TempPrefix) {
		return "", false
	}
	parts := strings.Split(rel, "/")
	for i := range parts {
		parts[i] = workspace.Escape(parts[i])
	}
	return strings.Join(parts, "/"), true
}

func (w *Watcher) disk(path string) string {
	if path == "" {
		return w.root
	}
	return w.root + "/" + workspace.Disk(path)
}

// Watch watches a folder, and says whether it was not watched before: then it must be listed. ErrExhausted.
func (w *Watcher) Watch(path string, inode uint64) (fresh bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if was, ok := w.inodes[path]; ok {
		if was == inode {
			return false, nil
		}
		w.forget(path)
	}
	if former, ok := w.paths[inode]; ok {
		w.forget(former)
	}
	if w.limit > 0 && len(w.inodes) >= w.limit {
		return true, ErrExhausted
	}
	if err := w.fs.Add(w.disk(path)); err != nil {
		if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.ENOMEM) {
			return true, ErrExhausted
		}
		return true, fmt.Errorf("watch %q: %w", path, err)
	}
	w.inodes[path], w.paths[inode] = inode, path
	return true, nil
}

// Forget ends the watch of a folder, if there is one.
func (w *Watcher) Forget(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(path)
}

func (w *Watcher) forget(path string) {
	inode, ok := w.inodes[path]
	if !ok {
		return
	}
	delete(w.inodes, path)
	delete(w.paths, inode)
	_ = w.fs.Remove(w.disk(path)) // the kernel may have ended it already
}

// Count is the number of watches in use.
func (w *Watcher) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.inodes)
}

// Limit is how many watches the kernel gives this user, or a smaller limit of one's own; 0: not known.
func (w *Watcher) Limit() int {
	data, err := os.ReadFile("/proc/sys/fs/inotify/max_user_watches")
	if err != nil {
		return w.limit
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || w.limit > 0 && w.limit < n {
		return w.limit
	}
	return n
}
