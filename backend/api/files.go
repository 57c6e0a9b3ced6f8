package api

import (
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
)

// The encodings of a content in JSON.
const (
	encodingUTF8   = "utf-8"
	encodingBase64 = "base64"
)

// maxDepth is more than a path of backend.MaxPathBytes can have.
const maxDepth = 1 << 12

func (s *server) listFiles(w http.ResponseWriter, r *http.Request) error {
	depth, err := queryInt(r, "depth", 0, 0, maxDepth)
	if err != nil {
		return err
	}
	under := r.URL.Query().Get("path")
	if strings.Trim(under, "/") == "" {
		under = ""
	} else if under, err = backend.CleanPath(under); err != nil {
		return err
	}
	items, revision, err := s.cfg.Store.Tree(r.Context(), sessionOf(r).ID, under, depth)
	if err != nil {
		return err
	}
	list := make([]itemBody, 0, len(items))
	for _, item := range items {
		list = append(list, newItemBody(item))
	}
	w.Header().Set("X-Workspace-Revision", strconv.FormatInt(revision, 10))
	s.answer(w, r, http.StatusOK, list)
	return nil
}

func (s *server) readFile(w http.ResponseWriter, r *http.Request) error {
	name, err := filePath(r, "/file/")
	if err != nil {
		return err
	}
	raw, err := queryFlag(r, "raw")
	if err != nil {
		return err
	}
	most, err := queryInt(r, "max_bytes", math.MaxInt, 0, math.MaxInt)
	if err != nil {
		return err
	}
	id := sessionOf(r).ID
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	item, err := s.cfg.Store.Item(r.Context(), id, name)
	if err != nil {
		return err
	}
	if item.Type == backend.TypeFolder {
		return invalid("path", "is a folder; list it with /files?path=")
	}
	h.Set("ETag", etag(item.Revision))
	if notModified(r, item.Revision) {
		if raw {
			guardRaw(h, r, item.Name()) // the headers replace those that the browser has
		}
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if raw {
		return s.sendRaw(w, r, item)
	}
	if item.Size > int64(most) && item.Unsaved == backend.Saved {
		s.answer(w, r, http.StatusOK, fileBody{itemBody: newItemBody(item), Encoding: encodingUTF8, ContentOmitted: true})
		return nil
	}
	item, content, err := s.cfg.Store.ReadFile(r.Context(), id, name)
	if err != nil {
		return err
	}
	h.Set("ETag", etag(item.Revision))
	s.answer(w, r, http.StatusOK, newFileBody(item, content))
	return nil
}

// guardRaw sets the headers with which no browser runs a file's bytes on this origin: a download, of a type that is not
// markup, not sniffed, and sandboxed in case something shows it all the same. A PDF that a frame of the IDE asks for is
// no download: the browser's viewer, which is another origin, shows it with its name. Browsers' viewers of PDF refuse
// what is sandboxed; pages cannot set these fields of a request (W3C Fetch Metadata), nor does a link or another site
// lead to a frame.
func guardRaw(h http.Header, r *http.Request, name string) {
	h.Add("Vary", "Sec-Fetch-Dest, Sec-Fetch-Site")
	kind, disposition, policy := rawType(name), "attachment", "default-src 'none'; sandbox; frame-ancestors 'none'"
	if strings.EqualFold(path.Ext(name), ".pdf") && r.Header.Get("Sec-Fetch-Dest") == "iframe" && r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		kind, disposition, policy = "application/pdf", "inline", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
		h.Set("X-Frame-Options", "SAMEORIGIN")
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// sendRaw serves a file's bytes as guardRaw says. It sends a part of them if one is asked for, and holds no more of them
// at once than the database keeps in a row.
func (s *server) sendRaw(w http.ResponseWriter, r *http.Request, item backend.Item) error {
	if item.Type != backend.TypeFile {
		return invalid("path", "is a "+string(item.Type)+", which has no bytes to download")
	}
	if item.Unsaved != backend.Saved {
		return backend.Errorf(backend.CodeNotFound, "the content of this file is not saved (%s), and so there is nothing to download", item.Unsaved)
	}
	content, err := s.cfg.Store.BlobReader(r.Context(), sessionOf(r).ID, item.Hash)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Accept-Ranges", "bytes")
	part, partial, err := rangeOf(r, content.Size, h.Get("ETag"))
	if err != nil {
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", content.Size))
		return err
	}
	guardRaw(h, r, item.Name())
	h.Set("Content-Length", strconv.FormatInt(part.length, 10))
	if !partial {
		if _, err := content.WriteTo(w); err != nil {
			return fmt.Errorf("send the file: %w", err)
		}
		return nil
	}
	h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.start, part.start+part.length-1, content.Size))
	w.WriteHeader(http.StatusPartialContent)
	content.Skip(part.start)
	if _, err := io.CopyN(w, content, part.length); err != nil {
		return fmt.Errorf("send a part of the file: %w", err)
	}
	return nil
}

// rawType names the pictures that an <img> of the IDE can show; all else is only bytes. SVG is markup.
func rawType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".avif":
		return "image/avif"
	default:
		return "application/octet-stream"
	}
}

func (s *server) saveFile(w http.ResponseWriter, r *http.Request) error {
	name, err := filePath(r, "/file/")
	if err != nil {
		return err
	}
	condition, err := readCondition(r)
	if err != nil {
		return err
	}
	release, err := s.uploads.take(r.Context(), userOf(r).ID, bodySize(r, s.maxSaveBytes()))
	if err != nil {
		return err
	}
	defer release()
	req, err := s.readSave(w, r)
	if err != nil {
		return err
	}
	if req.Base, err = condition.base(req.Base); err != nil {
		return err
	}
	req.SessionID, req.UserID, req.Path, req.Limits = sessionOf(r).ID, userOf(r).ID, name, s.cfg.Limits
	if condition.mustExist {
		item, err := s.cfg.Store.Item(r.Context(), req.SessionID, name)
		if backend.CodeOf(err) == backend.CodeNotFound {
			return backend.Errorf(backend.CodePreconditionFailed, "there is no such file, and If-Match asks for one")
		}
		if err != nil {
			return err
		}
		// With the revision that was seen, so that it cannot vanish in between.
		req.Base = &item.Revision
	}
	item, created, err := s.cfg.Store.SaveFile(r.Context(), req)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(item.Revision))
	// Who edits uses the session, though the agent sees nothing of it. The file is saved whatever becomes of this.
	if err := s.cfg.Store.TouchActivity(r.Context(), req.SessionID); err != nil {
		s.cfg.Logger.WarnContext(r.Context(), "the use of a session could not be noted", "session_id", req.SessionID, "error", err)
	}
	if created {
		s.answer(w, r, http.StatusCreated, changedBody{Message: "File created", File: newItemBody(item)})
		return nil
	}
	s.answer(w, r, http.StatusOK, changedBody{Message: "File saved", File: newItemBody(item)})
	return nil
}

// readSave reads a save's content and base out of the body.
func (s *server) readSave(w http.ResponseWriter, r *http.Request) (postgres.SaveRequest, error) {
	req := postgres.SaveRequest{Source: backend.SourceAPI}
	if mediaType(r) == "application/octet-stream" {
		content, err := readBody(w, r, s.cfg.Limits.MaxFileBytes)
		req.Content = content
		return req, err
	}
	var in struct {
		Content      *string `json:"content"`
		Encoding     string  `json:"encoding"`
		BaseRevision *int64  `json:"base_revision"`
	}
	if err := readJSON(w, r, s.maxSaveBytes(), &in); err != nil {
		return req, err
	}
	if in.Content == nil {
		return req, invalid("content", "is missing")
	}
	if in.BaseRevision != nil && *in.BaseRevision < 0 {
		return req, invalid("base_revision", "has to be 0 (a new file) or more")
	}
	req.Base = in.BaseRevision
	req.Source = sourceOf(r)
	switch strings.ToLower(in.Encoding) {
	case "", encodingUTF8, "utf8":
		req.Content = []byte(*in.Content)
	case encodingBase64:
		var err error
		if req.Content, err = base64.StdEncoding.DecodeString(*in.Content); err != nil {
			return req, invalid("content", "is not valid base64")
		}
	default:
		return req, invalid("encoding", "has to be utf-8 or base64")
	}
	if int64(len(req.Content)) > s.cfg.Limits.MaxFileBytes {
		return req, backend.Errorf(backend.CodeTooLarge, "the file is %d bytes large; %d are allowed", len(req.Content), s.cfg.Limits.MaxFileBytes)
	}
	return req, nil
}

// sourceOf says whether a change comes from the browser's editor or from another program.
func sourceOf(r *http.Request) backend.Source {
	if _, fromCookie := tokenOf(r); fromCookie {
		return backend.SourceEditor
	}
	return backend.SourceAPI
}

// maxSaveBytes is the longest JSON that a file of the largest size normally takes: base64 needs 4/3, text with
// line ends and quotes escaped about as much. What needs more goes as application/octet-stream.
func (s *server) maxSaveBytes() int64 { return s.cfg.Limits.MaxFileBytes/2*3 + maxCallBytes }

// condition is what If-Match and If-None-Match ask of a save.
type condition struct {
	revision  *int64
	mustExist bool
}

func readCondition(r *http.Request) (condition, error) {
	var c condition
	match, none := strings.TrimSpace(r.Header.Get("If-Match")), strings.TrimSpace(r.Header.Get("If-None-Match"))
	switch {
	case match == "*":
		c.mustExist = true
	case match != "":
		n, ok := etagRevision(match)
		if !ok {
			return c, backend.Errorf(backend.CodePreconditionFailed, "If-Match has to be one ETag of this file")
		}
		c.revision = &n
	}
	switch {
	case none == "*":
		if match != "" {
			return c, backend.Errorf(backend.CodePreconditionFailed, "If-Match and If-None-Match: * exclude each other")
		}
		c.revision = new(int64)
	case none != "":
		return c, badRequest("If-None-Match of a save can only be *", nil)
	}
	return c, nil
}

// base joins the headers' condition with the body's.
func (c condition) base(fromBody *int64) (*int64, error) {
	if c.revision == nil {
		return fromBody, nil
	}
	if fromBody != nil && *fromBody != *c.revision {
		return nil, invalid("base_revision", "differs from the header's condition")
	}
	return c.revision, nil
}

func (s *server) deletePath(w http.ResponseWriter, r *http.Request) error {
	name, err := filePath(r, "/file/")
	if err != nil {
		return err
	}
	revision, err := s.cfg.Store.DeletePath(r.Context(), s.pathRequest(r, name))
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, removedBody{Message: "Deleted", Revision: revision})
	return nil
}

func (s *server) makeFolder(w http.ResponseWriter, r *http.Request) error {
	name, err := filePath(r, "/folder/")
	if err != nil {
		return err
	}
	// A folder that is there already is as good as a new one.
	item, _, err := s.cfg.Store.MakeFolder(r.Context(), s.pathRequest(r, name))
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusCreated, changedBody{Message: "Folder created", File: newItemBody(item)})
	return nil
}

func (s *server) movePath(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	from, err := cleanField("from", in.From)
	if err != nil {
		return err
	}
	to, err := cleanField("to", in.To)
	if err != nil {
		return err
	}
	item, err := s.cfg.Store.MovePath(r.Context(), s.pathRequest(r, from), to)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, changedBody{Message: "Moved", File: newItemBody(item)})
	return nil
}

// cleanField is backend.CleanPath for a path in a body.
func cleanField(field, name string) (string, error) {
	clean, err := backend.CleanPath(name)
	if err != nil {
		message := err.Error()
		if p := problemOf(err); p.Code == backend.CodeInvalid {
			message = p.Detail
		}
		return "", invalid(field, message)
	}
	return clean, nil
}
