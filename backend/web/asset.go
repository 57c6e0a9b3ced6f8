package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// asset is one file of the frontend. What is derived from its content is made when it is first asked for, so
// that the start stays fast and what nobody opens costs nothing.
type asset struct {
	name        string
	contentType string
	immutable   bool
	// policy is the content security policy, of pages only.
	policy string
	load   func() (content, error)
}

// content is what is kept of an asset's bytes: the plain ones stay in the binary.
type content struct {
	// gzipped is nil where compression does not pay.
	gzipped []byte
	etag    string
}

// minGzip is the size under which compression saves no packet.
const minGzip = 1400

func newAsset(files fs.FS, name string) (*asset, error) {
	a := &asset{name: name, contentType: contentType(name), immutable: strings.HasPrefix(name, "_next/static/")}
	if strings.HasSuffix(name, ".html") {
		page, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read the page %s: %w", name, err)
		}
		a.policy = policy(page)
	}
	a.load = sync.OnceValues(func() (content, error) { return loadContent(files, name, compressible(a.contentType)) })
	return a, nil
}

func loadContent(files fs.FS, name string, compress bool) (content, error) {
	plain, err := fs.ReadFile(files, name)
	if err != nil {
		return content{}, fmt.Errorf("read %s: %w", name, err)
	}
	sum := sha256.Sum256(plain)
	c := content{etag: hex.EncodeToString(sum[:12])}
	if !compress || len(plain) < minGzip {
		return c, nil
	}
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	if _, err := writer.Write(plain); err != nil {
		return content{}, fmt.Errorf("compress %s: %w", name, err)
	}
	if err := writer.Close(); err != nil {
		return content{}, fmt.Errorf("compress %s: %w", name, err)
	}
	if buffer.Len() < len(plain)*9/10 {
		c.gzipped = bytes.Clone(buffer.Bytes())
	}
	return c, nil
}

// contentType is a fixed table: that of the machine differs from one to the next.
func contentType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".xml":
		return "application/xml"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".woff":
		return "font/woff"
	case ".ttf":
		return "font/ttf"
	case ".wasm":
		return "application/wasm"
	default:
		return "application/octet-stream"
	}
}

func compressible(contentType string) bool {
	for _, prefix := range []string{"text/", "application/json", "application/manifest", "application/xml", "application/wasm", "image/svg", "font/ttf"} {
		if strings.HasPrefix(contentType, prefix) {
			return true
		}
	}
	return false
}
