package api_test

import (
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"codingplatform/backend"
)

type item struct {
	Path, Type string
	Size       int64
	Revision   int64
}

// asBytes marks a body as bytes.
func asBytes(more ...string) map[string]string {
	header := map[string]string{"Content-Type": "application/octet-stream"}
	for i := 0; i+1 < len(more); i += 2 {
		header[more[i]] = more[i+1]
	}
	return header
}

// tree lists a workspace's paths.
func (s *server) tree(token, base string) []string {
	s.t.Helper()
	var items []item
	s.want(http.StatusOK, request{method: "GET", path: base + "/files/", token: token}, &items)
	paths := make([]string, 0, len(items))
	for _, i := range items {
		paths = append(paths, i.Path)
	}
	return paths
}

// write saves bytes and returns the item.
func (s *server) write(token, base, path, content string) item {
	s.t.Helper()
	var out struct{ File item }
	s.want(http.StatusCreated, request{method: "POST", path: base + "/file/" + path, token: token, body: content, header: asBytes()}, &out)
	return out.File
}

func (s *server) raw(token, base, path string) string {
	s.t.Helper()
	return string(s.want(http.StatusOK, request{method: "GET", path: base + "/file/" + path + "?raw=1", token: token}, nil).body)
}

func TestContents(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	var all strings.Builder
	for b := range 256 {
		all.WriteByte(byte(b))
	}
	for name, content := range map[string]string{
		"empty": "", "text": "héllo\r\n二", "nul": "a\x00b", "all": all.String(), "bom": "\xef\xbb\xbfx", "full": strings.Repeat("x", maxFile),
		"html": "<script>&</script>",
	} {
		if f := s.write(token, base, "raw/"+name, content); f.Size != int64(len(content)) {
			t.Errorf("%s: %+v", name, f)
		}
		if got := s.raw(token, base, "raw/"+name); got != content {
			t.Errorf("%s: %d bytes came back as %d", name, len(content), len(got))
		}
		var read struct{ Content, Encoding string }
		s.want(http.StatusOK, request{method: "GET", path: base + "/file/raw/" + name, token: token}, &read)
		got := read.Content
		if read.Encoding == "base64" {
			decoded, err := base64.StdEncoding.DecodeString(got)
			if err != nil {
				t.Fatal(err)
			}
			got = string(decoded)
		}
		if got != content || (name == "all") != (read.Encoding == "base64") {
			t.Errorf("%s: came back as %q, %d bytes", name, read.Encoding, len(got))
		}
		s.want(http.StatusCreated, request{method: "POST", path: base + "/file/json/" + name, token: token, body: toJSON(t, read)}, nil)
		if got := s.raw(token, base, "json/"+name); got != content {
			t.Errorf("%s: through JSON %d bytes came back as %d", name, len(content), len(got))
		}
	}
}

func TestRawIsNoPage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	for name, kind := range map[string]string{"x.html": "application/octet-stream", "x.svg": "application/octet-stream", "x.js": "application/octet-stream", "x.PNG": "image/png"} {
		s.write(token, base, name, "<svg/>")
		res := s.want(http.StatusOK, request{method: "GET", path: base + "/file/" + name + "?raw=1", token: token}, nil)
		h := res.Header
		if h.Get("Content-Type") != kind || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") ||
			h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %v", name, h)
		}
	}
}

// TestFramedPDF: a PDF that a page of the IDE frames is shown by its name, and nothing else is; no link leads to it.
func TestFramedPDF(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	for _, name := range []string{"a ä.PDF", "x.html", "x.pdf.svg"} {
		s.write(token, base, name, "<svg/>")
	}
	frame, same := []string{"Sec-Fetch-Dest", "iframe"}, []string{"Sec-Fetch-Site", "same-origin"}
	for _, c := range []struct {
		name   string
		header []string
		shown  bool
	}{
		{"a ä.PDF", slices.Concat(frame, same), true},
		{"a ä.PDF", slices.Concat(frame, same, []string{"If-None-Match", "*"}), true},
		{"a ä.PDF", nil, false},
		{"a ä.PDF", frame, false},
		{"a ä.PDF", []string{"Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "same-site"}, false},
		{"a ä.PDF", []string{"Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "cross-site"}, false},
		{"a ä.PDF", []string{"Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "same-origin"}, false},
		{"x.html", slices.Concat(frame, same), false},
		{"x.pdf.svg", slices.Concat(frame, same), false},
	} {
		res := s.do(request{method: "GET", path: base + "/file/" + url.PathEscape(c.name) + "?raw=1", token: token, header: asBytes(c.header...)})
		h := res.Header
		disposition, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
		if err != nil || params["filename"] != c.name || h.Get("X-Content-Type-Options") != "nosniff" || !slices.Contains(h.Values("Vary"), "Sec-Fetch-Dest, Sec-Fetch-Site") {
			t.Errorf("%+v: %v", c, h)
		}
		kind, policy := h.Get("Content-Type"), h.Get("Content-Security-Policy")
		shown := (kind == "application/pdf" || res.StatusCode == http.StatusNotModified) && disposition == "inline" && h.Get("X-Frame-Options") == "SAMEORIGIN" &&
			strings.Contains(policy, "default-src 'none'") && strings.Contains(policy, "frame-ancestors 'self'")
		kept := kind == "application/octet-stream" && disposition == "attachment" && h.Get("X-Frame-Options") == "DENY" &&
			strings.Contains(policy, "sandbox") && strings.Contains(policy, "frame-ancestors 'none'")
		if shown != c.shown || kept == c.shown {
			t.Errorf("%+v: %v", c, h)
		}
	}
}

func TestPartsOfAFile(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	content := strings.Repeat("0123456789abcdef", maxFile/16)
	revision := s.write(token, base, "large", content).Revision
	path, tag := base+"/file/large?raw=1", `"`+strconv.FormatInt(revision, 10)+`"`
	get := func(status int, header ...string) response {
		t.Helper()
		return s.want(status, request{method: "GET", path: path, token: token, header: asBytes(header...)}, nil)
	}
	if res := get(http.StatusOK); res.Header.Get("Accept-Ranges") != "bytes" || string(res.body) != content {
		t.Errorf("%d bytes, %v", len(res.body), res.Header)
	}
	res := get(http.StatusPartialContent, "Range", "bytes=700001-700020", "If-Range", tag)
	want := "bytes 700001-700020/" + strconv.Itoa(maxFile)
	if string(res.body) != content[700001:700021] || res.Header.Get("Content-Range") != want || res.Header.Get("ETag") != tag {
		t.Errorf("%q, %v", res.body, res.Header)
	}
	if res := get(http.StatusOK, "Range", "bytes=0-1", "If-Range", `"0"`); len(res.body) != maxFile {
		t.Errorf("of another version %d bytes came", len(res.body))
	}
	bad := s.wantCode(http.StatusRequestedRangeNotSatisfiable, backend.CodeInvalid,
		request{method: "GET", path: path, token: token, header: asBytes("Range", "bytes="+strconv.Itoa(maxFile)+"-")})
	if got := bad.Header.Get("Content-Range"); got != "bytes */"+strconv.Itoa(maxFile) {
		t.Errorf("Content-Range %q", got)
	}
	old := base + "/version/" + strconv.FormatInt(revision, 10) + "/large?raw=1"
	s.want(http.StatusOK, request{method: "POST", path: base + "/file/large", token: token, body: "new", header: asBytes()}, nil)
	res = s.want(http.StatusPartialContent, request{method: "GET", path: old, token: token, header: asBytes("Range", "bytes=-3")}, nil)
	if string(res.body) != "def" {
		t.Errorf("of the version before: %q", res.body)
	}
}

func TestLargeContentIsLeftOut(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	s.write(token, base, "ten", "0123456789")
	for limit, want := range map[string]string{"": "0123456789", "?max_bytes=10": "0123456789", "?max_bytes=9": ""} {
		var read struct {
			Content        string
			Size           int64
			ContentOmitted bool `json:"content_omitted"`
		}
		s.want(http.StatusOK, request{method: "GET", path: base + "/file/ten" + limit, token: token}, &read)
		if read.Content != want || read.ContentOmitted != (want == "") || read.Size != 10 {
			t.Errorf("%s: %+v", limit, read)
		}
	}
	s.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, request{method: "GET", path: base + "/file/ten?max_bytes=-1", token: token})
}

func TestRevisions(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	save := func(body string) request {
		return request{method: "POST", path: base + "/file/t", token: token, body: body}
	}
	bytesIf := func(header, value string) request {
		return request{method: "POST", path: base + "/file/t", token: token, body: "b", header: asBytes(header, value)}
	}
	s.wantCode(http.StatusPreconditionFailed, backend.CodePreconditionFailed, bytesIf("If-Match", "*"))
	var saved struct{ File item }
	s.want(http.StatusCreated, save(`{"content":"1","base_revision":0}`), &saved)
	first := saved.File.Revision
	res := s.want(http.StatusOK, save(`{"content":"2","base_revision":`+strconv.FormatInt(first, 10)+`}`), &saved)
	second := saved.File.Revision
	tag := res.Header.Get("ETag")
	if second <= first || tag != `"`+strconv.FormatInt(second, 10)+`"` {
		t.Errorf("revisions %d, %d, tag %s", first, second, tag)
	}
	for _, stale := range []request{
		save(`{"content":"3","base_revision":` + strconv.FormatInt(first, 10) + `}`), save(`{"content":"3","base_revision":0}`),
		bytesIf("If-Match", `"`+strconv.FormatInt(first, 10)+`"`), bytesIf("If-None-Match", "*"),
	} {
		var problem struct {
			Code    backend.Code
			Current int64 `json:"current_revision"`
		}
		s.want(http.StatusConflict, stale, &problem)
		if problem.Code != backend.CodeConflict || problem.Current != second {
			t.Errorf("a stale save: %+v, want %d", problem, second)
		}
	}
	for r, status := range map[*request]int{
		new(bytesIf("If-Match", "yesterday's")):         http.StatusPreconditionFailed,
		new(bytesIf("If-None-Match", tag)):              http.StatusBadRequest,
		new(save(`{"content":"3","base_revision":-1}`)): http.StatusUnprocessableEntity,
	} {
		s.want(status, *r, nil)
	}
	s.want(http.StatusNotModified, request{method: "GET", path: base + "/file/t", token: token, header: map[string]string{"If-None-Match": `"1", W/` + tag}}, nil)
	s.want(http.StatusOK, request{method: "GET", path: base + "/file/t", token: token, header: map[string]string{"If-None-Match": `"0"`}}, nil)
	s.want(http.StatusOK, bytesIf("If-Match", tag), nil)
	s.want(http.StatusOK, bytesIf("If-Match", "*"), nil)

	// A base of a file that is gone: its revision now is 0.
	s.want(http.StatusOK, request{method: "DELETE", path: base + "/file/t", token: token}, nil)
	var problem struct {
		Current *int64 `json:"current_revision"`
	}
	s.want(http.StatusConflict, bytesIf("If-Match", tag), &problem)
	if problem.Current == nil || *problem.Current != 0 {
		t.Errorf("a save of a deleted file: %+v", problem)
	}
}

// Of many saves on the same base one is taken, and the others are told.
func TestOneSaveOfManyWins(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	revision := s.write(token, base, "t", "0").Revision
	codes := make([]int, 8)
	var group sync.WaitGroup
	for i := range codes {
		group.Go(func() {
			codes[i] = s.do(request{method: "POST", path: base + "/file/t", token: token, body: toJSON(t, map[string]any{
				"content": "from " + strconv.Itoa(i), "base_revision": revision,
			})}).StatusCode
		})
	}
	group.Wait()
	slices.Sort(codes)
	if codes[0] != http.StatusOK || codes[1] != http.StatusConflict || codes[7] != http.StatusConflict {
		t.Errorf("saves at once answer %v", codes)
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	call := func(status int, method, path, body string) {
		t.Helper()
		s.want(status, request{method: method, path: base + path, token: token, body: body}, nil)
	}
	s.write(token, base, "a/b.bin", "b")
	s.write(token, base, "t", "t")
	call(http.StatusCreated, "POST", "/folder/f/g", "")
	call(http.StatusCreated, "POST", "/folder/f/g/", "")
	call(http.StatusOK, "POST", "/move", `{"from":"a","to":"f/g/a"}`)
	call(http.StatusConflict, "POST", "/move", `{"from":"t","to":"main.py"}`)
	call(http.StatusNotFound, "POST", "/move", `{"from":"nothing","to":"x"}`)
	if got, want := s.tree(token, base), []string{"f", "f/g", "f/g/a", "f/g/a/b.bin", "main.py", "t"}; !slices.Equal(got, want) {
		t.Errorf("tree %v", got)
	}
	for query, want := range map[string]string{"depth=1": "f main.py t", "path=f&depth=1": "f/g", "path=/f/g/": "f/g/a f/g/a/b.bin"} {
		var items []item
		res := s.want(http.StatusOK, request{method: "GET", path: base + "/files?" + query, token: token}, &items)
		var paths []string
		for _, i := range items {
			paths = append(paths, i.Path)
		}
		if got := strings.Join(paths, " "); got != want || res.Header.Get("X-Workspace-Revision") == "" {
			t.Errorf("%s: %q, revision %q", query, got, res.Header.Get("X-Workspace-Revision"))
		}
	}
	call(http.StatusNotFound, "GET", "/files?path=nothing", "")
	call(http.StatusUnprocessableEntity, "GET", "/files?path=../x", "")
	call(http.StatusUnprocessableEntity, "GET", "/files?depth=-1", "")

	// What cannot be is refused, and changes nothing.
	before := s.tree(token, base)
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/file/f", `{"content":"a folder is there"}`},
		{"POST", "/file/t/below", `{"content":"a file is there"}`},
		{"POST", "/folder/t", ""},
		{"POST", "/folder/t/below", ""},
		{"POST", "/move", `{"from":"f","to":"f/g/f"}`},
		{"POST", "/move", `{"from":"t","to":"main.py/t"}`},
		{"GET", "/file/f", ""},
		{"GET", "/file/f?raw=1", ""},
		{"GET", "/file/t?raw=perhaps", ""},
		{"GET", "/file/nothing", ""},
		{"DELETE", "/file/nothing", ""},
		{"POST", "/file/x", `{}`},
		{"POST", "/file/x", `{"content":"x","encoding":"utf-16"}`},
		{"POST", "/file/x", `{"content":"!","encoding":"base64"}`},
		{"POST", "/file/x", `{"content":"half \ud800"}`},
		{"POST", "/file/x", "{\"content\":\"\xff\"}"},
		{"POST", "/file/x", `{"content":7}`},
		{"POST", "/move", `{"from":"t"}`},
		{"POST", "/move", ``},
	} {
		res := s.do(request{method: c.method, path: base + c.path, token: token, body: c.body})
		if res.StatusCode < 400 || res.StatusCode >= 500 {
			t.Errorf("%s %s %s answers %d %s", c.method, c.path, c.body, res.StatusCode, res.body)
		}
	}
	if after := s.tree(token, base); !slices.Equal(before, after) {
		t.Errorf("refused calls made %v of %v", after, before)
	}
	call(http.StatusOK, "DELETE", "/file/f", "")
	call(http.StatusNotFound, "GET", "/file/f/g/a/b.bin", "")
}

func TestCaps(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	big := strings.Repeat("x", maxFile+1)
	for _, r := range []request{
		{body: big, header: asBytes()},
		{body: toJSON(t, map[string]string{"content": big})},
		{body: toJSON(t, map[string]string{"encoding": "base64", "content": base64.StdEncoding.EncodeToString([]byte(big))})},
		{body: `{"content":"` + strings.Repeat(`\u0041`, maxFile) + `"}`},
	} {
		r.method, r.path, r.token = "POST", base+"/file/big", token
		s.wantCode(http.StatusRequestEntityTooLarge, backend.CodeTooLarge, r)
	}
	full := strings.Repeat("x", maxFile)
	for i := range 9 {
		s.write(token, base, "full/"+strconv.Itoa(i), full)
	}
	s.wantCode(http.StatusRequestEntityTooLarge, backend.CodeTooLarge, request{method: "POST", path: base + "/file/full/last", token: token, body: full, header: asBytes()})

	token, base = s.workspace("bob")
	for i := range maxFiles - 1 { // main.py is one
		s.want(http.StatusCreated, request{method: "POST", path: base + "/folder/" + strconv.Itoa(i), token: token}, nil)
	}
	s.wantCode(http.StatusRequestEntityTooLarge, backend.CodeTooLarge, request{method: "POST", path: base + "/file/more", token: token, body: "x", header: asBytes()})
	s.wantCode(http.StatusRequestEntityTooLarge, backend.CodeTooLarge, request{method: "POST", path: base + "/folder/more", token: token})
}

func TestHostilePaths(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	for _, path := range []string{
		"../../etc/passwd", "../../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc%2fpasswd", "a/../../b", "a/%2e%2e/b",
		"a%2fb%2f..%2fc", "./x", "a//b", "//etc/passwd", "%2F%2Fetc%2Fpasswd", strings.Repeat("n", 300), strings.Repeat("n/", 1500) + "n",
		"nul%00", "%00", "bad%ff", "half%ed%a0%80", "..", ".", "%2e%2e",
	} {
		for _, r := range []request{
			{method: "GET", path: base + "/file/" + path},
			{method: "GET", path: base + "/file/" + path + "?raw=1"},
			{method: "POST", path: base + "/file/" + path, body: `{"content":"x"}`},
			{method: "DELETE", path: base + "/file/" + path},
			{method: "POST", path: base + "/folder/" + path},
			{method: "GET", path: base + "/files?path=" + path},
			{method: "POST", path: base + "/archive?path=" + path, body: "x", header: map[string]string{"Content-Type": "application/zip"}},
		} {
			r.token = token
			if res := s.do(r); res.StatusCode != http.StatusUnprocessableEntity && res.StatusCode != http.StatusNotFound {
				t.Errorf("%s %s answers %d %s", r.method, r.path, res.StatusCode, res.body)
			}
		}
		name, err := url.PathUnescape(path)
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(name) {
			continue // no JSON can hold it
		}
		for _, body := range []map[string]string{{"from": "main.py", "to": name}, {"from": name, "to": "x"}} {
			s.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, request{method: "POST", path: base + "/move", token: token, body: toJSON(t, body)})
		}
	}
	if got := s.tree(token, base); !slices.Equal(got, []string{"main.py"}) {
		t.Errorf("the workspace holds %q", got)
	}
}

// What a file system takes as a name is a name.
func TestOddNamesAreKept(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	for _, name := range []string{
		"new\nline", "tab\t", " lead and trail ", "100%", "%2e%2e", "a%2Fb", "q?x=1", "h#h", `back\slash`, "semi;colon", "ünï/二/🙂", "...", "..a",
		"<b>&\"'", "a+b", "\x1b[31m", "\u202egpj.exe", "con", strings.Repeat("n", 255), strings.Repeat("é", 127), "file/file/", "C:x", "~", "-rf", "*",
	} {
		escaped := url.PathEscape(name)
		if strings.Contains(name, "/") {
			escaped = strings.ReplaceAll(escaped, "%2F", "/")
		}
		want := strings.TrimSuffix(name, "/")
		if f := s.write(token, base, escaped, name); f.Path != want {
			t.Errorf("%q became %q", name, f.Path)
		}
		if got := s.raw(token, base, escaped); got != name {
			t.Errorf("%q holds %q", name, got)
		}
		if !slices.Contains(s.tree(token, base), want) {
			t.Errorf("%q is not in the tree", name)
		}
		s.want(http.StatusOK, request{method: "POST", path: base + "/move", token: token, body: toJSON(t, map[string]string{"from": want, "to": "moved"})}, nil)
		s.want(http.StatusOK, request{method: "POST", path: base + "/move", token: token, body: toJSON(t, map[string]string{"from": "moved", "to": want})}, nil)
		s.want(http.StatusOK, request{method: "DELETE", path: base + "/file/" + escaped, token: token}, nil)
	}
}
