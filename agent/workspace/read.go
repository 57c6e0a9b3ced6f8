package workspace

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// Digest is one version of a file that was on the disk.
type Digest struct {
	// Stat fits the content: its Size is the number of bytes hashed.
	Stat Stat
	Hash Hash
	// Content, when it was asked for and is short enough.
	Content []byte
	// Moving says that the file was written to meanwhile: what is here is a version that it went through, and it must
	// be read again.
	Moving bool
}

// ErrMoving says that no whole version could be read, since the file is being rewritten.
var ErrMoving = errors.New("the file changes while it is read")

// readAttempts is how often a file that changes is read before ErrMoving.
const readAttempts = 4

// Read hashes a file, and keeps its content if that is at most keep bytes. It never returns a torn version: what was
// read while nothing changed, or a beginning that was read twice with the same outcome (a log that grows).
func (d *Dir) Read(name string, keep int64) (Digest, error) {
	f, st, err := d.OpenFile(name)
	if err != nil {
		return Digest{}, err
	}
	defer func() { _ = f.Close() }() // read only
	var last Digest
	for attempt := range readAttempts {
		size := st.Size
		if attempt > 0 && last.Stat.Size <= st.Size {
			size = last.Stat.Size
		}
		d, err := readOnce(f, st, size, keep)
		if err != nil {
			return Digest{}, err
		}
		after, err := fileStat(f)
		if err != nil {
			return Digest{}, err
		}
		if size == st.Size && d.Stat.Size == size && after.SameFile(st) && after.Ctime == st.Ctime {
			return d, nil
		}
		if attempt > 0 && d.Hash == last.Hash && d.Stat.Size == last.Stat.Size {
			d.Moving = true
			return d, nil
		}
		last, st = d, after
	}
	return Digest{}, ErrMoving
}

func readOnce(f *os.File, st Stat, size, keep int64) (Digest, error) {
	d := Digest{Stat: st}
	if size <= keep {
		buf := make([]byte, size)
		n, err := io.ReadFull(io.NewSectionReader(f, 0, size), buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return d, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		d.Content, d.Stat.Size = buf[:n], int64(n)
		d.Hash = sha256.Sum256(d.Content)
		return d, nil
	}
	h := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{io.NewSectionReader(f, 0, size)}, make([]byte, 128<<10))
	if err != nil {
		return d, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	d.Stat.Size = n
	h.Sum(d.Hash[:0])
	return d, nil
}
