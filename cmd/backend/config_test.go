package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func none(string) string { return "" }

func TestConfigDefaultsAreValid(t *testing.T) {
	t.Parallel()
	c, err := parseConfig(nil, none, io.Discard, false)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "localhost:8002" || c.Idle.Idle != time.Hour || c.MaxFileBytes != 10<<20 {
		t.Fatalf("defaults are %+v", c)
	}
}

func TestConfigFlagWinsOverEnvironment(t *testing.T) {
	t.Parallel()
	env := func(name string) string {
		return map[string]string{"LISTEN": "localhost:1", "IDLE_TIMEOUT": "5m"}[name]
	}
	c, err := parseConfig([]string{"--listen", "localhost:2"}, env, io.Discard, false)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "localhost:2" || c.Idle.Idle != 5*time.Minute {
		t.Fatalf("listen %q, idle %s", c.Listen, c.Idle.Idle)
	}
}

func TestConfigTellsAllErrorsAtOnce(t *testing.T) {
	t.Parallel()
	env := func(name string) string {
		return map[string]string{
			"LISTEN": "nowhere", "BCRYPT_COST": "3", "LOG_FORMAT": "xml", "IDLE_TIMEOUT": "soon",
			"ALLOWED_ORIGINS": "example.org", "SANDBOX_NETWORK": "some",
		}[name]
	}
	_, err := parseConfig(nil, env, io.Discard, false)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"listen", "bcrypt-cost", "log-format", "IDLE_TIMEOUT", "allowed-origins", "sandbox-network"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told of in:\n%v", want, err)
		}
	}
}

func TestConfigurationPageListsEverySetting(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	printUsage(&help)
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	// The page holds the help word for word, so neither can drift.
	if !bytes.Contains(page, help.Bytes()) {
		t.Fatalf("docs/configuration.md does not hold what backend help prints; it prints:\n%s", help.String())
	}
}

func TestRunAnswersUsage(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if code := run([]string{"version"}, none, &out, &errs); code != 0 || strings.TrimSpace(out.String()) != version {
		t.Fatalf("version: %d %q", code, out.String())
	}
	if code := run([]string{"dance"}, none, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), `"dance"`) {
		t.Fatalf("unknown command: %d %q", code, errs.String())
	}
	errs.Reset()
	if code := run([]string{"serve", "--bcrypt-cost", "1"}, none, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "bcrypt-cost") {
		t.Fatalf("bad setting: %d %q", code, errs.String())
	}
}
