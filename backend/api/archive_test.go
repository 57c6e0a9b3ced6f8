package api_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"codingplatform/backend"
	"codingplatform/backend/api"
)

type entry struct {
	name, content string
	mode          fs.FileMode
}

// pack makes a zip.
func pack(t *testing.T, entries ...entry) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.mode != 0 {
			header.SetMode(e.mode)
		}
		f, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// lyingZip holds one entry that says it has one byte and unpacks to many.
func lyingZip(t *testing.T) string {
	t.Helper()
	content := bytes.Repeat([]byte("x"), maxFile*4)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateRaw(&zip.FileHeader{
		Name: "bomb", Method: zip.Store, CRC32: crc32.ChecksumIEEE(content),
		CompressedSize64: uint64(len(content)), UncompressedSize64: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// directoryZip is a zip of nothing but directory: one entry's header, many times.
func directoryZip(t *testing.T) string {
	t.Helper()
	one := pack(t, entry{name: strings.Repeat("n", 200)})
	at := strings.Index(one, "PK\x01\x02")
	end := strings.Index(one, "PK\x05\x06")
	const times = 60_000
	tail := []byte(one[end:])
	binary.LittleEndian.PutUint16(tail[8:], times)
	binary.LittleEndian.PutUint16(tail[10:], times)
	size := (end - at) * times
	binary.LittleEndian.PutUint32(tail[12:], uint32(size&0x7fffffff))
	return one[:at] + strings.Repeat(one[at:end], times) + string(tail)
}

func (s *server) upload(token, base, query, body string, v any) {
	s.t.Helper()
	s.want(http.StatusOK, request{
		method: "POST", path: base + "/archive" + query, token: token, body: body, header: map[string]string{"Content-Type": "application/zip"},
	}, v)
}

func (s *server) download(token, base string) *zip.Reader {
	s.t.Helper()
	res := s.want(http.StatusOK, request{method: "GET", path: base + "/archive/", token: token}, nil)
	if h := res.Header; h.Get("Content-Type") != "application/zip" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		s.t.Errorf("headers %v", h)
	}
	archive, err := zip.NewReader(bytes.NewReader(res.body), int64(len(res.body)))
	if err != nil {
		s.t.Fatal(err)
	}
	return archive
}

func TestArchiveRoundTrip(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	entries := []entry{
		{"bin/run", "#!/bin/sh\n", 0o755},
		{"data.bin", "\x00\xff\x00\xfe", 0o600},
		{"dir/new\nline", "x", 0o644},
		{"dir/ünï 二", "y", 0o644},
		{"empty", "", 0o644},
		{"hollow/deep/", "", fs.ModeDir | 0o755},
		{"hollow/", "", fs.ModeDir | 0o755},
		{"large", strings.Repeat("0123456789", maxFile/10), 0o644},
		{"main.py", "print(1)\n", 0o644},
	}
	var unpacked struct {
		Files   int
		Skipped []string
	}
	s.upload(token, base, "", pack(t, entries...), &unpacked)
	if unpacked.Files != 7 || len(unpacked.Skipped) != 0 {
		t.Errorf("%+v", unpacked)
	}
	compare := func(base string) {
		t.Helper()
		archive := s.download(token, base)
		got := map[string]entry{}
		for _, f := range archive.File {
			content := ""
			if !f.Mode().IsDir() {
				r, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				content = string(data)
			}
			got[f.Name] = entry{f.Name, content, f.Mode()}
		}
		for _, want := range entries {
			if got[want.name] != want {
				t.Errorf("%q: mode %v, %d bytes, want %v, %d bytes", want.name, got[want.name].mode, len(got[want.name].content), want.mode, len(want.content))
			}
		}
		if archive.Comment != "" {
			t.Errorf("comment %q", archive.Comment)
		}
	}
	compare(base)
	// What was downloaded can be uploaded as it is.
	again := s.want(http.StatusOK, request{method: "GET", path: base + "/archive", token: token}, nil)
	other := "/api/workspace/" + s.session(token)
	s.upload(token, other, "", string(again.body), nil)
	compare(other)
	if a, b := s.tree(token, base), s.tree(token, other); !slices.Equal(a, b) {
		t.Errorf("%q is not %q", b, a)
	}
	s.upload(token, other, "?path=/sub/folder/", pack(t, entry{name: "x.txt", content: "x"}), nil)
	if got := s.raw(token, other, "sub/folder/x.txt"); got != "x" {
		t.Errorf("below a folder: %q", got)
	}
	part := s.want(http.StatusOK, request{method: "GET", path: other + "/archive?path=sub/", token: token}, nil)
	folder, err := zip.NewReader(bytes.NewReader(part.body), int64(len(part.body)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range folder.File {
		names = append(names, file.Name)
	}
	if !slices.Equal(names, []string{"folder/", "folder/x.txt"}) || !strings.Contains(part.Header.Get("Content-Disposition"), "sub.zip") {
		t.Errorf("a folder alone: %q, %v", names, part.Header)
	}
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, request{method: "GET", path: other + "/archive?path=never", token: token})
	// Several paths are named from the folder that they have in common.
	s.upload(token, other, "?path=sub", pack(t, entry{name: "a.txt", content: "a"}, entry{name: "b.txt", content: "b"}), nil)
	chosen := s.want(http.StatusOK, request{method: "GET", path: other + "/archive?path=sub/a.txt&path=sub/folder&path=sub/folder/x.txt", token: token}, nil)
	if folder, err = zip.NewReader(bytes.NewReader(chosen.body), int64(len(chosen.body))); err != nil {
		t.Fatal(err)
	}
	names = nil
	for _, file := range folder.File {
		names = append(names, file.Name)
	}
	if !slices.Equal(names, []string{"a.txt", "folder/", "folder/x.txt"}) {
		t.Errorf("a selection: %q", names)
	}
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, request{method: "GET", path: other + "/archive?path=sub/a.txt&path=never", token: token})
	s.upload(token, other, "", pack(t), &unpacked)
	if unpacked.Files != 0 {
		t.Errorf("an empty archive: %+v", unpacked)
	}
}

func TestLinksAreLeftOut(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	var unpacked struct {
		Files   int
		Skipped []string
	}
	s.upload(token, base, "", pack(t,
		entry{"out", "/etc", fs.ModeSymlink | 0o777}, entry{"pipe", "", fs.ModeNamedPipe | 0o600}, entry{"kept", "x", 0o644},
	), &unpacked)
	if unpacked.Files != 1 || !slices.Equal(unpacked.Skipped, []string{"out", "pipe"}) {
		t.Errorf("%+v", unpacked)
	}
	if got := s.tree(token, base); !slices.Equal(got, []string{"kept", "main.py"}) {
		t.Errorf("the workspace holds %q", got)
	}
}

// TestArchiveThatFailsLate: what was unpacked before is told, and stays.
func TestArchiveThatFailsLate(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range 9 {
		f, err := w.CreateHeader(&zip.FileHeader{Name: strconv.Itoa(i), Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(bytes.Repeat([]byte{'0' + byte(i)}, maxFile)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(b.String(), "8888", "8889", 1) // its checksum is another
	res := s.do(request{method: "POST", path: base + "/archive", token: token, body: broken, header: map[string]string{"Content-Type": "application/zip"}})
	kept := len(s.tree(token, base)) - 1 // main.py is there before
	if want := fmt.Sprintf("the first %d files of the archive were unpacked, then: ", kept); res.StatusCode != http.StatusBadRequest || kept < 1 || !strings.Contains(string(res.body), want) {
		t.Errorf("it answers %d %s, and %d files are there", res.StatusCode, res.body, kept)
	}
}

// headers are the entries of a zip as they say that they are; they have no content.
func headers(t *testing.T, all ...zip.FileHeader) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range all {
		if _, err := w.CreateRaw(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	s := newServer(t, func(c *api.Config) { c.TempDir, c.MaxArchiveBytes = temp, 32<<20 })
	token, base := s.workspace("ada")
	many := make([]entry, maxFiles+1)
	for i := range many {
		many[i] = entry{name: fmt.Sprintf("many/%d", i)}
	}
	full := make([]entry, 11)
	for i := range full {
		full[i] = entry{name: fmt.Sprintf("full/%d", i), content: strings.Repeat("\x00", maxFile)}
	}
	truncated := pack(t, entry{name: "x", content: "x"})
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"dots":           {http.StatusUnprocessableEntity, pack(t, entry{name: "fine", content: "x"}, entry{name: "../out", content: "x"})},
		"dots within":    {http.StatusUnprocessableEntity, pack(t, entry{name: "a/../../out", content: "x"})},
		"absolute":       {http.StatusUnprocessableEntity, pack(t, entry{name: "/abs", content: "x"})},
		"folder of dots": {http.StatusUnprocessableEntity, pack(t, entry{name: "../out/"})},
		"NUL":            {http.StatusUnprocessableEntity, pack(t, entry{name: "a\x00b", content: "x"})},
		"invalid UTF-8":  {http.StatusUnprocessableEntity, pack(t, entry{name: "a\xffb", content: "x"})},
		"long name":      {http.StatusUnprocessableEntity, pack(t, entry{name: strings.Repeat("n", 300), content: "x"})},
		"large file":     {http.StatusRequestEntityTooLarge, pack(t, entry{name: "bomb", content: strings.Repeat("\x00", maxFile+1)})},
		"large in all":   {http.StatusRequestEntityTooLarge, pack(t, full...)},
		"many files":     {http.StatusRequestEntityTooLarge, pack(t, many...)},
		"directory":      {http.StatusRequestEntityTooLarge, directoryZip(t)},
		"body":           {http.StatusRequestEntityTooLarge, strings.Repeat("x", 32<<20+1)},
		"password":       {http.StatusUnprocessableEntity, headers(t, zip.FileHeader{Name: "fine"}, zip.FileHeader{Name: "secret", Flags: 1})},
		"bzip2":          {http.StatusUnprocessableEntity, headers(t, zip.FileHeader{Name: "fine"}, zip.FileHeader{Name: "other", Method: 12})},
		"file, folder":   {http.StatusUnprocessableEntity, headers(t, zip.FileHeader{Name: "a"}, zip.FileHeader{Name: "a/b/c"})},
		"folder, file":   {http.StatusUnprocessableEntity, headers(t, zip.FileHeader{Name: "a/"}, zip.FileHeader{Name: "a"})},
		"lie":            {http.StatusBadRequest, lyingZip(t)},
		"no zip":         {http.StatusBadRequest, "no zip"},
		"nothing":        {http.StatusBadRequest, ""},
		"cut":            {http.StatusBadRequest, truncated[:len(truncated)-10]},
	} {
		if res := s.do(request{method: "POST", path: base + "/archive", token: token, body: c.body, header: map[string]string{"Content-Type": "application/zip"}}); res.StatusCode != c.status {
			t.Errorf("%s: answers %d, not %d: %s", name, res.StatusCode, c.status, res.body)
		}
	}
	if res := s.do(request{
		method: "POST", path: base + "/archive", token: token, header: map[string]string{"Content-Type": "application/zip"},
		body: pack(t, entry{name: "main.py/below", content: "x"}),
	}); res.StatusCode < 400 || res.StatusCode >= 500 {
		t.Errorf("a file below a file answers %d %s", res.StatusCode, res.body)
	}
	if got := s.tree(token, base); !slices.Equal(got, []string{"main.py"}) {
		t.Errorf("the workspace holds %q", got)
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) != 0 {
		t.Errorf("uploads left behind: %v %v", left, err)
	}
}

// brokenStore fails in the middle of a file.
type brokenStore struct{ api.Store }

func (brokenStore) CopyFile(_ context.Context, _ backend.SessionID, _ string, open func(backend.Item) (io.Writer, error)) (backend.Item, error) {
	w, err := open(backend.Item{})
	if err != nil {
		return backend.Item{}, err
	}
	if _, err := io.WriteString(w, "half"); err != nil {
		return backend.Item{}, err
	}
	return backend.Item{}, errors.New("the disk is on fire")
}

// A part of an archive must not be taken for the whole.
func TestBrokenDownloadIsNoDownload(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *api.Config) { c.Store = brokenStore{c.Store} })
	token, base := s.workspace("ada")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+base+"/archive", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := s.client.Do(req)
	if err != nil {
		return // broken before the first byte came through
	}
	defer func() {
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
	}()
	if body, err := io.ReadAll(res.Body); err == nil && res.StatusCode == http.StatusOK {
		t.Errorf("a half archive of %d bytes came as a whole one", len(body))
	}
}
