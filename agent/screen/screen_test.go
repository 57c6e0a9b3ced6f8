package screen_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cases are corner cases by name; "|" separates steps, between which a viewer may come.
func cases() map[string]string {
	return map[string]string{
		"nothing":             "",
		"text":                "hello|world\r\n|next",
		"protected and ended": "\x1b[1\"q|kept\x1b[0\"q|gone\r\n\x1b[31;1m\x1b[1\"q|\x1b[?2J",
		"full line":           strings.Repeat("x", 20) + "|",
		"wrapped":             strings.Repeat("abcdefghij", 5) + "|tail",
		"wrapped then colour": "\x1b[31m" + strings.Repeat("abcdefghij", 2) + "\x1b[0m|k",
		"scrolled":            lines(30) + "|more\r\n" + lines(5),
		"history full":        lines(100) + "|" + strings.Repeat("long", 300) + "|end",
		"wide":                "日本語テキスト|漢字漢字漢字漢字漢字漢字|x",
		"wide at the edge":    strings.Repeat("x", 19) + "漢|字",
		"half a wide":         "漢字\x1b[2D\x1b[Dx|y\x1b[H\x1b[31;7mz|",
		"combining":           "e\u0301a\u0308o|\u0308\u0323|x\r\u0301|",
		"emoji":               "👩‍👩‍👧|🇩🇪|❤️|👍🏽",
		"colours":             "\x1b[1;3;4;38;2;1;2;3;48;5;200mx|\x1b[4:3;58:2::9:8:7my\x1b[24mz|\x1b[59m\x1b[4mw\x1b[38:5:123mv\x1b[0mu",
		"hidden colour":       "\x1b[58:2::9:8:7mx|\x1b[4my|\x1b[0m\x1b[59mz|\x1b[4mw",
		"background":          "\x1b[44m\x1b[2J\x1b[5;5H|x\x1b[K\x1b[m|\r\n\x1b[42m\r\n\n\n\n\n\n\n|",
		"erase":               lines(9) + "\x1b[3;3H\x1b[K|\x1b[5;5H\x1b[1K\x1b[1J|\x1b[7;1H\x1b[J",
		"insert and delete":   lines(9) + "\x1b[3;3H\x1b[2@|\x1b[3P\x1b[2L|\x1b[M\x1b[4h|ins|\x1b[4l",
		"scroll region":       lines(9) + "\x1b[3;6r\x1b[6H\n\n|\x1bM\x1b[3H\x1bM|\x1b[2S\x1b[T|",
		"origin":              "\x1b[3;6r\x1b[?6h\x1b[2;3Hx|\x1b[99;99H|y\x1b[?6l",
		"saved cursor":        "ab\x1b[32m\x1b7\x1b[H\x1b[0mcd|\x1b8|x",
		"saved and scrolled":  "\n\n\nab\x1b[32;1m\x1b7" + lines(20) + "|\x1b8x",
		"alternate":           "before\x1b[31m\x1b[?1049h|\x1b[Hin\x1b[5;5Hside|\x1b[?1049l|after",
		"alternate 47":        lines(30) + "\x1b[?47hx\x1b7|y\x1b[?47l|z",
		"charsets":            "\x1b(0lqk|x\x1b(B|\x0e\x1b)0qq|\x0f#\x1b(A#|",
		"saved charset":       "\x1b(0\x1b7\x1b(B|a\x1b8|a",
		"tabs":                "\t|x\x1b[3g\x1b[5GH\x1bH\r\t|y\x1b[Z|",
		"modes":               "\x1b[?1;66;1004;2004;1002;1006;45;25l\x1b[?1;2004;1002;1006;1004h|\x1b[?25l\x1b[3 q|\x1b[?7l" + strings.Repeat("w", 25) + "|",
		"synchronized":        "\x1b[?2026hab|c\x1b[?2026l",
		"link":                "\x1b]8;id=1;http://a/;b\x1b\\link|ed\x1b]8;;\x1b\\ not",
		"title":               "\x1b]0;title\x07|\x1b]2;other\x1b\\x",
		"cut sequences":       "\x1b|[3|1|mred\x1b]2;ti|tle\x07\x1bP1$|q\x1b|\\\x1b_a|pc\x1b\\x\x1b(|0q\x1b[3\r|1m",
		"cut character":       "a\xe2|\x80|\xa6b\xf0\x9f|\x91\x8dc",
		"no UTF-8":            "a\xff\x80b\xc0\xafc\xe2\x28d\xed\xa0\x80e|\xc2\x9b31mf",
		"repeat":              "ab\x1b[3b|漢\x1b[2b|",
		"repeat after":        "a|\x1b[5b",
		"back over the edge":  "\x1b[?45h" + strings.Repeat("z", 25) + "\r\b|\b\by",
		"protected":           "\x1b[1\"qab\x1b[0\"qcd\x1b[H\x1b[?2K|ef",
		"aligned":             "\x1b#8|\x1b[3;3Hx",
		"columns":             lines(5) + "\x1b[3;3H\x1b[2'}|\x1b['~|\x1b[2 @\x1b[ A",
		"soft reset":          "\x1b[4h\x1b[3;5r\x1b[31m|\x1b[!px|",
		"reset":               lines(30) + "\x1b[31m|\x1bcx",
		"clear the history":   lines(30) + "\x1b[3J|x",
		"erased at the edge":  strings.Repeat("x", 20) + "\x1b[2K|y",
		"line feed mode":      "\x1b[20ha\nb|c\n",
		"colours of its own":  "\x1b]4;1;#ff0000;2;rgb:00/ff/00\x07\x1b]10;#123\x07|\x1b]104;1\x07",
		"styled at the end":   strings.Repeat("x", 18) + "漢\r\x1b[31;7m\x1b[19Ga|\x1b[m",
		"many lines at once":  "\x1b[300L|\x1b[300M\x1b[300S|",
	}
}

func lines(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "line %d\r\n", i)
	}
	return out.String()
}

func steps(script string) []step {
	var all []step
	for part := range strings.SplitSeq(script, "|") {
		all = append(all, step{Write: []byte(part)})
	}
	return all
}

const cols, rows = 20, 10

func TestModelIsWhatXtermShows(t *testing.T) {
	t.Parallel()
	x := startXterm(t)
	for name, script := range cases() {
		t.Run(name, func(t *testing.T) {
			checkModel(t, x, steps(script))
		})
	}
}

func TestWhoComesLateSeesTheSame(t *testing.T) {
	t.Parallel()
	x := startXterm(t)
	for name, script := range cases() {
		t.Run(name, func(t *testing.T) {
			all := steps(script)
			for n := 1; n <= len(all); n++ {
				checkSnapshot(t, x, all, n)
			}
		})
	}
}

func TestResizedIsWhatXtermShows(t *testing.T) {
	t.Parallel()
	x := startXterm(t)
	sizes := [][]int{{30, 10}, {12, 10}, {20, 5}, {20, 15}, {7, 4}, {40, 20}}
	for name, script := range cases() {
		t.Run(name, func(t *testing.T) {
			for _, size := range sizes {
				all := append(steps(script), step{Resize: size})
				checkModel(t, x, all)
				checkModel(t, x, append(all, step{Resize: []int{cols, rows}}, step{Write: []byte("x\r\ny")}))
			}
		})
	}
}

// random makes output out of what terminals know. rare adds what can be seen but not drawn: what becomes of wide
// characters at the edge of a screen that does not wrap, and of character sets that are in use without being
// designated.
func random(r *rand.Rand, n int, rare bool) []byte {
	var out []byte
	text := []string{"a", "hello ", "漢", "字x", "é", "e\u0301", "\u0301", "👍", "─", " ", "  ", "\r\n", "\n", "\r", "\b", "\t", "word word word "}
	finals := "ABCDEFGHIJKLMPSTXZ@`abdefghlmnrsu"
	for range n {
		switch r.IntN(10) {
		case 0, 1, 2, 3:
			out = append(out, text[r.IntN(len(text))]...)
		case 4, 5:
			out = fmt.Appendf(out, "\x1b[%d;%d%c", r.IntN(12), r.IntN(24), finals[r.IntN(len(finals))])
		case 6:
			out = fmt.Appendf(out, "\x1b[%dm", []int{0, 1, 4, 7, 31, 44, 93, 102, 39, 49, 24, 27}[r.IntN(12)])
		case 7:
			modes := []int{1, 6, 25, 45, 47, 1047, 1049, 2004, 1000, 1006}
			if rare {
				modes = append(modes, 7)
			}
			out = fmt.Appendf(out, "\x1b[?%d%c", modes[r.IntN(len(modes))], "hl"[r.IntN(2)])
		case 8:
			known := []string{"\x1b7", "\x1b8", "\x1bM", "\x1bD", "\x1bE", "\x1bH", "\x1b[4h", "\x1b[4l", "\x1b[r", "\x1b[2;7r", "\x1b(0lqk\x1b(B"}
			if rare {
				known = append(known, "\x1b(0", "\x1b(B", "\x0e", "\x0f")
			}
			out = append(out, known[r.IntN(len(known))]...)
		case 9:
			out = fmt.Appendf(out, "\x1b[%d;%dH", 1+r.IntN(rows), 1+r.IntN(cols))
		}
	}
	return out
}

func TestRandomOutputIsWhatXtermShows(t *testing.T) {
	t.Parallel()
	x := startXterm(t)
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		var all []step
		for range 1 + r.IntN(4) {
			all = append(all, step{Write: random(r, r.IntN(60), true)})
		}
		if !checkModel(t, x, all) {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestSnapshotThenContinue(t *testing.T) {
	t.Parallel()
	compared := 0
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 2))
		before, after := random(r, r.IntN(200), false), random(r, r.IntN(50), false)
		a := newScreen()
		a.Write(before)
		if !a.Drawable() {
			continue
		}
		compared++
		b := newScreen()
		snapshot := a.Snapshot()
		b.Write(snapshot)
		a.Write(after)
		b.Write(after)
		if diff := cmp.Diff(a.State(), b.State()); diff != "" {
			t.Errorf("seed %d: %q, drawn as %q, then %q (-stayed +late):\n%s", seed, before, snapshot, after, diff)
		}
	}
	if compared < 950 {
		t.Errorf("only %d of 1000 were compared", compared)
	}
}
