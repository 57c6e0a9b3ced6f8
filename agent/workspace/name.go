package workspace

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// escapeBase plus a byte is the rune that stands for that byte.
const escapeBase = 0x10FF00

// TempPrefix begins the names of files under way. Names with it are not listed.
const TempPrefix = ".~codingplatform-"

// MaxNameBytes is the longest name on disk.
const MaxNameBytes = 255

// Escape makes a name of the disk fit for the wire: every byte that is not part of valid UTF-8 becomes the rune
// U+10FF00 + byte, and so does each byte of a rune in U+10FF00..U+10FFFF.
func Escape(name string) string {
	if !needsEscape(name) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && n == 1 || r >= escapeBase {
			for _, c := range []byte(name[i : i+n]) {
				b.WriteRune(escapeBase + rune(c))
			}
		} else {
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	return b.String()
}

func needsEscape(name string) bool {
	for i := 0; i < len(name); {
		if name[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && n == 1 || r >= escapeBase {
			return true
		}
		i += n
	}
	return false
}

// unescape is the reverse of Escape for any string that Escape returned; it works on whole paths too.
func unescape(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return r >= escapeBase }) {
		return name
	}
	b := make([]byte, 0, len(name))
	for _, r := range name {
		if r >= escapeBase {
			b = append(b, byte(r-escapeBase)) //nolint:gosec // the largest rune is U+10FFFF
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}

// Unescape is the name on disk. It refuses what Escape never returns, so that no two names of the wire mean the same
// file and no escape makes a "/" or a "..".
func Unescape(name string) (string, error) {
	raw := unescape(name)
	switch {
	case !utf8.ValidString(name):
		return "", fmt.Errorf("name %q: not valid UTF-8", name)
	case raw == "" || raw == "." || raw == "..":
		return "", fmt.Errorf("name %q: no name of a file", name)
	case strings.ContainsAny(raw, "/\x00"):
		return "", fmt.Errorf("name %q: holds a separator or a zero byte", name)
	case len(raw) > MaxNameBytes:
		return "", fmt.Errorf("name of %d bytes: %d are allowed", len(raw), MaxNameBytes)
	case Escape(raw) != name:
		return "", fmt.Errorf("name %q: not the one escaped form", name)
	}
	return raw, nil
}

// CheckPath refuses what is no path of the wire, or is one of the agent's own files.
func CheckPath(path string) error {
	for name := range strings.SplitSeq(path, "/") {
		raw, err := Unescape(name)
		if err != nil {
			return err
		}
		if strings.HasPrefix(raw, TempPrefix) {
			return fmt.Errorf("name %q: the agent's own", name)
		}
	}
	return nil
}

// Split is the folder and the name of a path; the root is "".
func Split(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

// Join is the path of a name in a folder.
func Join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// Disk is a path as the disk has it, for the kernel's watch.
func Disk(path string) string { return unescape(path) }
