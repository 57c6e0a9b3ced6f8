package screen

import "unicode/utf8"

// Config bounds a Screen's history; zero values have the defaults given.
type Config struct {
	// HistoryLines is how many lines are kept above the screen; default 10,000, negative for none.
	HistoryLines int
	// HistoryBytes is how much memory they may take; default 2 MiB.
	HistoryBytes int
}

// maxSequence is how much of an unfinished control sequence or string is kept, in bytes.
const maxSequence = 4096

// Limits of what programs may set, in bytes.
const (
	maxTitle = 1024
	maxCwd   = 4096
)

// minCols is the least width that xterm.js has.
const minCols = 2

// Screen is the model of a terminal.
type Screen struct {
	cols, rows  int
	normal, alt buffer
	active      *buffer
	history     history

	pen     Cell // content is not used
	charset charsets
	modes   modes
	parser  parser
	// join is the width of the character just printed, 0 after anything else: what a combining character or
	// REP applies to.
	join int
	// inRun says that characters are being printed one after the other.
	inRun bool

	title, cwd string
	colours    map[int]string // by palette index, or 256 to 258 for foreground, background and cursor
	// bells counts rings of the bell.
	bells uint64

	clusters       []string
	clusterNumbers map[string]uint32
	exts           []ext
	extNumbers     map[ext]uint32
	links          []link
	linkNumbers    map[link]uint32

	sweepClusters, sweepExts, sweepLinks int
}

// New makes a blank screen; sizes below 2 columns or 1 row are raised to that.
func New(cols, rows int, cfg Config) *Screen {
	if cfg.HistoryLines == 0 {
		cfg.HistoryLines = 10_000
	}
	if cfg.HistoryBytes == 0 {
		cfg.HistoryBytes = 2 << 20
	}
	s := &Screen{
		cols: max(cols, minCols), rows: max(rows, 1),
		history:       history{maxLines: cfg.HistoryLines, maxBytes: cfg.HistoryBytes},
		sweepClusters: sweepAt, sweepExts: sweepAt, sweepLinks: sweepAt,
	}
	s.resetTables()
	s.reset()
	return s
}

// reset is RIS. As in xterm.js, title, colours, the cursor's visibility and the mode of line feeds outlive it.
func (s *Screen) reset() {
	s.pen = blank()
	s.history.clear()
	s.normal.init(s.cols, s.rows)
	s.normal.fillRows(s.cols, blank())
	s.alt.init(s.cols, s.rows)
	s.active = &s.normal
	s.charset = charsets{}
	s.modes.reset()
	s.modes.mouse, s.modes.mouseEncoding = 0, 0
	s.join = 0
}

// Title is what the program called its window, cut to 1 KiB.
func (s *Screen) Title() string { return s.title }

// Cwd is the working directory that the program told (OSC 7), as a path; empty when it told none.
func (s *Screen) Cwd() string { return s.cwd }

// Bells counts how often the bell was rung.
func (s *Screen) Bells() uint64 { return s.bells }

// Alternate says whether the alternate screen is shown.
func (s *Screen) Alternate() bool { return s.active == &s.alt }

// Between says that no control sequence or character is unfinished.
func (s *Screen) Between() bool { return s.parser.state == stGround && s.parser.partial == 0 }

// cut shortens text to at most limit bytes of whole characters.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
