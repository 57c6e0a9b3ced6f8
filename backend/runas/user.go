package runas

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// User is whom helpers run as.
type User struct {
	Name string
	UID  uint32
	GID  uint32
	// Switch says that the user is another one than this process's.
	Switch bool
}

// Resolve returns the user for helpers: name when this process is root, else this process's own user. It
// refuses root.
func Resolve(name string) (User, error) {
	if os.Geteuid() != 0 {
		uid, err := id(os.Geteuid())
		if err != nil {
			return User{}, err
		}
		gid, err := id(os.Getegid())
		return User{Name: strconv.Itoa(os.Geteuid()), UID: uid, GID: gid}, err
	}
	if name == "" {
		return User{}, errors.New("started as root, a user to run helpers as is needed: set run-as, for example to nobody")
	}
	found, err := user.Lookup(name)
	if err != nil {
		return User{}, fmt.Errorf("find the user %q of run-as: %w", name, err)
	}
	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	if err != nil {
		return User{}, fmt.Errorf("read the user ID of %q: %w", name, err)
	}
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	if err != nil {
		return User{}, fmt.Errorf("read the group ID of %q: %w", name, err)
	}
	if uid == 0 || gid == 0 {
		return User{}, fmt.Errorf("run-as must not be %q, which is root: choose another user, for example nobody", name)
	}
	return User{Name: name, UID: uint32(uid), GID: uint32(gid), Switch: true}, nil
}

func id(n int) (uint32, error) {
	v, err := strconv.ParseUint(strconv.Itoa(n), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("read this process's user: %w", err)
	}
	return uint32(v), nil
}

// Credential is for syscall.SysProcAttr; nil when there is nothing to change.
func (u User) Credential() *syscall.Credential {
	if !u.Switch {
		return nil
	}
	return &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: []uint32{u.GID}}
}

// Own gives a file or directory (not what is in it) to the user.
func (u User) Own(path string) error {
	if !u.Switch {
		return nil
	}
	if err := os.Lchown(path, int(u.UID), int(u.GID)); err != nil {
		return fmt.Errorf("give %s to %s: %w", path, u.Name, err)
	}
	return nil
}

// Reaches checks that the user can traverse to path (absolute), and enter a directory there, read a file, run
// a program. It names the first file or directory in the way in its error.
func (u User) Reaches(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("resolve %s: %w", path, err)
	}
	if !u.Switch {
		return nil
	}
	for at, last := path, true; ; at, last = filepath.Dir(at), false {
		info, err := os.Stat(at)
		if err != nil {
			return fmt.Errorf("look at %s: %w", at, err)
		}
		need := fs.FileMode(0o1)
		if last && !info.IsDir() {
			need = 0o4 | info.Mode()&0o111&0o1
		}
		if !u.may(info, need) {
			return fmt.Errorf("%s is closed to the user %s (its mode is %04o)", at, u.Name, info.Mode().Perm())
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// may compares need (of rwx) with the class of the user.
func (u User) may(info fs.FileInfo, need fs.FileMode) bool {
	mode := info.Mode().Perm()
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case ok && stat.Uid == u.UID:
		mode >>= 6
	case ok && stat.Gid == u.GID:
		mode >>= 3
	}
	return mode&need == need
}
