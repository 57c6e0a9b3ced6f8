package identity

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// generate makes a CA as the file holds it.
func generate(t *testing.T) []byte {
	t.Helper()
	content, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// read is the authority of a file that holds these CAs.
func read(t *testing.T, cas ...[]byte) *Authority {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, bytes.Join(cas, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestRotation has backends of each step of a change of the CA reach agents that backends of each step have started:
// in one roll-out two steps that follow each other are there at once, and agents of all former steps may run.
func TestRotation(t *testing.T) {
	old, next := generate(t), generate(t)
	steps := []struct {
		name string
		*Authority
		// reached says by backends of which step the agents of this one are: that of the roll-out before it and all
		// that follow, until the CA that signed them is taken away.
		reached [4]bool
	}{
		{"old", read(t, old), [4]bool{true, true, true, false}},
		{"old new", read(t, old, next), [4]bool{true, true, true, false}},
		{"new old", read(t, next, old), [4]bool{false, true, true, true}},
		{"new", read(t, next), [4]bool{false, true, true, true}},
	}
	for _, started := range steps {
		agent := server(t, started.Authority, "s", "e")
		for i, dials := range steps {
			clientErr, serverErr := handshake(t, agent, client(t, dials.Authority, "s", "e"))
			if reached := clientErr == nil && serverErr == nil; reached != started.reached[i] {
				t.Errorf("an agent that a backend with %q has started, dialled by one with %q: %v, want %v; client: %v, server: %v",
					started.name, dials.name, reached, started.reached[i], clientErr, serverErr)
			}
		}
	}
	// Nothing of it opens the door to another installation.
	agent, foreign := server(t, steps[2].Authority, "s", "e"), read(t, generate(t))
	if clientErr, _ := handshake(t, agent, client(t, foreign, "s", "e")); !errors.Is(clientErr, ErrNotAgent) {
		t.Errorf("an agent is trusted by another installation: %v", clientErr)
	}
	blind := client(t, foreign, "s", "e")
	blind.VerifyConnection = nil
	if _, serverErr := handshake(t, agent, blind); serverErr == nil {
		t.Error("an agent trusts another installation's backend")
	}
	if clientErr, _ := handshake(t, agent, client(t, steps[2].Authority, "s", "other")); !errors.Is(clientErr, ErrNotAgent) {
		t.Errorf("an agent is taken for another one: %v", clientErr)
	}
}

func TestReadRefusesHalfAnAuthority(t *testing.T) {
	one, other := generate(t), generate(t)
	key := bytes.Index(one, []byte("-----BEGIN PRIVATE KEY"))
	otherKey := bytes.Index(other, []byte("-----BEGIN PRIVATE KEY"))
	for name, test := range map[string]struct{ content, want string }{
		"nothing":              {"", "none in it"},
		"no key":               {string(one[:key]), "no key"},
		"no certificate":       {string(one[key:]), "no certificate"},
		"the second's key":     {string(one) + string(other[:otherKey]), "no key"},
		"two certificates":     {string(other[:otherKey]) + string(one), "no key"},
		"keys changed":         {string(one[:key]) + string(other[otherKey:]), "does not match"},
		"one twice":            {string(one) + string(one), "one name"},
		"something after it":   {string(one) + "-----BEGIN CERT", "something else"},
		"something unreadable": {string(one) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})) + string(other[otherKey:]), ""},
	} {
		_, err := parse([]byte(test.content))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, test.want)
		}
	}
}

// TestAuthorityHasANameOfItsOwn: by its name an agent says whom it trusts.
func TestAuthorityHasANameOfItsOwn(t *testing.T) {
	a := read(t, generate(t), generate(t))
	names := []pkix.Name{a.cas[0].cert.Subject, a.cas[1].cert.Subject}
	if names[0].String() == names[1].String() {
		t.Errorf("both are called %s", names[0])
	}
	for i, c := range a.cas {
		if got := a.trusted([][]byte{[]byte("another"), c.cert.RawSubject}); got != c {
			t.Errorf("to an agent that trusts CA %d, CA %d is shown", i, slices.Index(a.cas, got))
		}
	}
}
