package files

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"codingplatform/agent/cores"
	"codingplatform/agent/workspace"
)

// chunkBytes is how much of a content is sent at once.
const chunkBytes = 256 << 10

// Commits is what the database has committed of this incarnation's batches.
type Commits struct {
	// Through is the last committed sequence, Revision its revision; 0: not known.
	Through, Revision uint64
	// Rejected are the paths that were refused, by sequence.
	Rejected map[uint64][]Problem
}

// Open begins a stream of changes, which ends a former one with ErrReplaced. It returns the stream's number and the next
// sequence.
func (e *Engine) Open(epoch uint64, known Commits) (stream, next uint64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.checkEpoch(epoch); err != nil {
		return 0, 0, err
	}
	if !e.restored {
		return 0, 0, ErrNotRestored
	}
	if err := e.committed(known); err != nil {
		return 0, 0, err
	}
	if len(e.batches) == 0 {
		e.next = max(e.next, known.Through+1)
	}
	e.streams++
	e.stream = e.streams
	e.wake()
	next = e.next
	if len(e.batches) > 0 {
		next = e.batches[0].Sequence
	}
	return e.stream, next, nil
}

// Close ends a stream; its batches wait for the next one.
func (e *Engine) Close(stream uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stream == stream {
		e.stream = 0
		e.wake()
	}
}

// News is what a stream has to tell now.
type News struct {
	Batch  *Batch
	Status *Status
	// Quiet: nothing differs that is not in a batch up to Through.
	Quiet               bool
	Through, Generation uint64
	// Changed is closed when there may be more.
	Changed <-chan struct{}
}

// Next returns what to send after a sequence. ErrReplaced.
func (e *Engine) Next(stream, after uint64) (News, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stream != stream {
		return News{}, ErrReplaced
	}
	for _, batch := range e.batches {
		if batch.Sequence > after {
			return News{Batch: batch}, nil
		}
	}
	if batch := e.cut(); batch != nil {
		return News{Batch: batch}, nil
	}
	news := News{Changed: e.moved, Through: e.next - 1, Generation: e.counts.scans}
	if !e.busy {
		status := e.status()
		news.Status = &status
		news.Quiet = e.still()
	}
	return news, nil
}

// still says whether nothing differs, and nothing waits to be looked at. The caller holds e.mu.
func (e *Engine) still() bool {
	return len(e.pending) == 0 && !e.overflowed && !e.busy && (len(e.dirty) == 0 || e.braked && e.onlyDeletions())
}

// Send sends a content that a batch of this stream names; send must not keep the data. ErrMovedOn: it is no more, and its batch is made anew.
func (e *Engine) Send(ctx context.Context, hash workspace.Hash, send func(offset, size int64, data []byte) error) error {
	e.mu.Lock()
	var change *Change
	var sequence uint64
	for _, batch := range e.batches {
		for i := range batch.Changes {
			c := &batch.Changes[i]
			if c.State.Hash != hash || c.State.Type != workspace.File {
				continue
			}
			if sequence == 0 {
				sequence = batch.Sequence
			}
			if change == nil || c.HasContent {
				change = c
			}
		}
	}
	e.mu.Unlock()
	if change == nil {
		return fmt.Errorf("%w: no batch names content %x", ErrInvalid, hash[:6])
	}
	if change.HasContent {
		return send(0, change.State.Size, change.Content)
	}
	if change.State.Size >= largeBytes {
		defer cores.More()()
	}
	err := e.sendFile(ctx, change, send)
	if !errors.Is(err, ErrMovedOn) {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.recut(sequence)
	e.pending[change.Path] = hint{due: time.Now()}
	// What has gone or changed since is known to differ already.
	if it := e.find(change.Path); it != nil && it.disk.Type == workspace.File && it.disk.Hash == hash {
		it.hashed = time.Time{}
		// It is sent again once it has been looked at.
		it.disk.Hash = workspace.Hash{}
		state := it.disk
		it.refused = &state
		e.mark(it)
	}
	e.poke()
	return err
}

func (e *Engine) sendFile(ctx context.Context, change *Change, send func(offset, size int64, data []byte) error) error {
	dir, name, err := e.tree.Parent(change.Path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMovedOn, err)
	}
	defer dir.Close()
	f, stat, err := dir.OpenFile(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMovedOn, err)
	}
	defer func() { _ = f.Close() }() // read only
	size := change.State.Size
	if stat.Size < size {
		return ErrMovedOn
	}
	h := sha256.New()
	room := make([]byte, min(chunkBytes, size)) // send keeps nothing
	for offset := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		buf := room[:min(chunkBytes, size-offset)]
		if _, err := io.ReadFull(io.NewSectionReader(f, offset, size-offset), buf); err != nil {
			return fmt.Errorf("%w: %w", ErrMovedOn, err)
		}
		h.Write(buf)
		last := offset+int64(len(buf)) == size
		// The last chunk goes only when all before it were right.
		if last && workspace.Hash(h.Sum(nil)) != change.State.Hash {
			return ErrMovedOn
		}
		if err := send(offset, size, buf); err != nil || last {
			return err
		}
		offset += int64(len(buf))
	}
}

// ReleaseBrake ends the brake: the held deletions go, or wait for the next Restore to bring the files back.
func (e *Engine) ReleaseBrake(epoch uint64, deleteFiles bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.checkEpoch(epoch); err != nil {
		return err
	}
	if deleteFiles && e.braked {
		e.braked, e.release = false, true
		e.wake()
		e.poke()
	}
	return nil
}

// PrepareStop looks at everything once more and returns when all of it is in batches: the last sequence, and up to 100
// paths that could not be read. It needs a stream of changes that commits. ctx bounds it.
func (e *Engine) PrepareStop(ctx context.Context, epoch uint64) (through uint64, unreadable []string, err error) {
	e.mu.Lock()
	err = e.checkEpoch(epoch)
	if err == nil && !e.restored {
		err = ErrNotRestored
	}
	e.mu.Unlock()
	if err != nil {
		return 0, nil, err
	}
	if err := e.Scan(ctx, ""); err != nil {
		return 0, nil, err
	}
	for {
		e.mu.Lock()
		moving := len(e.pending) > 0 && len(e.dirty) == 0
		if e.still() || moving && !e.overflowed && !e.busy {
			through = e.next - 1
			unreadable = e.unreadable()
			e.mu.Unlock()
			return through, unreadable, nil
		}
		moved := e.moved
		e.mu.Unlock()
		select {
		case <-ctx.Done():
			return 0, nil, context.Cause(ctx)
		case <-moved:
		}
	}
}

// unreadable lists what is in no batch: what could not be read, and what keeps changing while it is read.
func (e *Engine) unreadable() (paths []string) {
	e.root.walk(func(it *item) {
		if it.disk.Unsaved == Unreadable && len(paths) < maxProblems {
			paths = append(paths, it.path)
		}
	})
	for path := range e.pending {
		if len(paths) < maxProblems {
			paths = append(paths, path)
		}
	}
	return paths
}
