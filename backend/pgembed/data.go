package pgembed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"codingplatform/backend/runas"
)

// ensureData makes the data directory, or checks that these programs can use the one that is there. It
// returns the role's password.
func (s *Server) ensureData(ctx context.Context) (string, error) {
	passwordFile := filepath.Join(s.cfg.DataDir, passwordName)
	version, err := os.ReadFile(filepath.Join(s.dataDir(), "PG_VERSION"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.initialize(ctx, passwordFile)
	case err != nil:
		return "", fmt.Errorf("read the database's version: %w", err)
	}
	if written := strings.TrimSpace(string(version)); written != strconv.Itoa(s.programs.major) {
		return "", fmt.Errorf("the database in %s was written by PostgreSQL %s, and the programs in %s are version %d, which cannot read it: "+
			"set postgres-bin to the programs of version %s and start again; to move to version %d, dump the database with pg_dump of either version "+
			"while the old one runs, move %s away, and load the dump into the new one",
			s.cfg.DataDir, written, s.programs.bin, s.programs.major, written, s.programs.major, s.cfg.DataDir)
	}
	return readPassword(passwordFile)
}

// passwordName is the file of the password, in the data directory.
const passwordName = "password"

func readPassword(path string) (string, error) {
	password, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the database's password, which belongs to the data beside it: %w", err)
	}
	return strings.TrimSpace(string(password)), nil
}

// initialize makes a new data directory beside its place and moves it there when it is whole.
func (s *Server) initialize(ctx context.Context, passwordFile string) (string, error) {
	s.cfg.Logger.InfoContext(ctx, "making a new database", "data_dir", s.cfg.DataDir, "version", s.programs.major, "user", s.user.Name)
	staging := filepath.Join(s.cfg.DataDir, "data.new")
	if err := os.RemoveAll(staging); err != nil {
		return "", fmt.Errorf("remove a database that was not finished: %w", err)
	}
	if err := makePrivateDir(staging, s.user); err != nil {
		return "", err
	}
	password := rand.Text()
	if err := writePrivate(passwordFile, password+"\n"); err != nil {
		return "", fmt.Errorf("keep the database's password: %w", err)
	}
	// initdb runs as the server's user, who must not read the file that stays.
	handed := filepath.Join(staging, "pw")
	if err := errors.Join(writePrivate(handed, password+"\n"), s.user.Own(handed)); err != nil {
		return "", fmt.Errorf("hand the database's password over: %w", err)
	}
	data := filepath.Join(staging, "data")
	args := []string{"--pgdata=" + data, "--username=" + roleName, "--pwfile=" + handed, "--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"}
	if s.programs.major >= 17 {
		// The same order on every machine and with every C library, for ever.
		args = append(args, "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
	} else {
		args = append(args, "--locale=C.UTF-8")
	}
	if s.cfg.Volatile {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, s.programs.path("initdb"), args...)
	cmd.Env = cleanEnv()
	cmd.Dir = staging
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: s.user.Credential()}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make the database with initdb: %w: %s", err, lastLines(string(out)))
	}
	if err := os.Rename(data, s.dataDir()); err != nil {
		return "", fmt.Errorf("put the new database in its place: %w", err)
	}
	if err := os.RemoveAll(staging); err != nil {
		return "", fmt.Errorf("remove what making the database left: %w", err)
	}
	return password, nil
}

func (s *Server) dataDir() string { return filepath.Join(s.cfg.DataDir, "data") }

func lastLines(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.Join(lines[max(0, len(lines)-keptLines):], "; ")
}

// makePrivateDir makes a directory that only the user (and root) can enter.
func makePrivateDir(path string, user runas.User) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	return user.Own(path)
}

// writePrivate writes a whole file that only this process's user can read, or none.
func writePrivate(path, content string) error {
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
