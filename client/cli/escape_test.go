package cli

import (
	"testing"
)

func TestEscapes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		char    byte
		typed   []string // in these pieces
		pass    string
		actions []escapeAction
	}{
		"first of all":             {'~', []string{"~."}, "", []escapeAction{escapeDetach}},
		"in pieces":                {'~', []string{"a\r", "~", "."}, "a\r", []escapeAction{escapeDetach}},
		"after a line feed":        {'~', []string{"a\n~."}, "a\n", []escapeAction{escapeDetach}},
		"within a line":            {'~', []string{"cd ~.", "\rls ~?"}, "cd ~.\rls ~?", nil},
		"help, and on":             {'~', []string{"~?~?x~."}, "x~.", []escapeAction{escapeHelp, escapeHelp}},
		"itself":                   {'~', []string{"~~.\r"}, "~.\r", nil},
		"a path":                   {'~', []string{"~/bin/x\r"}, "~/bin/x\r", nil},
		"another character":        {'%', []string{"~.\r%."}, "~.\r", []escapeAction{escapeDetach}},
		"none":                     {0, []string{"~.\r~."}, "~.\r~.", nil},
		"after a line that it had": {'~', []string{"~\r~."}, "~\r", []escapeAction{escapeDetach}},
		"held back":                {'~', []string{"\r~"}, "\r", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := escapes{char: c.char}
			var pass []byte
			var actions []escapeAction
			for _, piece := range c.typed {
				for typed := []byte(piece); len(typed) > 0; {
					p, action, rest := keys.next(typed)
					pass = append(pass, p...)
					if action != escapeNothing {
						actions = append(actions, action)
					}
					typed = rest
				}
			}
			if string(pass) != c.pass {
				t.Errorf("passes %q, not %q", pass, c.pass)
			}
			if len(actions) != len(c.actions) {
				t.Fatalf("actions are %v, not %v", actions, c.actions)
			}
			for i := range actions {
				if actions[i] != c.actions[i] {
					t.Errorf("actions are %v, not %v", actions, c.actions)
				}
			}
		})
	}
}
