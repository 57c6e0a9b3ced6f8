package search

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// Ranked is a path that fits what was typed, and where.
type Ranked struct {
	Path string
	// At are the bytes of the path that were typed, from 0.
	At    []int
	score int
}

// Names returns the paths in which the characters of typed come in their order, whatever their case, the best first and
// limit at most. Those are best in which they come at the beginnings of words, one after the other, and in the name.
// No typed: the first paths.
func Names(paths []string, typed string, limit int) []Ranked {
	typed = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, typed)
	var found []Ranked
	for _, path := range paths {
		if one, ok := rank(path, typed); ok {
			found = append(found, one)
		}
	}
	slices.SortStableFunc(found, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(len(a.Path), len(b.Path)), cmp.Compare(a.Path, b.Path))
	})
	return found[:min(limit, len(found))]
}

// rank looks for typed in the name alone first, and then in the whole path.
func rank(path, typed string) (Ranked, bool) {
	name := strings.LastIndexByte(path, '/') + 1
	if one, ok := match(path, name, typed); ok {
		one.score += 50
		if len(one.At) > 0 && one.At[0] == name {
			one.score += 20
		}
		return one, true
	}
	return match(path, 0, typed)
}

// match finds typed in path[from:], from its end, so that the last place of each character counts, and then drawn
// together from its beginning.
func match(path string, from int, typed string) (Ranked, bool) {
	one := Ranked{Path: path}
	if typed == "" {
		return one, true
	}
	// The whole as it is beats all else.
	if i := strings.Index(strings.ToLower(path[from:]), typed); i >= 0 && len(strings.ToLower(path)) == len(path) {
		for j := range typed {
			one.At = append(one.At, from+i+j)
		}
		one.score = 30 + 10*len(typed)
		if starts(path, from+i) {
			one.score += 15
		}
		return one, true
	}
	want := []rune(typed)
	last := -2
	for i, r := range path {
		if i < from || unicode.ToLower(r) != want[len(one.At)] {
			continue
		}
		if last >= 0 && i == last {
			one.score += 5
		}
		if starts(path, i) {
			one.score += 8
		}
		one.score++
		one.At = append(one.At, i)
		last = i + len(string(r))
		if len(one.At) == len(want) {
			return one, true
		}
	}
	return one, false
}

// starts says whether a word begins at a byte of a path.
func starts(path string, at int) bool {
	if at == 0 {
		return true
	}
	before, here := rune(path[at-1]), rune(path[at])
	return strings.ContainsRune("/_-. ", before) || unicode.IsLower(before) && unicode.IsUpper(here)
}
