package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// policy is the content security policy of a page with these inline scripts.
func policy(page []byte) string {
	// The decoder of images in terminals is WebAssembly, which may compute and nothing else.
	scripts := []string{"script-src 'self' 'wasm-unsafe-eval'"}
	for _, script := range inlineScripts(page) {
		sum := sha256.Sum256(script)
		scripts = append(scripts, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	return strings.Join([]string{
		"default-src 'self'",
		strings.Join(scripts, " "),
		"style-src 'self' 'unsafe-inline'", // Monaco and xterm.js set styles at run time
		// Blobs are what the page has made of a workspace's bytes, with a type that is no page (docs/security.md).
		"img-src 'self' data: blob:",
		"media-src 'self' blob:",
		// No page may be framed (frame-ancestors); a PDF of a workspace may.
		"frame-src 'self' blob:",
		"font-src 'self' data:",
		"worker-src 'self' blob:",
		"connect-src 'self' ws: wss:",
		"object-src 'none'",
		"frame-ancestors 'none'",
		"base-uri 'self'",
		"form-action 'self'",
	}, "; ")
}

// inlineScripts returns the distinct contents of a page's script elements that have no src, as a browser would
// hash them: with line ends made "\n". (HTML Standard, 13.2.5.15: a script ends at the next "</script".)
func inlineScripts(page []byte) [][]byte {
	page = bytes.ReplaceAll(page, []byte("\r\n"), []byte("\n"))
	page = bytes.ReplaceAll(page, []byte("\r"), []byte("\n"))
	lower := asciiLower(page)
	var scripts [][]byte
	seen := map[string]bool{}
	for at := 0; ; {
		next := bytes.Index(lower[at:], []byte("<script"))
		if next < 0 {
			return scripts
		}
		at += next + len("<script")
		if at < len(page) && !bytes.ContainsRune([]byte(" \n\t\f/>"), rune(page[at])) {
			continue // another element whose name begins the same
		}
		attributes, length := tagRest(lower[at:])
		at += length
		end := bytes.Index(lower[at:], []byte("</script"))
		if end < 0 {
			return scripts
		}
		if script := page[at : at+end]; len(script) > 0 && !attributes["src"] && !seen[string(script)] {
			seen[string(script)] = true
			scripts = append(scripts, script)
		}
		at += end
	}
}

// asciiLower is bytes.ToLower for ASCII alone: it keeps every byte where it is.
func asciiLower(b []byte) []byte {
	lower := bytes.Clone(b)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return lower
}

// tagRest reads a tag after its name: which attributes it has, and how long the rest is with its ">".
func tagRest(b []byte) (attributes map[string]bool, length int) {
	attributes = map[string]bool{}
	i := 0
	for i < len(b) && b[i] != '>' {
		start := i
		for i < len(b) && !bytes.ContainsRune([]byte(" \n\t\f/>="), rune(b[i])) {
			i++
		}
		if i > start {
			attributes[string(b[start:i])] = true
		}
		if i >= len(b) || b[i] == '>' {
			break
		}
		if b[i] != '=' {
			i++
			continue
		}
		i++
		if i < len(b) && (b[i] == '"' || b[i] == '\'') {
			quote := b[i]
			end := bytes.IndexByte(b[i+1:], quote)
			if end < 0 {
				return attributes, len(b)
			}
			i += end + 2
			continue
		}
		for i < len(b) && !bytes.ContainsRune([]byte(" \n\t\f>"), rune(b[i])) {
			i++
		}
	}
	return attributes, min(i+1, len(b))
}
