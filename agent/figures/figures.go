package figures

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

// Folder is where figures are, within the workspace.
const Folder = ".figures"

// module is the name that programs see in messages.
const module = "workspace_figures"

//go:embed workspace_figures.py
var source []byte

// Install writes the module into a folder below state, and answers what the environment of users' programs needs
// ("KEY=value"). root is the workspace.
func Install(state, root string) ([]string, error) {
	folder := filepath.Join(state, "python")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the figures' module: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, module+".py"), source, 0o600); err != nil {
		return nil, fmt.Errorf("write the figures' module: %w", err)
	}
	return []string{
		"PYTHONPATH=" + folder, "MPLBACKEND=module://" + module, "WORKSPACE_FIGURES=" + filepath.Join(root, Folder),
	}, nil
}
