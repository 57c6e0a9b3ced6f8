package pgembed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"codingplatform/backend/runas"
)

// minMajor is the oldest version that the schema works on.
const minMajor = 15

// programs is a directory with the server's programs, and their version.
type programs struct {
	bin   string
	major int
}

func (p programs) path(name string) string { return filepath.Join(p.bin, name) }

// findPrograms looks where Config.BinDir says, and makes a copy in copyTo when user does not reach them.
func findPrograms(ctx context.Context, binDir string, user runas.User, copyTo string) (programs, error) {
	bin := binDir
	if bin == "" {
		var places []string
		if exe, err := os.Executable(); err == nil {
			dir := filepath.Dir(exe)
			places = append(places, filepath.Join(dir, "postgres"), filepath.Join(dir, "postgres", "*"), filepath.Join(dir, "..", "postgres", "*"))
		}
		if wd, err := os.Getwd(); err == nil {
			places = append(places, filepath.Join(wd, "build", "postgres", "*"))
		}
		places = append(places, "/usr/lib/postgresql/*", "/usr/pgsql-*", "/usr/local/pgsql", "/usr")
		var err error
		if bin, err = newest(places); err != nil {
			return programs{}, err
		}
	} else if !isProgram(filepath.Join(bin, "postgres")) || !isProgram(filepath.Join(bin, "initdb")) {
		return programs{}, fmt.Errorf("embedded PostgreSQL: %s does not hold postgres and initdb: set postgres-bin to the directory that does", bin)
	}
	bin, err := filepath.EvalSymlinks(bin)
	if err != nil {
		return programs{}, fmt.Errorf("embedded PostgreSQL: resolve %s: %w", bin, err)
	}
	if user.Reaches(filepath.Join(bin, "postgres")) != nil {
		if bin, err = copyPrograms(bin, copyTo); err != nil {
			return programs{}, err
		}
	}
	p := programs{bin: bin}
	if p.major, err = majorOf(ctx, p.path("postgres")); err != nil {
		return programs{}, err
	}
	if p.major < minMajor {
		return programs{}, fmt.Errorf("embedded PostgreSQL: %s is version %d, and %d or newer is needed", p.path("postgres"), p.major, minMajor)
	}
	return p, nil
}

// newest returns the bin directory of the first place that has one; of places with many versions, the newest.
func newest(places []string) (string, error) {
	for _, place := range places {
		roots, err := filepath.Glob(place)
		if err != nil {
			return "", fmt.Errorf("embedded PostgreSQL: look for programs: %w", err)
		}
		slices.SortFunc(roots, func(a, b string) int { return compareVersions(filepath.Base(b), filepath.Base(a)) })
		for _, root := range roots {
			bin := filepath.Join(root, "bin")
			if isProgram(filepath.Join(bin, "postgres")) && isProgram(filepath.Join(bin, "initdb")) {
				return bin, nil
			}
		}
	}
	return "", fmt.Errorf("embedded PostgreSQL: its programs were not found in %s: run `make setup` where this program was built, "+
		"or install the system's PostgreSQL server, or set postgres-bin to the directory of initdb and postgres, or set database-url to a server of your own",
		strings.Join(places, ", "))
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// compareVersions orders names like 9.6, 17, 18.4.0-beta.17 by their numbers.
func compareVersions(a, b string) int {
	digits := regexp.MustCompile(`\d+`)
	return slices.CompareFunc(digits.FindAllString(a, -1), digits.FindAllString(b, -1), func(x, y string) int {
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		return strings.Compare(x, y)
	})
}

func majorOf(ctx context.Context, postgres string) (int, error) {
	cmd := exec.CommandContext(ctx, postgres, "--version")
	cmd.Env = cleanEnv()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("embedded PostgreSQL: %s does not run: %w: %s", postgres, err, strings.TrimSpace(string(out)))
	}
	found := regexp.MustCompile(`\s(\d+)[.\w]*\b`).FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("embedded PostgreSQL: %s does not tell its version: %q", postgres, out)
	}
	major, err := strconv.Atoi(string(found[1]))
	if err != nil {
		return 0, fmt.Errorf("embedded PostgreSQL: the version of %s: %w", postgres, err)
	}
	return major, nil
}

// copyPrograms makes programs reachable for another user. They are found relative to each other, so the
// whole tree goes along; a copy that is there already is as good, since its name holds size and time.
func copyPrograms(bin, to string) (string, error) {
	root := filepath.Dir(bin)
	if strings.HasPrefix(root+"/", "/usr/") {
		return "", fmt.Errorf("embedded PostgreSQL: %s is not open to the user of run-as: make it readable", bin)
	}
	info, err := os.Stat(filepath.Join(bin, "postgres"))
	if err != nil {
		return "", fmt.Errorf("embedded PostgreSQL: look at the programs: %w", err)
	}
	target := filepath.Join(to, fmt.Sprintf("%s-%d-%d", filepath.Base(root), info.Size(), info.ModTime().Unix()))
	if isProgram(filepath.Join(target, "bin", "postgres")) {
		return filepath.Join(target, "bin"), nil
	}
	// Only the holder of the lock comes here: what another copy left is of no use.
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o755), os.Chmod(to, 0o755)); err != nil {
		return "", fmt.Errorf("embedded PostgreSQL: copy the programs: %w", err)
	}
	staging := target + ".new"
	if err := copyTree(root, staging); err != nil {
		return "", fmt.Errorf("embedded PostgreSQL: copy the programs: %w", err)
	}
	if err := os.Rename(staging, target); err != nil {
		return "", fmt.Errorf("embedded PostgreSQL: copy the programs: %w", err)
	}
	return filepath.Join(target, "bin"), nil
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case entry.IsDir():
			return errors.Join(os.Mkdir(target, 0o755), os.Chmod(target, 0o755))
		case entry.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return errors.Join(os.WriteFile(target, data, mode), os.Chmod(target, mode))
	})
}

// cleanEnv is the whole environment of the server's programs: nothing of the backend's own.
func cleanEnv() []string {
	return []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
}
