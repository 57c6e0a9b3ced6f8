package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"codingplatform/client"
)

// config is every setting of the commands that speak to a server: attach, sessions, login and logout.
type config struct {
	URL           string
	Token         string
	View          bool
	Restart       bool
	Cwd           string
	Escape        byte // 0: none
	Username      string
	PasswordStdin bool

	// args are what is left of the command line; command is what follows "--".
	args, command []string
}

// setting ties a flag to its variable, its place in config and the commands that have it.
type setting struct {
	name, env, fallback, usage string
	commands                   []string
	set                        func(*config, string) error
}

func settings() []setting {
	everywhere := []string{"attach", "sessions", "login", "logout"}
	return []setting{
		{"url", "BACKEND_URL", "http://localhost:8002", "the server", everywhere, func(c *config, s string) error { c.URL = s; return nil }},
		{"token", "BACKEND_TOKEN", "", "a token of the server; empty: the one that login has stored. The variable is better: other users of the machine can read flags", []string{"attach", "sessions"}, func(c *config, s string) error { c.Token = s; return nil }},
		{"view", "", "false", "look only: neither type nor size the terminal", []string{"attach"}, boolean(func(c *config) *bool { return &c.View })},
		{"restart", "", "false", "when the terminal's program has ended, start a new one", []string{"attach"}, boolean(func(c *config) *bool { return &c.Restart })},
		{"cwd", "", "", "directory in the workspace for a terminal that this starts", []string{"attach"}, func(c *config, s string) error { c.Cwd = s; return nil }},
		{"escape", "BACKEND_ESCAPE", "~", "the character that, typed first on a line, makes the next one a command; none: no such character", []string{"attach"}, setEscape},
		{"username", "", "", "name or email address to sign in with; empty: asked for", []string{"login"}, func(c *config, s string) error { c.Username = s; return nil }},
		{"password-stdin", "", "false", "read the password from standard input; needs --username", []string{"login"}, boolean(func(c *config) *bool { return &c.PasswordStdin })},
	}
}

func boolean(at func(*config) *bool) func(*config, string) error {
	return func(c *config, s string) (err error) {
		*at(c), err = strconv.ParseBool(s)
		return err
	}
}

func setEscape(c *config, s string) error {
	if s == "none" {
		c.Escape = 0
		return nil
	}
	if len(s) != 1 || s[0] <= ' ' || s[0] > '~' {
		return errors.New("must be one printable ASCII character, or none")
	}
	c.Escape = s[0]
	return nil
}

// parseConfig reads flags, before and between arguments, and the environment for those not given.
func parseConfig(command string, args []string, getenv func(string) string, output io.Writer) (config, error) {
	var c config
	var errs []error
	flags := flag.NewFlagSet("backend "+command, flag.ContinueOnError)
	flags.SetOutput(output)
	flags.Usage = func() { PrintUsage(output) }
	for _, s := range settings() {
		value, from := s.fallback, "default"
		if s.env != "" && getenv(s.env) != "" {
			value, from = getenv(s.env), s.env
		}
		if err := s.set(&c, value); err != nil {
			errs = append(errs, fmt.Errorf("%s (%s): %q: %w", s.name, from, value, err))
		}
		if !slices.Contains(s.commands, command) {
			continue
		}
		if s.fallback == "false" {
			flags.BoolFunc(s.name, s.usage, func(v string) error { return s.set(&c, v) })
		} else {
			flags.Func(s.name, s.usage, func(v string) error { return s.set(&c, v) })
		}
	}
	if i := slices.Index(args, "--"); i >= 0 {
		c.command, args = args[i+1:], args[:i]
	}
	for {
		if err := flags.Parse(args); err != nil {
			return c, err
		}
		if flags.NArg() == 0 {
			break
		}
		c.args = append(c.args, flags.Arg(0))
		args = flags.Args()[1:]
	}
	return c, errors.Join(append(errs, c.validate(command))...)
}

func (c *config) validate(command string) error {
	var errs []error
	if _, err := client.New(c.URL, ""); err != nil {
		errs = append(errs, fmt.Errorf("url: %w", err))
	}
	least, most := 0, 0
	if command == "attach" {
		least, most = 1, 2
	}
	switch {
	case len(c.args) > most:
		errs = append(errs, fmt.Errorf("unexpected argument %q", c.args[most]))
	case len(c.args) < least:
		errs = append(errs, errors.New("which session? backend sessions lists them"))
	case c.command != nil && (command != "attach" || len(c.command) == 0):
		errs = append(errs, errors.New("-- takes the command of a terminal that attach starts"))
	}
	if c.View && (c.Restart || c.Cwd != "" || c.command != nil) {
		errs = append(errs, errors.New("view: who only looks cannot start a program"))
	}
	if c.PasswordStdin && c.Username == "" {
		errs = append(errs, errors.New("password-stdin: needs --username"))
	}
	return errors.Join(errs...)
}

// PrintUsage prints the commands' settings as docs/configuration.md has them.
func PrintUsage(w io.Writer) {
	_, _ = fmt.Fprint(w, `usage: backend attach [flags] SESSION [TERMINAL] [-- COMMAND [ARGUMENT...]]
       backend sessions|login|logout [flags]

`)
	for _, s := range settings() {
		name := "--" + s.name
		if s.env != "" {
			name += "  (" + s.env + ")"
		}
		_, _ = fmt.Fprintf(w, "  %s  %s\n        %s (default %q)\n", name, strings.Join(s.commands, ", "), s.usage, s.fallback)
	}
}
