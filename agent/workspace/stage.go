package workspace

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Stage is a folder of the agent's own (TempPrefix) in the root, in which a tree is made before what is at its top is moved
// to the root, each in one step. One that is left over goes with the temporary files.
type Stage struct {
	tree      *Tree
	name      string
	root, top *Dir
}

// Stage makes an empty Stage. It must be dropped.
func (t *Tree) Stage() (*Stage, error) {
	root, err := t.Dir("")
	if err != nil {
		return nil, err
	}
	s := &Stage{tree: t, name: tempName(), root: root}
	if err = unix.Mkdirat(root.fd(), s.name, 0o700); err == nil {
		s.top, err = root.Sub(s.name)
	}
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	return s, nil
}

// Dir opens a folder of the stage; "" is its top.
func (s *Stage) Dir(path string) (*Dir, error) {
	if path == "" {
		return s.top.Sub(".")
	}
	return s.tree.Dir(Join(s.name, path))
}

// Place moves an entry of the top to the root, where nothing may be (ErrChanged), and looks at it there.
func (s *Stage) Place(name string) (Stat, error) {
	raw, err := Unescape(name)
	if err != nil {
		return Stat{}, err
	}
	if err := s.top.Rename(raw, s.root, raw); err != nil {
		return Stat{}, err
	}
	return s.root.Stat(raw)
}

// Drop removes the stage with all that is left in it.
func (s *Stage) Drop() error {
	defer s.root.Close()
	s.top.Close()
	return s.root.removeTemp(s.name)
}

// Create makes a file that is not there yet, with its content, its permission bits and its modification time in nanoseconds
// (0: now). Whoever can see the folder sees it grow. What could not be made whole is removed.
func (d *Dir) Create(name string, content []byte, mode uint32, mtime int64) (Stat, error) {
	fd, err := openat(d.fd(), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode&0o777)
	if err != nil {
		return Stat{}, fmt.Errorf("make %q: %w", name, err)
	}
	t := &Temp{dir: d, fd: fd, name: name, kind: File}
	stat, err := t.fill(content, mode&0o777, mtime)
	if err = errors.Join(err, t.close()); err != nil {
		t.Drop()
		return Stat{}, fmt.Errorf("write %q: %w", name, err)
	}
	return stat, nil
}

func (t *Temp) fill(content []byte, mode uint32, mtime int64) (Stat, error) {
	if len(content) > 0 {
		if _, err := t.Write(content); err != nil {
			return Stat{}, err
		}
	}
	if mtime != 0 {
		if err := setMtime(t.fd, mtime); err != nil {
			return Stat{}, err
		}
	}
	stat, err := statOf(t.fd)
	if err == nil && stat.Mode != mode { // not what the process's mask leaves of it
		if err = unix.Fchmod(t.fd, mode); err == nil {
			stat, err = statOf(t.fd)
		}
	}
	return stat, err
}

func statOf(fd int) (Stat, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Stat{}, err
	}
	return fromStat(&st), nil
}

// setMtime sets an open file's modification time: futimens(3), which package unix has with microseconds only.
func setMtime(fd int, nanoseconds int64) error {
	times := [2]unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(nanoseconds)}
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// Link makes a symbolic link that is not there yet.
func (d *Dir) Link(name, target string) error {
	if err := unix.Symlinkat(unescape(target), d.fd(), name); err != nil {
		return fmt.Errorf("make a link: %w", err)
	}
	return nil
}

// removeTemp removes what an agent has made for itself.
func (d *Dir) removeTemp(name string) error {
	stat, err := d.Stat(name)
	if Gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.removeAll(name, stat.Type)
}

// removeAll removes an entry with all below it. What is gone meanwhile is no error.
func (d *Dir) removeAll(name string, kind Type) error {
	if kind == Folder {
		sub, err := d.Sub(name)
		if err != nil {
			return err
		}
		err = sub.empty()
		sub.Close()
		if err != nil {
			return err
		}
	}
	if err := d.Remove(name, kind); err != nil && !Gone(err) {
		return err
	}
	return nil
}
