package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Handler serves a static export.
type Handler struct {
	files  fs.FS
	assets map[string]*asset
	log    *slog.Logger
}

// New reads the list of files and the pages' inline scripts. Without an index.html the handler serves a page
// that says how to build the frontend.
func New(files fs.FS, log *slog.Logger) (*Handler, error) {
	h := &Handler{files: files, assets: map[string]*asset{}, log: log}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		h.assets[name], err = newAsset(files, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the frontend's files: %w", err)
	}
	return h, nil
}

// Built says whether there is a frontend at all.
func (h *Handler) Built() bool { return h.assets["index.html"] != nil }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		h.plain(w, http.StatusMethodNotAllowed, "This address can only be read.")
		return
	}
	path := r.URL.Path
	if under(path, "/api") || under(path, "/ws") {
		h.plain(w, http.StatusNotFound, "There is no such page.")
		return
	}
	if !h.Built() {
		h.unbuilt(w, path)
		return
	}
	if a := h.assets[strings.TrimPrefix(path, "/")]; a != nil && !strings.HasSuffix(path, "/") {
		h.serve(w, r, a, http.StatusOK)
		return
	}
	trimmed := strings.Trim(path, "/")
	if a := h.assets[strings.TrimPrefix(trimmed+"/index.html", "/")]; a != nil {
		if trimmed != "" && !strings.HasSuffix(path, "/") {
			// Built from the name of a file that exists, never from the request: it cannot lead elsewhere.
			target := url.URL{Path: "/" + trimmed + "/", RawQuery: r.URL.RawQuery}
			http.Redirect(w, r, target.String(), http.StatusPermanentRedirect)
			return
		}
		h.serve(w, r, a, http.StatusOK)
		return
	}
	if a := h.assets[trimmed+".html"]; a != nil {
		h.serve(w, r, a, http.StatusOK)
		return
	}
	if a := h.assets["404.html"]; a != nil {
		h.serve(w, r, a, http.StatusNotFound)
		return
	}
	h.plain(w, http.StatusNotFound, "There is no such page.")
}

func under(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, a *asset, status int) {
	c, err := a.load()
	if err != nil {
		h.log.ErrorContext(r.Context(), "frontend file not served", "file", a.name, "error", err)
		h.plain(w, http.StatusInternalServerError, "The page could not be read.")
		return
	}
	header := w.Header()
	header.Set("Content-Type", a.contentType)
	if a.policy != "" {
		header.Set("Content-Security-Policy", a.policy)
	} else {
		// A file opened by itself (an SVG) runs nothing; a worker's own policy is this one.
		header.Set("Content-Security-Policy", policy(nil))
	}
	header.Set("Cache-Control", "no-cache")
	if a.immutable {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	tag, gzipped := c.etag, false
	if c.gzipped != nil {
		header.Add("Vary", "Accept-Encoding")
		if gzipped = acceptsGzip(r); gzipped {
			header.Set("Content-Encoding", "gzip")
			tag += "-gzip"
		}
	}
	if status == http.StatusOK {
		header.Set("ETag", `"`+tag+`"`)
	} else {
		header.Set("Cache-Control", "no-store")
		// Conditions and ranges are about the page that was asked for, not about the one that says it is missing.
		r = r.Clone(r.Context())
		for _, name := range []string{"If-Match", "If-None-Match", "If-Range", "Range"} {
			r.Header.Del(name)
		}
		w = &statusWriter{ResponseWriter: w, status: status}
	}
	if gzipped {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(c.gzipped))
		return
	}
	h.servePlain(w, r, a.name)
}

// servePlain serves a file from where it lies.
func (h *Handler) servePlain(w http.ResponseWriter, r *http.Request, name string) {
	file, err := h.files.Open(name)
	if err == nil {
		defer file.Close()
		if seeker, ok := file.(io.ReadSeeker); ok {
			http.ServeContent(w, r, "", time.Time{}, seeker)
			return
		}
		err = errors.ErrUnsupported
	}
	h.log.ErrorContext(r.Context(), "frontend file not served", "file", name, "error", err)
	h.plain(w, http.StatusInternalServerError, "The page could not be read.")
}

// statusWriter sends another status than 200.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if status == http.StatusOK {
		status = w.status
	}
	w.ResponseWriter.WriteHeader(status)
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3): gzip is named and not weighed 0.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, q, found := strings.Cut(weight, "=")
		value, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !found || err == nil && value > 0
	}
	return false
}

func (h *Handler) plain(w http.ResponseWriter, status int, text string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if _, err := w.Write([]byte(text + "\n")); err != nil {
		h.log.Debug("page not delivered", "error", err)
	}
}

func (h *Handler) unbuilt(w http.ResponseWriter, path string) {
	if path != "/" {
		h.plain(w, http.StatusNotFound, "There is no such page.")
		return
	}
	h.plain(w, http.StatusOK, "The server runs, but it was built without the frontend.\n\n"+
		"Build both with `make build` (or run them with `make run`). The API is at /api/, its description at /api/openapi.json.")
}
