package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Documents name tests as what they say is shown by: `package`: `TestName/Subtest`, `TestOther`. Each must be there.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile("`((?:Test\\w+(?:/\\w+)*)|(?:\\w+\\.spec\\.ts))`")
	place := regexp.MustCompile("`((?:agent|backend|cmd|client|deploy|e2e)(?:/[a-z]+)*)`:")
	for _, document := range []string{"../docs/security.md", "../docs/operations.md"} {
		content, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for line := range strings.Lines(string(content)) {
			if !strings.HasPrefix(line, "|") {
				continue
			}
			places := place.FindAllStringSubmatchIndex(line, -1)
			for _, name := range named.FindAllStringSubmatchIndex(line, -1) {
				found++
				// That of the last place before it; outages are all shown here.
				dir := "deploy"
				for _, at := range places {
					if at[0] < name[0] {
						dir = line[at[2]:at[3]]
					}
				}
				if missing := missingTest(t, "../"+dir, line[name[2]:name[3]]); missing != "" {
					t.Errorf("%s names %s, and %s has no %s", document, line[name[2]:name[3]], dir, missing)
				}
			}
		}
		if found < 7 {
			t.Errorf("%s names %d tests: is its table still read?", document, found)
		}
	}
}

// missingTest is what of a test's name is not in a directory; empty when all of it is.
func missingTest(t *testing.T, dir, name string) string {
	t.Helper()
	if strings.HasSuffix(name, ".ts") {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return name
		}
		return ""
	}
	files, err := filepath.Glob(dir + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(content)
	}
	parts := strings.Split(name, "/")
	if !strings.Contains(all.String(), "\nfunc "+parts[0]+"(t *testing.T) {") {
		return parts[0]
	}
	for _, part := range parts[1:] {
		if !strings.Contains(all.String(), `t.Run("`+part+`", `) {
			return part
		}
	}
	return ""
}
