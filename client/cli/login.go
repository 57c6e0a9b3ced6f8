package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"codingplatform/client"
)

// maxPassword bounds what is read as a password.
const maxPassword = 4 << 10

// login signs in and stores the token.
func login(ctx context.Context, cfg config, stdin *os.File, stderr io.Writer) error {
	if exposed(cfg.URL) {
		_, _ = fmt.Fprintf(stderr, "backend: %s is not https: the password can be read on the way\n", cfg.URL)
	}
	var username, password string
	var err error
	if cfg.PasswordStdin {
		username = cfg.Username
		var b []byte
		if b, err = io.ReadAll(io.LimitReader(stdin, maxPassword)); err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
		password = strings.TrimRight(string(b), "\r\n")
	} else if username, password, err = ask(cfg, stdin, stderr); err != nil {
		return err
	}
	api, err := client.New(cfg.URL, "")
	if err != nil {
		return err
	}
	token, err := api.Login(ctx, username, password)
	if err != nil {
		return err
	}
	stored, err := loadCredentials()
	if err != nil {
		return err
	}
	stored.Servers[serverKey(cfg.URL)] = credential{Username: username, Token: token}
	if err := stored.save(); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stderr, "Signed in to %s as %s.\n", cfg.URL, printable(username))
	return nil
}

// exposed says whether the address sends secrets over a network in the clear.
func exposed(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "https" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

// ask reads name and password from the terminal, the password without echo. The terminal is raw from before the first
// question on, so that a password that is typed before its question is not shown either, and is as it was after any
// end.
func ask(cfg config, stdin *os.File, stderr io.Writer) (username, password string, err error) {
	fd := int(stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", "", errors.New("standard input is no terminal: use --username and --password-stdin")
	}
	defer func() {
		if rerr := term.Restore(fd, before); rerr != nil {
			err = errors.Join(err, fmt.Errorf("restore the terminal: %w", rerr))
		}
	}()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	type answers struct {
		username, password string
		err                error
	}
	done := make(chan answers, 1)
	go func() {
		lines := term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{stdin, stderr}, "Username: ")
		a := answers{username: cfg.Username}
		if a.username == "" {
			a.username, a.err = lines.ReadLine()
			a.username = strings.TrimSpace(a.username)
		}
		if a.err == nil {
			a.password, a.err = lines.ReadPassword("Password: ")
		}
		done <- a
	}()
	select {
	case a := <-done:
		if errors.Is(a.err, io.EOF) { // Ctrl-C and Ctrl-D, in raw mode
			a.err = &signalError{syscall.SIGINT}
		}
		return a.username, a.password, a.err
	case s := <-signals:
		number, _ := s.(syscall.Signal)
		return "", "", &signalError{number}
	}
}

// logout ends the stored token, and forgets it even if the server cannot be told.
func logout(ctx context.Context, cfg config, stderr io.Writer) error {
	stored, err := loadCredentials()
	if err != nil {
		return err
	}
	known, ok := stored.Servers[serverKey(cfg.URL)]
	if !ok {
		return fmt.Errorf("not signed in to %s", cfg.URL)
	}
	delete(stored.Servers, serverKey(cfg.URL))
	if err := stored.save(); err != nil {
		return err
	}
	api, err := client.New(cfg.URL, known.Token)
	if err != nil {
		return err
	}
	if err := api.Logout(ctx); err != nil && !errors.Is(err, client.ErrUnauthenticated) {
		return fmt.Errorf("the token is forgotten here, but the server still takes it: %w", err)
	}
	_, _ = fmt.Fprintf(stderr, "Signed out of %s.\n", cfg.URL)
	return nil
}
