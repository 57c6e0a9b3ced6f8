package figures_test

import (
	"bytes"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"codingplatform/agent/figures"
)

// run runs a Python program in a workspace with the environment that figures asks for. It answers the output.
func run(t *testing.T, root, program string, extra ...string) string {
	t.Helper()
	env, err := figures.Install(t.TempDir(), root)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "plot.py")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", file)
	cmd.Dir = root
	cmd.Env = slices.Concat([]string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir()}, env, extra)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func names(t *testing.T, root string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, figures.Folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return found
}

func TestShownFiguresBecomeFiles(t *testing.T) {
	root := t.TempDir()
	out := run(t, root, `
import matplotlib.pyplot as plt
plt.plot([1, 2, 3])
plt.figure()
plt.bar([1, 2], [3, 4])
plt.show()
assert plt.get_fignums() == [], plt.get_fignums()
figure, axes = plt.subplots()
axes.plot([1, 2])
figure.show()
print("end")
`)
	if out != "end\n" {
		t.Errorf("it said %q", out)
	}
	if got, want := names(t, root), []string{"plot-1.png", "plot-2.png", "plot-3.png"}; !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	content, err := os.ReadFile(filepath.Join(root, figures.Folder, "plot-1.png"))
	if err != nil {
		t.Fatal(err)
	}
	if config, err := png.DecodeConfig(bytes.NewReader(content)); err != nil || config.Width < 100 {
		t.Errorf("%+v, %v", config, err)
	}
}

func TestNothingIsWrittenUnasked(t *testing.T) {
	root := t.TempDir()
	run(t, root, `
import matplotlib.pyplot as plt
plt.plot([1, 2, 3])
plt.savefig("own.png")
`)
	if got := names(t, root); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if _, err := os.Stat(filepath.Join(root, "own.png")); err != nil {
		t.Error(err)
	}
}

func TestALoopThatShowsForEver(t *testing.T) {
	root := t.TempDir()
	out := run(t, root, `
import matplotlib.pyplot as plt
import workspace_figures
workspace_figures._MOST = 3
for n in range(6):
    plt.figure(figsize=(1, 1))
    plt.show()
`)
	if got := names(t, root); len(got) != 3 || strings.Count(out, "further ones are not written") != 1 {
		t.Errorf("%q, said %q", got, out)
	}
}

func TestABackendOfOnesOwn(t *testing.T) {
	root := t.TempDir()
	run(t, root, "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\n", "MPLBACKEND=agg")
	if got := names(t, root); len(got) > 0 {
		t.Errorf("%q", got)
	}
}
