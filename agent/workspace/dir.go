package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Type is the kind of an entry.
type Type uint8

// The types.
const (
	None Type = iota
	File
	Folder
	Symlink
	Special
)

// Stat is what the file system says of an entry itself, never of what a link leads to.
type Stat struct {
	Type Type
	// Mode is the permission bits.
	Mode uint32
	// Size in bytes; of a folder 0.
	Size int64
	// Mtime and Ctime in nanoseconds since 1970.
	Mtime, Ctime int64
	Ino, Dev     uint64
	// Names of a file; of others 1.
	Names uint64
}

// SameFile says whether two looks saw the same inode, unwritten between them. A rename alone changes ctime.
func (s Stat) SameFile(o Stat) bool {
	return s.Type == o.Type && s.Ino == o.Ino && s.Dev == o.Dev && s.Size == o.Size && s.Mtime == o.Mtime
}

// Tree is a workspace directory.
type Tree struct {
	root *os.Root
	top  *os.File
	// open guards top: a closed descriptor's number soon means another file.
	open sync.RWMutex
}

// Open opens a directory as a tree.
func Open(dir string) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the workspace: %w", err)
	}
	top, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the workspace: %w", err), root.Close())
	}
	return &Tree{root: root, top: top}, nil
}

// Close closes the tree; Dirs of it stay usable.
func (t *Tree) Close() error {
	t.open.Lock()
	defer t.open.Unlock()
	return errors.Join(t.top.Close(), t.root.Close())
}

// Sync makes everything written durable.
func (t *Tree) Sync() error {
	t.open.RLock()
	defer t.open.RUnlock()
	if err := unix.Syncfs(int(t.top.Fd())); err != nil {
		return fmt.Errorf("sync the workspace: %w", err)
	}
	return nil
}

// Dir is an open folder. It must be closed, once.
type Dir struct {
	// descriptor of the kernel: an os.File would ask it for flags at each opening, and there are as many as files.
	descriptor int
	temps      []string
}

const openDir = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// Dir opens a folder; "" is the root. See Gone for errors that say that there is none.
func (t *Tree) Dir(path string) (*Dir, error) {
	name, rest, more := strings.Cut(path, "/")
	next, err := t.folder(name)
	for err == nil && more {
		name, rest, more = strings.Cut(rest, "/")
		above := next
		next, err = above.Sub(unescape(name))
		above.Close()
	}
	return next, err
}

// folder opens a folder in the root, or with "" the root once more. After Close it fails with os.ErrClosed.
func (t *Tree) folder(name string) (*Dir, error) {
	t.open.RLock()
	defer t.open.RUnlock()
	top := int(t.top.Fd())
	if top < 0 {
		return nil, fmt.Errorf("open the workspace: %w", os.ErrClosed)
	}
	if name == "" {
		name = "."
	}
	return (&Dir{descriptor: top}).Sub(unescape(name))
}

// Parent opens the folder that holds path, and returns the name in it as the disk has it.
func (t *Tree) Parent(path string) (*Dir, string, error) {
	dir, name := Split(path)
	raw, err := Unescape(name)
	if err != nil {
		return nil, "", err
	}
	d, err := t.Dir(dir)
	return d, raw, err
}

// Gone says whether an error means that there is nothing at a path.
func Gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}

// NotEmpty says whether an error is that of removing a folder that holds something.
func NotEmpty(err error) bool {
	return errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST)
}

func (d *Dir) fd() int { return d.descriptor }

// Close closes the folder.
func (d *Dir) Close() {
	_ = unix.Close(d.descriptor) // read only
	d.descriptor = -1
}

// Sub opens a folder in this one, by its name on disk.
func (d *Dir) Sub(name string) (*Dir, error) {
	fd, err := openat(d.fd(), name, openDir, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &Dir{descriptor: fd}, nil
}

func openat(dir int, name string, flags int, mode uint32) (fd int, err error) {
	for {
		fd, err = unix.Openat(dir, name, flags, mode)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// Names calls yield with every name as the disk has it, in no order, leaving out the agent's own. It may be called once.
func (d *Dir) Names(yield func(name string) error) error {
	return d.list(func(name string) error {
		if strings.HasPrefix(name, TempPrefix) {
			d.temps = append(d.temps, name)
			return nil
		}
		return yield(name)
	})
}

func (d *Dir) list(yield func(name string) error) error {
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.Getdents(d.fd(), buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("list a folder: %w", err)
		}
		if n == 0 {
			return nil
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if err := yield(name); err != nil {
				return err
			}
		}
	}
}

// Stat looks at a name of the disk; "." is the folder itself.
func (d *Dir) Stat(name string) (Stat, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Stat{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return fromStat(&st), nil
}

func fromStat(st *unix.Stat_t) Stat {
	s := Stat{
		Mode: st.Mode & 0o777, Size: st.Size, Mtime: unix.TimespecToNsec(st.Mtim), Ctime: unix.TimespecToNsec(st.Ctim),
		Ino: st.Ino, Dev: st.Dev, Names: 1,
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		s.Type, s.Names = File, uint64(st.Nlink) //nolint:unconvert // another type on arm64
	case unix.S_IFDIR:
		s.Type, s.Size = Folder, 0
	case unix.S_IFLNK:
		s.Type, s.Mode = Symlink, 0o777
	default:
		s.Type = Special
	}
	return s
}

// Readlink returns a link's target, escaped like a path.
func (d *Dir) Readlink(name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(d.fd(), name, buf)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return Escape(string(buf[:n])), nil
}

// OpenFile opens a regular file to read.
func (d *Dir) OpenFile(name string) (*os.File, Stat, error) {
	// A FIFO put in a file's place must not block.
	fd, err := openat(d.fd(), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, Stat{}, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	st, err := fileStat(f)
	if err == nil && st.Type != File {
		err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if err != nil {
		_ = f.Close() // read only
		return nil, Stat{}, err
	}
	return f, st, nil
}

func fileStat(f *os.File) (Stat, error) {
	stat, err := statOf(int(f.Fd()))
	if err != nil {
		return Stat{}, &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return stat, nil
}
