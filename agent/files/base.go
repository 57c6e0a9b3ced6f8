package files

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"codingplatform/agent/workspace"
)

// baseName is the log's file in the state folder.
const baseName = "base.log"

// record is one line of the log: a path's base from here on.
type record struct {
	path     string
	state    State
	revision uint64
}

// line is a record as it is written. A path alone: both sides have nothing there.
type line struct {
	Path     string         `json:"p"`
	Type     workspace.Type `json:"t,omitempty"`
	Mode     uint32         `json:"m,omitempty"`
	Size     int64          `json:"s,omitempty"`
	Mtime    int64          `json:"c,omitempty"`
	Hash     []byte         `json:"h,omitempty"`
	Link     string         `json:"l,omitempty"`
	Unsaved  Reason         `json:"u,omitempty"`
	Revision uint64         `json:"r,omitempty"`
	// Intent: not yet so, but about to be written to the disk.
	Intent bool `json:"i,omitempty"`
	// Done, without a path: what was intended before, and not told of since, is on the disk.
	Done bool `json:"d,omitempty"`
}

// baseLog keeps the base over the agent's life. The kernel keeps what a killed agent wrote; after a loss of power the
// log may lack its end, which the package comment allows.
type baseLog struct {
	path string
	f    *os.File
	// size is how much of the file is whole records; torn says that a failed write has left something after it.
	size    int64
	torn    bool
	records int
	// enough records may be there before the live ones are counted again: not at each append, since that costs the more
	// the larger the workspace is.
	enough int
}

// openBase reads the log, calling each for every record in order, and done where all that was intended and not told of since is
// on the disk. A torn last line is left out.
func openBase(state string, each func(r record, intent bool), done func()) (*baseLog, error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	l := &baseLog{path: filepath.Join(state, baseName)}
	data, err := os.ReadFile(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read what was synced before: %w", err)
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	dec := json.NewDecoder(bytes.NewReader(whole))
	var good int64
	for {
		var ln line
		err := dec.Decode(&ln)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || ln.Path != "" && workspace.CheckPath(ln.Path) != nil || len(ln.Hash) != 0 && len(ln.Hash) != len(workspace.Hash{}) {
			// An older base is as good as the package comment says: what came after the damage is left out.
			whole = whole[:good]
			break
		}
		good = dec.InputOffset()
		if ln.Done {
			done()
		}
		if ln.Path == "" {
			continue
		}
		s := State{Type: ln.Type, Mode: ln.Mode, Size: ln.Size, Mtime: ln.Mtime, Link: ln.Link, Unsaved: ln.Unsaved}
		copy(s.Hash[:], ln.Hash)
		each(record{ln.Path, s, ln.Revision}, ln.Intent)
		l.records++
	}
	if l.f, err = os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("open the log of what is synced: %w", err)
	}
	size := int64(len(whole))
	if size > 0 && whole[size-1] != '\n' {
		size++ // a decoder stops before the end of the line
	}
	if err := l.f.Truncate(size); err != nil {
		return nil, errors.Join(fmt.Errorf("mend the log of what is synced: %w", err), l.f.Close())
	}
	l.size = size
	return l, nil
}

func (l *baseLog) close() error { return l.f.Close() }

// append writes records with one write; when most of the log is out of date, it is written anew from the index.
func (l *baseLog) append(records []record, root *item) error {
	if len(records) == 0 {
		return nil
	}
	if l.records > max(l.enough, 10_000) {
		live := 0
		root.walk(func(it *item) {
			if it.base.Type != workspace.None {
				live++
			}
		})
		if l.records > 3*live {
			return l.rewrite(root)
		}
		l.enough = 3 * live
	}
	var b bytes.Buffer
	if err := encode(&b, records, false); err != nil {
		return err
	}
	if err := l.write(b.Bytes()); err != nil {
		return fmt.Errorf("note what is synced: %w", err)
	}
	l.records += len(records)
	return nil
}

// write adds whole records. Of a write that fails, for lack of room say, nothing stays: what came after a torn record
// would be lost with it.
func (l *baseLog) write(records []byte) error {
	if l.torn {
		if err := l.f.Truncate(l.size); err != nil {
			return err
		}
		l.torn = false
	}
	if _, err := l.f.WriteAt(records, l.size); err != nil {
		l.torn = true
		return err
	}
	l.size += int64(len(records))
	return nil
}

// intend notes what is about to be written to the disk. An agent that is killed between the writing and its note would
// take its own file for a program's.
func (l *baseLog) intend(records ...record) error {
	var b bytes.Buffer
	err := encode(&b, records, true)
	if err == nil {
		err = l.write(b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("note what is written: %w", err)
	}
	l.records += len(records)
	return nil
}

// done notes that all that was intended, and not told of since, is on the disk.
func (l *baseLog) done() error {
	if err := l.write([]byte("{\"d\":true}\n")); err != nil {
		return fmt.Errorf("note what is synced: %w", err)
	}
	return nil
}

func encode(w io.Writer, records []record, intent bool) error {
	var b []byte
	for i := range records {
		b = appendLine(b[:0], &records[i], intent)
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("note what is synced: %w", err)
		}
	}
	return nil
}

// appendLine appends a record as a line. A restore notes them by the ten thousand: package json would take ten times as long.
func appendLine(b []byte, r *record, intent bool) []byte {
	number := func(name string, v int64) {
		if v != 0 {
			b = append(b, name...)
			b = strconv.AppendInt(b, v, 10)
		}
	}
	b = append(b, `{"p":`...)
	b = appendString(b, r.path)
	if s := &r.state; s.Type != workspace.None {
		number(`,"t":`, int64(s.Type))
		number(`,"m":`, int64(s.Mode))
		number(`,"s":`, s.Size)
		number(`,"c":`, s.Mtime)
		if s.Hash != (workspace.Hash{}) {
			b = append(b, `,"h":"`...)
			b = base64.StdEncoding.AppendEncode(b, s.Hash[:])
			b = append(b, '"')
		}
		if s.Link != "" {
			b = append(b, `,"l":`...)
			b = appendString(b, s.Link)
		}
		number(`,"u":`, int64(s.Unsaved))
		number(`,"r":`, int64(r.revision)) //nolint:gosec // a bigint of the database's
	}
	if intent {
		b = append(b, `,"i":true`...)
	}
	return append(b, '}', '\n')
}

// appendString appends a string of valid UTF-8 in quotes.
func appendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// rewrite replaces the log by the index's base.
func (l *baseLog) rewrite(root *item) error {
	var records []record
	root.walk(func(it *item) {
		if it.base.Type != workspace.None {
			records = append(records, record{it.path, it.base, it.revision})
		}
	})
	f, err := os.OpenFile(l.path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the log of what is synced: %w", err)
	}
	w := bufio.NewWriterSize(f, 256<<10)
	err = errors.Join(encode(w, records, false), w.Flush(), f.Sync())
	var size int64
	if err == nil {
		size, err = f.Seek(0, io.SeekCurrent)
	}
	if err == nil {
		err = os.Rename(l.path+".new", l.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the log of what is synced: %w", err), f.Close())
	}
	old := l.f
	l.f, l.size, l.torn, l.records, l.enough = f, size, false, len(records), 3*len(records)
	return old.Close()
}
