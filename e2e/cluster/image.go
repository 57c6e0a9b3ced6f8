package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
)

// loadPause makes the image of every pod's first process and imports it.
func (c *cluster) loadPause(ctx context.Context) error {
	program, err := os.ReadFile(c.path("bin", "pause"))
	if err != nil {
		return fmt.Errorf("its program is not built (make cluster-build): %w", err)
	}
	archive, err := imageArchive(pauseImage, "pause", program)
	if err != nil {
		return fmt.Errorf("make the pause image: %w", err)
	}
	path := c.path("pause.tar")
	if err := os.WriteFile(path, archive, 0o644); err != nil {
		return err
	}
	return c.ctr(ctx, "images", "import", path)
}

// imageArchive is a Docker archive of an image that has one static program.
func imageArchive(name, file string, program []byte) ([]byte, error) {
	layer, err := tarball(map[string][]byte{file: program})
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(layer)
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": []string{"/" + file}, "User": "65535:65535"},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(digest[:])}},
	})
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{name}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return nil, err
	}
	return tarball(map[string][]byte{"manifest.json": manifest, "config.json": config, "layer.tar": layer})
}

func tarball(files map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
