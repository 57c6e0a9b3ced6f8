package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
	"codingplatform/backend/search"
)

const (
	defaultFound = 100
	maxFound     = 1000
	// defaultMatches and maxMatches bound the places of one search, and matchesInFile those of one file.
	defaultMatches = 1000
	maxMatches     = 10_000
	matchesInFile  = 1000
	// searchTime is how long a search goes on; then it answers what it has. searchWorkers look at contents at once.
	searchTime    = 10 * time.Second
	searchWorkers = 2
	// searchBytes is the largest file that is searched.
	searchBytes = 5 << 20
	// maxReplaceBody is the longest body of a replacement.
	maxReplaceBody = 1 << 20
)

// namedBody is a file whose path fits. At are the UTF-8 bytes of the path that were typed, from 0.
type namedBody struct {
	itemBody
	At []int `json:"at"`
}

type namedList struct {
	Files []namedBody `json:"files"`
}

// searchNames finds files by their paths.
func (s *server) searchNames(w http.ResponseWriter, r *http.Request) error {
	limit, err := queryInt(r, "limit", defaultFound, 1, maxFound)
	if err != nil {
		return err
	}
	items, _, err := s.cfg.Store.Tree(r.Context(), sessionOf(r).ID, "", 0)
	if err != nil {
		return err
	}
	paths, byPath := make([]string, 0, len(items)), make(map[string]backend.Item, len(items))
	for _, i := range items {
		if i.Type != backend.TypeFolder {
			paths = append(paths, i.Path)
			byPath[i.Path] = i
		}
	}
	body := namedList{Files: []namedBody{}}
	for _, found := range search.Names(paths, r.URL.Query().Get("q"), limit) {
		at := found.At
		if at == nil {
			at = []int{}
		}
		body.Files = append(body.Files, namedBody{newItemBody(byPath[found.Path]), at})
	}
	s.answer(w, r, http.StatusOK, body)
	return nil
}

// matchBody is a place in a file: lines and columns from 1, columns in UTF-16 code units, the end behind the last.
type matchBody struct {
	Line          int    `json:"line"`
	Column        int    `json:"column"`
	EndLine       int    `json:"end_line"`
	EndColumn     int    `json:"end_column"`
	Preview       string `json:"preview"`
	PreviewColumn int    `json:"preview_column"`
}

type foundBody struct {
	Path     string      `json:"path"`
	Revision int64       `json:"revision"`
	Matches  []matchBody `json:"matches"`
	// More: this file has more than are listed.
	More bool `json:"more"`
}

// searchBody is what a search found. Truncated: there may be more, since the limit or the time was reached. Skipped counts
// the files that were not looked at because they are not text, too large or not saved.
type searchBody struct {
	Files     []foundBody `json:"files"`
	Matches   int         `json:"matches"`
	Searched  int         `json:"searched"`
	Skipped   int         `json:"skipped"`
	Truncated bool        `json:"truncated"`
}

// errEnough ends a search that has found what was asked for.
var errEnough = errors.New("enough was found")

func (s *server) searchContents(w http.ResponseWriter, r *http.Request) error {
	limit, err := queryInt(r, "limit", defaultMatches, 1, maxMatches)
	if err != nil {
		return err
	}
	v := r.URL.Query()
	query := search.Query{Text: v.Get("q"), Include: v["include"], Exclude: v["exclude"]}
	for name, into := range map[string]*bool{"regex": &query.Regex, "case": &query.Case, "word": &query.Word} {
		if *into, err = queryFlag(r, name); err != nil {
			return err
		}
	}
	matcher, err := search.New(query)
	if err != nil {
		return err
	}
	body := searchBody{Files: []foundBody{}}
	err = s.look(r.Context(), sessionOf(r).ID, matcher, &body, func(item backend.Item, matches []search.Match, more bool, _ []byte) error {
		found := foundBody{Path: item.Path, Revision: item.Revision, Matches: make([]matchBody, 0, len(matches)), More: more}
		for _, m := range matches {
			if body.Matches == limit {
				found.More, body.Truncated = true, true
				break
			}
			found.Matches = append(found.Matches, matchBody(m))
			body.Matches++
		}
		if len(found.Matches) > 0 {
			body.Files = append(body.Files, found)
		}
		if body.Truncated {
			return errEnough
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, body)
	return nil
}

// look searches the saved text files, in the order of their paths, and passes on those that have a match. It counts in
// body.
func (s *server) look(
	ctx context.Context, id backend.SessionID, matcher *search.Matcher, body *searchBody,
	each func(item backend.Item, matches []search.Match, more bool, content []byte) error,
) error {
	items, _, err := s.cfg.Store.Tree(ctx, id, "", 0)
	if err != nil {
		return err
	}
	var wanted []backend.Item
	for _, i := range items {
		switch {
		case i.Type != backend.TypeFile || !matcher.Path(i.Path):
		case i.Hash == (backend.Hash{}) || i.Size > searchBytes:
			body.Skipped++
		default:
			wanted = append(wanted, i)
		}
	}
	timed, cancel := context.WithTimeoutCause(ctx, searchTime, errEnough)
	defer cancel()
	type looked struct {
		text, more bool
		matches    []search.Match
	}
	err = s.cfg.Store.Contents(timed, wanted, func(items []backend.Item, contents [][]byte) error {
		results := make([]looked, len(items))
		g, ctx := errgroup.WithContext(timed)
		g.SetLimit(searchWorkers)
		for i, content := range contents {
			g.Go(func() error {
				if ctx.Err() == nil && content != nil && search.Text(content) {
					results[i].text = true
					results[i].matches, results[i].more = matcher.Find(content, matchesInFile)
				}
				return context.Cause(ctx)
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for i, result := range results {
			if !result.text {
				body.Skipped++
				continue
			}
			body.Searched++
			if len(result.matches) == 0 {
				continue
			}
			if err := each(items[i], result.matches, result.more, contents[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil && (errors.Is(err, errEnough) || timed.Err() != nil) {
		body.Truncated = true
		return nil
	}
	return err
}

// replacedBody is what happened to one file.
type replacedBody struct {
	Path     string `json:"path"`
	Matches  int    `json:"matches"`
	Revision int64  `json:"revision"`
	// Reason says why the file was left as it is.
	Reason string `json:"reason"`
}

type replaceBody struct {
	Files    []replacedBody `json:"files"`
	Matches  int            `json:"matches"`
	Replaced int            `json:"replaced"`
	// Truncated: the time was over before all files had been looked at.
	Truncated bool `json:"truncated"`
}

// replaceContents replaces what a search finds. Each file is saved over the revision that was searched: one that changed
// in between is left, and says so.
func (s *server) replaceContents(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Text        string   `json:"q"`
		Replacement *string  `json:"replacement"`
		Regex       bool     `json:"regex"`
		Case        bool     `json:"case"`
		Word        bool     `json:"word"`
		Include     []string `json:"include"`
		Exclude     []string `json:"exclude"`
		Paths       []string `json:"paths"`
		DryRun      bool     `json:"dry_run"`
	}
	if err := readJSON(w, r, maxReplaceBody, &in); err != nil {
		return err
	}
	if in.Replacement == nil {
		return invalid("replacement", "is missing")
	}
	matcher, err := search.New(search.Query{Text: in.Text, Regex: in.Regex, Case: in.Case, Word: in.Word, Include: in.Include, Exclude: in.Exclude})
	if err != nil {
		return err
	}
	only := map[string]bool{}
	for _, path := range in.Paths {
		only[path] = true
	}
	body := replaceBody{Files: []replacedBody{}}
	var counts searchBody
	err = s.look(r.Context(), sessionOf(r).ID, matcher, &counts, func(item backend.Item, _ []search.Match, _ bool, content []byte) error {
		if len(only) > 0 && !only[item.Path] {
			return nil
		}
		replaced, count := matcher.Replace(content, *in.Replacement)
		file := replacedBody{Path: item.Path, Matches: count, Revision: item.Revision}
		body.Matches += count
		if !in.DryRun {
			saved, _, err := s.cfg.Store.SaveFile(r.Context(), postgres.SaveRequest{
				SessionID: sessionOf(r).ID, UserID: userOf(r).ID, Path: item.Path, Content: replaced, Base: &item.Revision,
				Source: sourceOf(r), Limits: s.cfg.Limits,
			})
			if domain, ok := errors.AsType[*backend.Error](err); ok && domain.Code != backend.CodeUnavailable {
				file.Reason = domain.Message
			} else if err != nil {
				return err
			} else {
				file.Revision = saved.Revision
				body.Replaced++
			}
		}
		body.Files = append(body.Files, file)
		return nil
	})
	if err != nil {
		return err
	}
	body.Truncated = counts.Truncated
	s.answer(w, r, http.StatusOK, body)
	return nil
}
