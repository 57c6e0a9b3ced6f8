package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// credentials is the file that login writes: what is known of each server, by its address.
type credentials struct {
	path    string
	Servers map[string]credential `json:"servers"`
}

type credential struct {
	Username string `json:"username"`
	Token    string `json:"token"`
}

// loadCredentials reads the file; one that does not exist is empty.
func loadCredentials() (*credentials, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("find the directory of settings: %w", err)
	}
	c := &credentials{path: filepath.Join(dir, "coding-platform", "credentials.json"), Servers: map[string]credential{}}
	b, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("%s: %w", c.path, err)
	}
	if c.Servers == nil {
		c.Servers = map[string]credential{}
	}
	return c, nil
}

// serverKey is one name for all ways to write a server's address.
func serverKey(url string) string { return strings.TrimRight(strings.ToLower(url), "/") }

// save writes the file for its owner alone. Another that is written at the same time loses nothing but its own
// change.
func (c *credentials) save() error {
	dir := filepath.Dir(c.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	// CreateTemp makes files of mode 0600.
	f, err := os.CreateTemp(dir, ".credentials-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), c.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", c.path, err), os.Remove(f.Name()))
	}
	return nil
}
