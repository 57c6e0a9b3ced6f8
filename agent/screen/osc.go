package screen

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"
)

// Colours beside the palette, as keys.
const (
	colourForeground = 256 + iota
	colourBackground
	colourCursor
)

// dispatchOSC carries out an operating system command.
func (s *Screen) dispatchOSC(data []byte) {
	number, rest, found := bytes.Cut(data, []byte(";"))
	n, err := strconv.Atoi(string(number))
	if err != nil || n < 0 {
		return
	}
	text := string(rest)
	switch n {
	case 0, 2:
		s.title = cut(strings.ToValidUTF8(text, "\ufffd"), maxTitle)
	case 4:
		s.setPalette(text)
	case 7:
		s.setCwd(text)
	case 8:
		if found {
			s.setLink(text)
		}
	case 10, 11, 12:
		for i, spec := range strings.Split(text, ";") {
			if key := colourForeground + n - 10 + i; key <= colourCursor {
				s.setColourSpec(key, spec)
			}
		}
	case 104:
		s.resetPalette(text)
	case 110, 111, 112:
		delete(s.colours, colourForeground+n-110)
	}
}

// maxSpec bounds a colour specification: "rgb:ffff/ffff/ffff" is a long one.
const maxSpec = 32

func (s *Screen) setColourSpec(key int, spec string) {
	if spec == "?" || !validSpec(spec) {
		return
	}
	if s.colours == nil {
		s.colours = map[int]string{}
	}
	s.colours[key] = spec
}

// validSpec says that a colour specification is one of XParseColor: #rgb in 1 to 4 digits each, or rgb:r/g/b.
func validSpec(spec string) bool {
	if spec == "" || len(spec) > maxSpec {
		return false
	}
	low := strings.ToLower(spec)
	hex := func(part string) bool {
		return part != "" && strings.Trim(part, "0123456789abcdef") == ""
	}
	if digits, ok := strings.CutPrefix(low, "#"); ok {
		n := len(digits)
		return (n == 3 || n == 6 || n == 9 || n == 12) && hex(digits)
	}
	digits, ok := strings.CutPrefix(low, "rgb:")
	if !ok {
		return false
	}
	parts := strings.Split(digits, "/")
	if len(parts) != 3 {
		return false
	}
	for _, part := range parts {
		if len(part) > 4 || len(part) != len(parts[0]) || !hex(part) {
			return false
		}
	}
	return true
}

func (s *Screen) setPalette(text string) {
	parts := strings.Split(text, ";")
	for len(parts) > 1 {
		if n, err := strconv.Atoi(parts[0]); err == nil && n >= 0 && n < 256 {
			s.setColourSpec(n, parts[1])
		}
		parts = parts[2:]
	}
}

func (s *Screen) resetPalette(text string) {
	if text == "" {
		for n := range 256 {
			delete(s.colours, n)
		}
		return
	}
	for part := range strings.SplitSeq(text, ";") {
		if n, err := strconv.Atoi(part); err == nil && n >= 0 && n < 256 {
			delete(s.colours, n)
		}
	}
}

// setCwd takes the working directory as the URL file://host/path.
func (s *Screen) setCwd(text string) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "file" || u.Path == "" || len(u.Path) > maxCwd || strings.ContainsRune(u.Path, 0) {
		return
	}
	s.cwd = u.Path
}

// setLink begins a hyperlink, or ends it: parameters, ";", address.
func (s *Screen) setLink(text string) {
	about, uri, found := strings.Cut(text, ";")
	if !found {
		return
	}
	if uri == "" {
		if strings.TrimSpace(about) == "" {
			s.setExt(func(e *ext) { e.link = 0 })
		}
		return
	}
	id := ""
	for part := range strings.SplitSeq(strings.TrimSpace(about), ":") {
		if value, ok := strings.CutPrefix(part, "id="); ok {
			id = value
			break
		}
	}
	n := s.linkNumber(link{id: id, uri: uri})
	s.setExt(func(e *ext) { e.link = n })
}
