package workspace

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// ErrChanged says that a path holds something else than was expected; nothing was done.
var ErrChanged = errors.New("the disk holds another version")

// ErrOpen says that a program has a file open for writing; nothing was done. What it wrote to a file that has been replaced
// would be in no workspace.
var ErrOpen = errors.New("a program has it open for writing; it is written once the program has closed it")

// Temp is a file, link or folder under way to its place. Place or Drop it.
type Temp struct {
	dir  *Dir
	fd   int // -1: closed, or never open
	name string
	kind Type
}

// maxWrite is how many bytes one write takes, so that a thread is not in the kernel for long.
const maxWrite = 1 << 20

func tempName() string { return TempPrefix + rand.Text() }

// TempFile makes an empty file in this folder, which Finish gives its mode.
func (d *Dir) TempFile() (*Temp, error) {
	name := tempName()
	fd, err := openat(d.fd(), name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a temporary file: %w", err)
	}
	return &Temp{dir: d, fd: fd, name: name, kind: File}, nil
}

// TempLink makes a symbolic link in this folder.
func (d *Dir) TempLink(target string) (*Temp, error) {
	name := tempName()
	if err := d.Link(name, target); err != nil {
		return nil, err
	}
	return &Temp{dir: d, fd: -1, name: name, kind: Symlink}, nil
}

// Write implements io.Writer.
func (t *Temp) Write(p []byte) (written int, err error) {
	for written < len(p) {
		n, err := unix.Write(t.fd, p[written:min(len(p), written+maxWrite)])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return written, fmt.Errorf("write a file: %w", err)
		}
		written += n
	}
	return written, nil
}

// Finish gives a file its mode and modification time (nanoseconds; 0: now) and closes it. sync makes it durable.
func (t *Temp) Finish(mode uint32, mtime int64, sync bool) error {
	if t.fd < 0 {
		return nil
	}
	err := unix.Fchmod(t.fd, mode&0o777)
	if err == nil && mtime != 0 {
		err = setMtime(t.fd, mtime)
	}
	for err == nil && sync {
		if err = unix.Fsync(t.fd); !errors.Is(err, unix.EINTR) {
			break
		}
		err = nil
	}
	err = errors.Join(err, t.close())
	if err != nil {
		return fmt.Errorf("write a file: %w", err)
	}
	return nil
}

func (t *Temp) close() error {
	fd := t.fd
	t.fd = -1
	if fd < 0 {
		return nil
	}
	if err := unix.Close(fd); !errors.Is(err, unix.EINTR) { // Linux has closed it then, too
		return err
	}
	return nil
}

// Drop removes what was not placed.
func (t *Temp) Drop() {
	_ = t.close()                            // what is in it is not wanted
	_ = unix.Unlinkat(t.dir.fd(), t.name, 0) // a leftover is removed at the next start
}

// Place moves it to name. With expect.Type None nothing may be there; else what is there must still be expect, and
// must be no folder. ErrChanged, ErrOpen.
func (t *Temp) Place(name string, expect Stat) error {
	fd := t.dir.fd()
	if expect.Type == None {
		err := unix.Renameat2(fd, t.name, fd, name, unix.RENAME_NOREPLACE)
		if errors.Is(err, unix.EEXIST) {
			return ErrChanged
		}
		return placed(name, err)
	}
	err := unix.Renameat2(fd, t.name, fd, name, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.ENOENT) {
		return ErrChanged
	}
	if err != nil {
		return placed(name, err)
	}
	why := ErrChanged
	displaced, err := t.dir.Stat(t.name)
	if err == nil && displaced.SameFile(expect) {
		// Nobody finds it by its name any more, so that who has it open now is all.
		if !t.dir.Writing(t.name) {
			return placed(name, unix.Unlinkat(fd, t.name, 0))
		}
		why = ErrOpen
	}
	if err := unix.Renameat2(fd, t.name, fd, name, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("put %q back: %w", name, err)
	}
	return why
}

// Writing says whether anybody has a file open for writing, or mapped so. The kernel gives no read lease (fcntl(2),
// F_SETLEASE) on such a file, whoever has it open, and needs to look at no process for it. Of files of other users, and on
// file systems without leases, it is not known, which counts as no.
func (d *Dir) Writing(name string) bool {
	fd, err := openat(d.fd(), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)
	_ = unix.Close(fd) // read only; the lease ends with it
	return errors.Is(err, unix.EAGAIN)
}

func placed(name string, err error) error {
	if err != nil {
		return fmt.Errorf("write %q: %w", name, err)
	}
	return nil
}

// Mkdir makes a folder. Where there is one already it only sets the mode.
func (d *Dir) Mkdir(name string, mode uint32) error {
	if err := unix.Mkdirat(d.fd(), name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make folder %q: %w", name, err)
	}
	return d.Chmod(name, mode)
}

// Chmod sets the permission bits of a file or folder.
func (d *Dir) Chmod(name string, mode uint32) error {
	fd, err := openat(d.fd(), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("change the mode of %q: %w", name, err)
	}
	err = errors.Join(unix.Fchmod(fd, mode&0o777), unix.Close(fd))
	if err != nil {
		return fmt.Errorf("change the mode of %q: %w", name, err)
	}
	return nil
}

// Remove removes a file, link or empty folder.
func (d *Dir) Remove(name string, kind Type) error {
	flags := 0
	if kind == Folder {
		flags = unix.AT_REMOVEDIR
	}
	if err := unix.Unlinkat(d.fd(), name, flags); err != nil {
		return fmt.Errorf("remove %q: %w", name, err)
	}
	return nil
}

// Rename moves an entry to another folder of the tree, where nothing may be: ErrChanged.
func (d *Dir) Rename(name string, to *Dir, toName string) error {
	err := unix.Renameat2(d.fd(), name, to.fd(), toName, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOENT) {
		return ErrChanged
	}
	if err != nil {
		return fmt.Errorf("move %q: %w", name, err)
	}
	return nil
}

// RemoveTemps removes what an agent that was killed left half-written, as far as Names has come by it.
func (d *Dir) RemoveTemps() error {
	for _, name := range d.temps {
		if err := d.removeTemp(name); err != nil {
			return err
		}
	}
	return nil
}

// RemoveAll empties a folder of the tree.
func (t *Tree) RemoveAll(path string) error {
	dir, err := t.Dir(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.empty()
}

func (d *Dir) empty() error {
	var names []string
	if err := d.list(func(name string) error {
		names = append(names, name)
		return nil
	}); err != nil {
		return err
	}
	for _, name := range names {
		stat, err := d.Stat(name)
		if Gone(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := d.removeAll(name, stat.Type); err != nil {
			return err
		}
	}
	return nil
}
