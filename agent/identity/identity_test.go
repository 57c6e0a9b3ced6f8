package identity_test

import (
	"encoding/json"
	"strings"
	"testing"

	"codingplatform/agent/agenttest"
	"codingplatform/agent/identity"
)

func TestLoadRefusesWhatIsNotWhole(t *testing.T) {
	t.Parallel()
	good := agenttest.NewAuthority(t).Agent("s", "e")
	load := func(id identity.Identity) error {
		b, err := json.Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		_, err = identity.Load("-", strings.NewReader(string(b)))
		return err
	}
	if err := load(good); err != nil {
		t.Fatal(err)
	}
	other := agenttest.NewAuthority(t).Agent("s", "e")
	for name, change := range map[string]func(*identity.Identity){
		"no session":            func(id *identity.Identity) { id.SessionID = "" },
		"another's certificate": func(id *identity.Identity) { id.EnvironmentID = "x" },
		"another key":           func(id *identity.Identity) { id.KeyPEM = other.KeyPEM },
		"no authority":          func(id *identity.Identity) { id.CAPEM = "" },
	} {
		id := good
		change(&id)
		if err := load(id); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := identity.Load("-", strings.NewReader("{")); err == nil {
		t.Error("half an identity was taken")
	}
}
