package filesync_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"codingplatform/agent/workspace"
	"codingplatform/backend"
)

// program is what a user's programs do to the workspace. It remembers the last version that each path got from it.
type program struct {
	root string
	r    *rand.Rand
	log  func(format string, args ...any)
	// wrote is content by path, for files whose last version is of this program; of versions that it has itself
	// replaced or removed nothing is remembered, since they may never have been seen.
	wrote map[string]backend.Hash
	// mapped says that something was written through a mapping, of which the kernel tells nobody.
	mapped bool
}

// names are few, so that programs and editors meet often.
func names() []string {
	return []string{"a", "b", "c", "d", "e", "\u00fc", "u\u0308", "A", "new\nline", "bad\xff\xfename", " space ", "-rf", "node_modules", ".git"}
}

func (p *program) path() string {
	if p.root != "" && p.r.IntN(2) == 0 {
		return p.existing()
	}
	all := names()
	depth := 1 + p.r.IntN(3)
	parts := make([]string, depth)
	for i := range parts {
		// The first ones come more often, so that paths meet.
		parts[i] = all[min(p.r.IntN(len(all)), p.r.IntN(len(all)))]
	}
	return filepath.Join(p.root, filepath.Join(parts...))
}

// existing is a path at which there is something, but for the model's own files.
func (p *program) existing() string {
	path := p.root
	for {
		entries, err := os.ReadDir(path)
		entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool {
			return e.Name() == "stays" || strings.HasPrefix(e.Name(), "flood") || strings.HasPrefix(e.Name(), workspace.TempPrefix)
		})
		if err != nil || len(entries) == 0 {
			break
		}
		path = filepath.Join(path, entries[p.r.IntN(len(entries))].Name())
		if p.r.IntN(3) == 0 {
			break
		}
	}
	if path == p.root {
		return filepath.Join(p.root, "a")
	}
	return path
}

func (p *program) content() []byte {
	sizes := []int{0, 1, 10, 100, 1000, 5000, 70_000, 300_000}
	return p.bytes(sizes[min(p.r.IntN(len(sizes)), p.r.IntN(len(sizes)))])
}

func (p *program) bytes(n int) []byte {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, p.r.Uint64())
	}
	return b[:n]
}

// plain is a path without links in its folders; one name of a file, where links make several.
func plain(path string) string {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return path
	}
	return filepath.Join(dir, filepath.Base(path))
}

// drop forgets what is at a plain path and below it, and calls each with it.
func (p *program) drop(path string, each func(below string, hash backend.Hash)) {
	for _, known := range slices.Sorted(maps.Keys(p.wrote)) {
		if known == path || strings.HasPrefix(known, path+"/") {
			hash := p.wrote[known]
			delete(p.wrote, known)
			if each != nil {
				each(strings.TrimPrefix(known, path), hash)
			}
		}
	}
}

// remember notes what a file holds now that it was written to, unless another took its place meanwhile.
func (p *program) remember(path string, f *os.File) error {
	p.drop(plain(path), nil)
	content, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	if err != nil {
		return err
	}
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	for known := range p.wrote {
		// Another name of the same file.
		if other, err := os.Lstat(known); err == nil && os.SameFile(mine, other) {
			delete(p.wrote, known)
		}
	}
	there, err := os.Lstat(path)
	if err == nil && os.SameFile(mine, there) && mine.Size() <= modelMaxFile {
		p.keep(plain(path), sha256.Sum256(content))
	}
	return nil
}

// keep remembers a content, if it is in the workspace.
func (p *program) keep(path string, hash backend.Hash) {
	if strings.HasPrefix(path, p.root+"/") {
		p.wrote[path] = hash
	}
}

// edit opens a file as programs do, and does something to it.
func (p *program) edit(path string, flags int, mode os.FileMode, do func(f *os.File) error) error {
	f, err := os.OpenFile(path, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK, mode)
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(oops("no file"), err, f.Close())
	}
	return errors.Join(do(f), p.remember(path, f), f.Close())
}

// oops is that something cannot be done here.
type oops string

func (e oops) Error() string { return string(e) }

// step does one random thing. That it cannot be done (no such file, …) is part of the game.
func (p *program) step() {
	path := p.path()
	what, do := p.choose(path)
	err := do()
	p.log("disk: %s %q: %v", what, strings.TrimPrefix(path, p.root+"/"), err)
}

func (p *program) choose(path string) (string, func() error) {
	switch n := p.r.IntN(100); {
	case n < 22:
		return "write", func() error { return p.write(path) }
	case n < 30:
		return "append", func() error {
			return p.edit(path, os.O_RDWR|os.O_APPEND, 0, func(f *os.File) error { _, err := f.Write(p.content()); return err })
		}
	case n < 34:
		return "truncate", func() error {
			return p.edit(path, os.O_RDWR, 0, func(f *os.File) error { return f.Truncate(int64(p.r.IntN(2000))) })
		}
	case n < 40:
		return "replace", func() error { return p.replace(path) }
	case n < 52:
		to := p.path()
		return fmt.Sprintf("rename to %q", strings.TrimPrefix(to, p.root+"/")), func() error { return p.rename(path, to, 0) }
	case n < 55:
		to := p.path()
		return fmt.Sprintf("exchange with %q", strings.TrimPrefix(to, p.root+"/")), func() error { return p.exchange(path, to) }
	case n < 65:
		return "mkdir -p", func() error { return os.MkdirAll(path, 0o755) }
	case n < 68:
		return "rmdir", func() error { return syscall.Rmdir(path) }
	case n < 71:
		return "rm -r", func() error {
			// It opens what is above, and would wait there for a pipe's other end.
			if above, err := os.Stat(filepath.Dir(path)); err != nil || !above.IsDir() {
				return errors.Join(oops("no folder"), err)
			}
			p.drop(plain(path), nil)
			return os.RemoveAll(path)
		}
	case n < 74:
		return "rm", func() error {
			err := syscall.Unlink(path)
			if err == nil {
				p.drop(plain(path), nil)
			}
			return err
		}
	case n < 79:
		return "chmod", func() error { return p.chmod(path) }
	case n < 83:
		return "symlink", func() error {
			return os.Symlink([]string{"a", "../b", outside(p.root), "gone", "."}[p.r.IntN(5)], path)
		}
	case n < 87:
		to := p.path()
		return fmt.Sprintf("link to %q", strings.TrimPrefix(to, p.root+"/")), func() error { return p.link(path, to) }
	case n < 90:
		return "mmap", func() error { return p.mmap(path) }
	case n < 92:
		return "sparse", func() error {
			return p.edit(path, os.O_RDWR|os.O_CREATE, 0o644, func(f *os.File) error { return f.Truncate(int64(p.r.IntN(2 * modelMaxFile))) })
		}
	case n < 97:
		return "same size again", func() error { return p.sameSize(path) }
	case n < 98:
		return "mkfifo", func() error { return syscall.Mkfifo(path, 0o600) }
	default:
		return "burst", func() error { return p.burst(path) }
	}
}

func (p *program) write(path string) error {
	mode := []os.FileMode{0o644, 0o644, 0o600, 0o755}[p.r.IntN(4)]
	return p.edit(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, mode, func(f *os.File) error {
		content := p.content()
		for len(content) > 0 { // in pieces
			n := min(len(content), 1+p.r.IntN(50_000))
			if _, err := f.Write(content[:n]); err != nil {
				return err
			}
			content = content[n:]
		}
		return nil
	})
}

// replace writes beside and renames, as editors do.
func (p *program) replace(path string) error {
	temp := path + ".tmp"
	if err := p.write(temp); err != nil {
		return err
	}
	if err := p.rename(temp, path, 0); err != nil {
		p.drop(plain(temp), nil)
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}

func (p *program) rename(from, to string, flags uint) error {
	if from == to {
		return nil
	}
	from, to = plain(from), plain(to) // the links on the way may be moved, too
	if err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags); err != nil {
		return err
	}
	// Two names of one file stay both.
	if _, err := os.Lstat(from); err == nil {
		return nil
	}
	p.drop(to, nil)
	p.drop(from, func(below string, hash backend.Hash) { p.keep(to+below, hash) })
	return nil
}

func (p *program) exchange(a, b string) error {
	if a == b {
		return nil
	}
	a, b = plain(a), plain(b) // the links on the way may be moved, too
	if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
		return err
	}
	of := map[string]backend.Hash{}
	p.drop(a, func(below string, hash backend.Hash) { of[b+below] = hash })
	p.drop(b, func(below string, hash backend.Hash) { of[a+below] = hash })
	for path, hash := range of {
		p.keep(path, hash)
	}
	return nil
}

func (p *program) chmod(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSymlink != 0 {
		return errors.Join(oops("no mode"), err)
	}
	modes := []os.FileMode{0o644, 0o600, 0o755, 0o444, 0o700}
	if info.IsDir() {
		modes = []os.FileMode{0o755, 0o700, 0o775, 0o500}
	}
	return os.Chmod(path, modes[p.r.IntN(len(modes))])
}

func (p *program) link(path, to string) error {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return errors.Join(oops("no file"), err)
	}
	return os.Link(path, to)
}

func (p *program) mmap(path string) error {
	return p.edit(path, os.O_RDWR, 0, func(f *os.File) error {
		info, err := f.Stat()
		if err != nil || info.Size() == 0 {
			return errors.Join(oops("empty"), err)
		}
		m, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		p.mapped = true
		m[p.r.IntN(len(m))]++
		return errors.Join(unix.Msync(m, unix.MS_SYNC), unix.Munmap(m))
	})
}

// sameSize writes twice within a tick of most clocks.
func (p *program) sameSize(path string) error {
	for range 2 {
		err := p.edit(path, os.O_RDWR|os.O_CREATE, 0o644, func(f *os.File) error {
			_, err := f.WriteAt(p.bytes(2), 0)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// outside is a file beside the workspace that links lead to, and that nothing may change.
func outside(root string) string { return filepath.Join(filepath.Dir(root), "outside") }

// writePlain writes a file, and follows no link.
func writePlain(path, content string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Close())
}

// burst makes folders and what is in them faster than anybody can watch them.
func (p *program) burst(path string) error {
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		p.drop(plain(filepath.Join(path, fmt.Sprintf("burst%d/x/y/f", i))), nil)
		wg.Go(func() {
			dir := filepath.Join(path, fmt.Sprintf("burst%d/x/y", i))
			if errs[i] = os.MkdirAll(dir, 0o755); errs[i] == nil {
				errs[i] = writePlain(filepath.Join(dir, "f"), dir)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
