package program

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// ErrInvalid is wrapped by all errors that are the caller's: no such program, no such folder, a bad name.
var ErrInvalid = errors.New("cannot be started")

// Base is what all users' programs have in common.
type Base struct {
	// Root is the workspace directory, an absolute path.
	Root string
	// Env is the whole environment, "KEY=value"; later entries win.
	Env []string
}

// Environment is a user's environment: defaults, then extra ("KEY=value"), which wins.
func Environment(root, home, shell, path string, extra []string) []string {
	if home == "" {
		home = root
	}
	return append([]string{
		"PATH=" + path,
		"HOME=" + home,
		"PWD=" + root,
		"SHELL=" + shell,
		"USER=app",
		"LOGNAME=app",
		"LANG=C.UTF-8",
		"TERM=xterm-256color",
		"COLORTERM=truecolor",
		// What users install for all their projects goes where they may write and the PATH leads: the system's
		// folders are read-only.
		"NPM_CONFIG_PREFIX=" + filepath.Join(home, ".local"),
		"PIP_BREAK_SYSTEM_PACKAGES=1",
	}, extra...)
}

// Command is a program that is to start in the folder cwd, relative to the root and inside of it, with env
// added to the environment. argv[0] is looked up in the PATH that the program itself will have.
func (b Base) Command(argv []string, cwd string, env map[string]string) (*exec.Cmd, error) {
	if len(argv) == 0 || argv[0] == "" {
		return nil, fmt.Errorf("%w: no program is named", ErrInvalid)
	}
	for _, arg := range argv {
		if strings.ContainsRune(arg, 0) {
			return nil, fmt.Errorf("%w: an argument holds a NUL", ErrInvalid)
		}
	}
	dir, err := b.folder(cwd)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(b.Env)
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if key == "" || strings.ContainsAny(key, "=\x00") || strings.ContainsRune(env[key], 0) {
			return nil, fmt.Errorf("%w: bad environment variable %q", ErrInvalid, key)
		}
		all = append(all, key+"="+env[key])
	}
	path, err := lookPath(argv[0], dir, all)
	if err != nil {
		return nil, err
	}
	return &exec.Cmd{
		Path: path, Args: slices.Clone(argv), Env: append(all, "PWD="+dir), Dir: dir,
		SysProcAttr: &syscall.SysProcAttr{},
	}, nil
}

// folder resolves a folder of the workspace. A program may leave it afterwards like any; this only keeps a
// caller from naming places outside.
func (b Base) folder(cwd string) (string, error) {
	if cwd == "" || cwd == "." {
		return b.Root, nil
	}
	root, err := os.OpenRoot(b.Root)
	if err != nil {
		return "", fmt.Errorf("open the workspace: %w", err)
	}
	defer func() { _ = root.Close() }() // read only
	info, err := root.Stat(filepath.FromSlash(cwd))
	if err != nil {
		return "", fmt.Errorf("%w: working directory %q: %w", ErrInvalid, cwd, err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%w: working directory %q is not a folder", ErrInvalid, cwd)
	}
	return filepath.Join(b.Root, filepath.FromSlash(cwd)), nil
}

func lookPath(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if !executable(name) {
			return "", fmt.Errorf("%w: %q is not an executable file", ErrInvalid, name)
		}
		return name, nil
	}
	search := ""
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			search = value
		}
	}
	for _, folder := range filepath.SplitList(search) {
		if !filepath.IsAbs(folder) {
			continue // a relative entry would run whatever lies in the workspace
		}
		if path := filepath.Join(folder, name); executable(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: program %q not found", ErrInvalid, name)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
