//go:build cluster

package deploy_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"codingplatform/client"
)

// TestOperations does what docs/operations.md says, with the overlay for production and TLS as it is: install, go on
// with what is installed in a session after its stop, roll a release out and back, change the authority, back up, lose
// everything, restore.
func TestOperations(t *testing.T) {
	tagImages(t)
	p := newProduct(t, "overlays/tls")
	t.Run("PackagesSurviveAStop", p.packages)
	t.Run("TypeScript", p.typeScript)
	t.Run("RollOutAndBack", p.rollOutAndBack)
	t.Run("AnotherAuthority", p.anotherAuthority)
	t.Run("LostVolume", p.lostVolume)
	t.Run("BackupAndRestore", p.backupAndRestore)
}

// packages installs with pip and npm, without root and from nothing but the workspace, and stops the session: with a
// volume of its own what was installed is there at the next start.
func (p product) packages(t *testing.T) {
	const script = `set -e
mkdir -p py js
printf 'from setuptools import setup\nsetup(name="hello", version="1", py_modules=["hello"], entry_points={"console_scripts": ["hello-py=hello:main"]})\n' >py/setup.py
printf 'def main():\n    print("hello of pip")\n' >py/hello.py
printf '{"name": "hello", "version": "1.0.0", "bin": {"hello-js": "hello.js"}}' >js/package.json
printf '#!/usr/bin/env node\nconsole.log("hello of npm")\n' >js/hello.js
pip install --quiet --no-index --no-build-isolation ./py
(cd js && npm pack --silent >/dev/null)
npm install --silent --offline --global ./js/hello-1.0.0.tgz
hello-py; hello-js`
	const greeting = "hello of pip\r\nhello of npm\r\n"
	if out := string(program(t, p.api, p.session, "install", "", nil, "/bin/bash", "-c", script)); !strings.HasSuffix(out, greeting) {
		t.Fatalf("the installation printed %q", out)
	}
	former := p.pod(t)
	call(t, http.StatusAccepted, http.MethodPost, p.address+"/api/workspace/"+p.session+"/shutdown", p.token, nil)
	p.until(t, "stopped", func(s status) bool { return s.Phase == "stopped" })
	if out := string(program(t, p.api, p.session, "again", "", nil, "/bin/bash", "-c", "hello-py; hello-js")); out != greeting {
		t.Errorf("after a stop what was installed prints %q", out)
	}
	if now := p.pod(t); now == former {
		t.Errorf("the session is still in %s", now)
	}
}

// typeScript runs it with what the image has.
func (p product) typeScript(t *testing.T) {
	if out := string(program(t, p.api, p.session, "ts", "", nil, "/bin/sh", "-c", `echo 'const n: number = 42; enum E { A = 1 }; console.log("typed " + n + " " + E.A)' >typed.ts; tsx typed.ts`)); out != "typed 42 1\r\n" {
		t.Errorf("TypeScript prints %q", out)
	}
}

// rollOutAndBack rolls another image out and back while a terminal prints.
func (p product) rollOutAndBack(t *testing.T) {
	const next = "docker.io/library/coding-platform-backend:2"
	cluster(t, "tag", "localhost/backend:dev", next)
	image := func() string {
		return kubectl(t, "get", "deployment", "backend", "-n", backends, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	}
	before := image()
	p.while(t, "rolled", 1200, func() {
		kubectl(t, "set", "image", "deployment/backend", "backend="+next, "-n", backends)
		kubectl(t, "rollout", "status", "deployment/backend", "-n", backends, "--timeout=180s")
		if now := image(); now != next {
			t.Errorf("rolled out, the backends are of %s", now)
		}
		kubectl(t, "rollout", "undo", "deployment/backend", "-n", backends)
		kubectl(t, "rollout", "status", "deployment/backend", "-n", backends, "--timeout=180s")
	})
	if after := image(); after != before {
		t.Errorf("rolled back, the backends are of %s, and were of %s", after, before)
	}
}

// while does something while a terminal prints some lines, ten a second and until it is done: each byte comes once.
func (p product) while(t *testing.T, name string, most int, do func()) {
	t.Helper()
	script, want := lines(most, "after-"+name+".txt")
	done := make(chan struct{})
	begun := false
	out := program(t, p.api, p.session, name, "", func(_ client.Event, n int) {
		if n > 100 && !begun {
			begun = true
			go func() {
				defer close(done)
				do()
				p.save(t, "enough-"+name, "")
			}()
		}
	}, "/bin/sh", "-c", strings.Replace(script, "sleep 0.1", "sleep 0.1; if [ -e enough-"+name+" ]; then break; fi", 1))
	<-done
	if len(out) < 100 || !strings.HasPrefix(want, string(out)) {
		t.Errorf("meanwhile the terminal printed %d bytes that are not its lines:\n%s", len(out), out)
	}
	fileIsSaved(t, p.file("after-"+name+".txt"), p.token, "done\n")
}

// anotherAuthority replaces the install's certificate authority in the three steps of docs/operations.md, under a
// session that goes on.
func (p product) anotherAuthority(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, parts ...[]byte) string {
		path := filepath.Join(dir, name)
		var all []byte
		for _, part := range parts {
			all = append(all, part...)
		}
		if err := os.WriteFile(path, all, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	step := func(path string) {
		secret := kubectl(t, "create", "secret", "generic", "backend-identity", "-n", backends, "--from-file=ca.pem="+path, "--dry-run=client", "-o", "yaml")
		kubectlIn(t, secret, "apply", "-f", "-")
		kubectl(t, "rollout", "restart", "deployment/backend", "-n", backends)
		kubectl(t, "rollout", "status", "deployment/backend", "-n", backends, "--timeout=180s")
	}
	former := p.identity(t)
	current := p.authority(t)
	next, err := exec.CommandContext(t.Context(), os.Getenv("BACKEND"), "authority").Output()
	if err != nil {
		t.Fatal(err)
	}
	pod := p.pod(t)
	p.while(t, "authority", 1800, func() {
		step(write("both.pem", current, next))
		step(write("both.pem", next, current))
	})
	if now := p.pod(t); now != pod {
		t.Errorf("the session was in %s and is in %s", pod, now)
	}
	// As said there: pods of before the second step start anew.
	kubectl(t, "delete", "pods", "-n", workspaces, "-l", "app=code-execution", "--timeout=60s")
	step(write("new.pem", next))
	program(t, p.api, p.session, "new-authority", "", nil, "true")
	if now := p.identity(t); now.CAPEM == former.CAPEM || now.CertPEM == former.CertPEM {
		t.Error("the agent's identity is still of the former authority")
	}
}

// authority is the one that the installation has at present.
func (p product) authority(t *testing.T) []byte {
	t.Helper()
	return []byte(kubectl(t, "get", "secret", "backend-identity", "-n", backends, "-o", `go-template={{index .data "ca.pem" | base64decode}}`))
}

// lostVolume deletes a session's claim and its pod: the next start has another volume, and on it what was saved.
func (p product) lostVolume(t *testing.T) {
	p.save(t, "saved.txt", "saved\n")
	claim := "session-" + p.session
	former := kubectl(t, "get", "persistentvolumeclaim", "-n", workspaces, claim, "-o", "jsonpath={.metadata.uid}")
	// In use, it goes with its pod.
	kubectl(t, "delete", "persistentvolumeclaim", "-n", workspaces, claim, "--wait=false")
	kubectl(t, "delete", "pod", "-n", workspaces, p.pod(t), "--timeout=60s")
	over := p.until(t, "stopped or failed", func(s status) bool { return s.Phase == "stopped" || s.Phase == "failed" })
	if !strings.Contains(over.Reason, "stopped") {
		t.Errorf("the reason for the end is %q", over.Reason)
	}
	if out := string(program(t, p.api, p.session, "another-volume", "", nil, "cat", "saved.txt")); out != "saved\r\n" {
		t.Errorf("on the new volume the file holds %q", out)
	}
	if now := kubectl(t, "get", "persistentvolumeclaim", "-n", workspaces, claim, "-o", "jsonpath={.metadata.uid}"); now == former {
		t.Error("the session still has the volume that was deleted")
	}
}

// backupAndRestore drills the way back after everything is lost.
func (p product) backupAndRestore(t *testing.T) {
	p.save(t, "precious.txt", "precious\n")
	kubectl(t, "create", "job", "-n", backends, "--from=cronjob/backup", "backup-now")
	t.Cleanup(func() { kubectl(t, "delete", "job", "-n", backends, "--ignore-not-found", "backup-now", "restore") })
	kubectl(t, "wait", "--for=condition=Complete", "job/backup-now", "-n", backends, "--timeout=120s")
	p.save(t, "later.txt", "later\n")

	kubectl(t, "scale", "deployment/backend", "-n", backends, "--replicas=0")
	kubectl(t, "wait", "--for=delete", "pods", "-l", "app=backend", "-n", backends, "--timeout=120s")
	kubectl(t, "delete", "pods,persistentvolumeclaims", "-n", workspaces, "-l", "app=code-execution", "--timeout=120s")
	p.database.wipe(t)

	job := kubectl(t, "create", "job", "restore", "-n", backends, "--from=cronjob/backup", "--dry-run=client", "-o", "yaml")
	kubectlIn(t, strings.Replace(job, "- backup\n", "- restore\n", 1), "create", "-f", "-")
	kubectl(t, "wait", "--for=condition=Complete", "job/restore", "-n", backends, "--timeout=120s")
	kubectl(t, "scale", "deployment/backend", "-n", backends, "--replicas=2")
	kubectl(t, "rollout", "status", "deployment/backend", "-n", backends, "--timeout=120s")
	answers(t, p.address)

	var user struct{ Token string }
	decode(t, call(t, http.StatusOK, http.MethodPost, p.address+"/api/users/login", "", map[string]string{
		"username": "ada", "password": "correct horse battery",
	}), &user)
	fileIsSaved(t, p.file("precious.txt"), user.Token, "precious\n")
	if status, _ := try(t, http.MethodGet, p.file("later.txt"), user.Token, nil); status != http.StatusNotFound {
		t.Errorf("a file of after the backup answers %d", status)
	}
	api, err := client.New(p.address, user.Token)
	if err != nil {
		t.Fatal(err)
	}
	if out := string(program(t, api, p.session, "restored", "", nil, "cat", "precious.txt")); out != "precious\r\n" {
		t.Errorf("in a terminal the file holds %q", out)
	}
}
