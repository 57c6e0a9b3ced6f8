package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"codingplatform/backend"
)

// maxCallBytes is the longest body of a call that carries no file.
const maxCallBytes = 64 << 10

// readJSON reads the body into value. Unknown fields are ignored, so that a newer client can speak to an older
// server; an empty body leaves value as it is.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, value any) error {
	if kind := mediaType(r); kind != "" && kind != "application/json" {
		return &requestError{
			status: http.StatusUnsupportedMediaType, code: backend.CodeInvalid,
			message: fmt.Sprintf("the body's type is %q; send application/json", kind),
		}
	}
	data, err := readBody(w, r, limit)
	if err != nil || len(data) == 0 {
		return err
	}
	// encoding/json would replace what is not Unicode, and the file would silently hold something else.
	if !utf8.Valid(data) {
		return badRequest("the body is not valid UTF-8; send other contents with encoding base64", nil)
	}
	if loneSurrogate(data) {
		return badRequest("the body has half of a surrogate pair, which is no character", nil)
	}
	if err := json.Unmarshal(data, value); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return wrongType(wrong)
		}
		return badRequest("the body is not valid JSON: "+err.Error(), nil)
	}
	return nil
}

func wrongType(err *json.UnmarshalTypeError) error {
	kind := err.Type.Kind().String()
	switch {
	case strings.HasPrefix(kind, "int"):
		kind = "whole number"
	case kind == "struct" || kind == "map":
		kind = "object"
	case kind == "slice":
		kind = "list"
	}
	if err.Field == "" {
		return badRequest("the body is a JSON "+err.Value+"; send an object", nil)
	}
	return invalid(err.Field, "is a "+err.Value+", but has to be a "+kind)
}

// readBody reads a body of limit bytes at most.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); err != nil && !tooLarge {
		return nil, badRequest("the body could not be read", err)
	}
	return data, err
}

func mediaType(r *http.Request) string {
	header := r.Header.Get("Content-Type")
	if header == "" {
		return ""
	}
	kind, _, err := mime.ParseMediaType(header)
	if err != nil {
		return header
	}
	return kind
}

// loneSurrogate says whether valid UTF-8 JSON has an escape for one half of a surrogate pair alone.
func loneSurrogate(data []byte) bool {
	high := false // the last thing was the escape of a first half
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' || i+1 >= len(data) {
			if high {
				return true
			}
			continue
		}
		i++
		if data[i] != 'u' || i+4 >= len(data) {
			if high {
				return true
			}
			continue
		}
		unit, err := strconv.ParseUint(string(data[i+1:i+5]), 16, 16)
		if err != nil {
			return false // the JSON parser says what is wrong
		}
		i += 4
		low := unit >= 0xDC00 && unit <= 0xDFFF
		if high != low {
			return true
		}
		high = unit >= 0xD800 && unit <= 0xDBFF
	}
	return high
}

// filePath returns the workspace path that follows marker ("/file/") in the request's path. It is taken from
// the escaped path, since a name may hold any character: %2F is a slash like any other, for no name has one.
func filePath(r *http.Request, marker string) (string, error) {
	_, escaped, ok := strings.Cut(r.URL.EscapedPath(), marker)
	if !ok {
		return "", backend.Errorf(backend.CodeNotFound, "there is no such page")
	}
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return "", badRequest("the path is not escaped correctly", err)
	}
	return backend.CleanPath(path)
}

// queryInt returns a whole number of the query within [low, high], otherwise when it is not given.
func queryInt(r *http.Request, name string, otherwise, low, high int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, invalid(name, fmt.Sprintf("has to be a whole number from %d to %d", low, high))
	}
	return n, nil
}

// queryFlag returns whether a flag of the query is set: 1 or 0.
func queryFlag(r *http.Request, name string) (bool, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return false, nil
	}
	set, err := strconv.ParseBool(text)
	if err != nil {
		return false, invalid(name, "has to be 0 or 1")
	}
	return set, nil
}

// queryRevision returns a revision of the query, otherwise when it is not given.
func queryRevision(r *http.Request, name string, otherwise int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	revision, err := strconv.ParseInt(text, 10, 64)
	if err != nil || revision < 0 {
		return 0, invalid(name, "has to be a revision")
	}
	return revision, nil
}

// etagRevision reads an entity tag that this API gave out: the revision in quotes. A proxy that compressed the
// answer may have made it weak.
func etagRevision(tag string) (int64, bool) {
	tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
	if len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return 0, false
	}
	n, err := strconv.ParseInt(tag[1:len(tag)-1], 10, 64)
	return n, err == nil && n > 0
}

func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// notModified says whether If-None-Match names the revision.
func notModified(r *http.Request, revision int64) bool {
	header := r.Header.Get("If-None-Match")
	if strings.TrimSpace(header) == "*" {
		return true
	}
	for tag := range strings.SplitSeq(header, ",") {
		if n, ok := etagRevision(tag); ok && n == revision {
			return true
		}
	}
	return false
}
