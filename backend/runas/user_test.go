package runas_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"codingplatform/backend/runas"
)

func TestResolveRefusesRoot(t *testing.T) {
	u, err := runas.Resolve("root")
	if os.Geteuid() == 0 {
		if err == nil || !strings.Contains(err.Error(), "nobody") {
			t.Fatalf("Resolve(root) = %+v, %v; want a refusal with a hint", u, err)
		}
		return
	}
	if err != nil || u.Switch {
		t.Fatalf("Resolve as an ordinary user = %+v, %v; want the same user", u, err)
	}
}

func TestReaches(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "a", "b")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Dir(top), top} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	other := runas.User{Name: "other", UID: 4242, GID: 4242, Switch: true}
	if err := other.Reaches(dir); err != nil {
		t.Errorf("an open path: %v", err)
	}
	if err := os.Chmod(filepath.Join(top, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := other.Reaches(dir); err == nil || !strings.Contains(err.Error(), filepath.Join(top, "a")) {
		t.Errorf("a closed parent: %v; want it named", err)
	}
	if err := (runas.User{UID: 4242}).Reaches(dir); err != nil {
		t.Errorf("the same user: %v", err)
	}
}
