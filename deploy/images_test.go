package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestBasesArePinned: each image begins with a base that is named by what it holds.
func TestBasesArePinned(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../images/*/Dockerfile")
	if err != nil || len(files) < 2 {
		t.Fatalf("there are Dockerfiles %v, %v", files, err)
	}
	from := regexp.MustCompile(`(?m)^FROM (?:\$\{(\w+)\}|(\S+))`)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		stages := from.FindAllStringSubmatch(string(content), -1)
		if len(stages) == 0 {
			t.Errorf("%s has no FROM", file)
		}
		for _, stage := range stages {
			if stage[2] == "scratch" {
				continue
			}
			pinned := regexp.MustCompile(`(?m)^ARG ` + stage[1] + `=[\w./:-]+@sha256:[0-9a-f]{64}$`)
			if stage[1] == "" || !pinned.Match(content) {
				t.Errorf("%s: %q is not of an ARG with a digest", file, stage[0])
			}
		}
	}
}
