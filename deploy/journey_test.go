//go:build cluster

package deploy_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/client"
)

func itoa(port uint16) string { return strconv.Itoa(int(port)) }

// call sends JSON and wants the status; it returns the answer.
func call(t *testing.T, status int, method, address, token string, in any) []byte {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	got, answer := try(t, method, address, token, body)
	if got != status {
		t.Fatalf("%s %s answers %d, want %d: %s", method, address, got, status, answer)
	}
	return answer
}

func try(t *testing.T, method, address, token string, body []byte) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

// program runs a command in a terminal of its own through every cut, and returns what it printed. on is called
// after each event with the number of bytes so far.
func program(t *testing.T, api *client.API, session, name, input string, on func(client.Event, int), command ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	terminal := api.Terminal(client.Options{
		Session: session, Terminal: name, Command: command, Stream: true,
		Handle: func(event client.Event) error {
			switch event := event.(type) {
			case client.Output:
				out.Write(event.Data)
			case client.Gap:
				return fmt.Errorf("bytes %d to %d are lost", event.From, event.To)
			}
			if on != nil {
				on(event, out.Len())
			}
			return nil
		},
	})
	if input != "" {
		if _, err := io.WriteString(terminal, input); err != nil {
			t.Fatal(err)
		}
	}
	exit, err := terminal.Run(t.Context())
	if err != nil || exit.Code != 0 {
		t.Fatalf("%q ended with %+v, %v; it printed %q", command, exit, err, out.Bytes()[:min(out.Len(), 2000)])
	}
	return out.Bytes()
}

// TestJourney goes through the product as it is installed: two backends behind the Service, a pod per session.
func TestJourney(t *testing.T) {
	forPods, database := exposePostgres(t)
	address := install(t, "overlays/kind", forPods)
	var user struct{ Token string }
	decode(t, call(t, http.StatusCreated, http.MethodPost, address+"/api/users/register", "", map[string]string{
		"username": "augusta", "email": "augusta@example.org", "password": "correct horse battery",
	}), &user)
	var made struct {
		Data struct{ ID string }
	}
	decode(t, call(t, http.StatusCreated, http.MethodPost, address+"/api/sessions/", user.Token, map[string]string{"name": "journey"}), &made)
	api, err := client.New(address, user.Token)
	if err != nil {
		t.Fatal(err)
	}
	session := made.Data.ID

	out := program(t, api, session, "echo", "hello\n", nil, "/bin/sh", "-c", `read line; echo "got $line"; echo "$line" >from-terminal.txt`)
	if !strings.Contains(string(out), "got hello") {
		t.Errorf("the terminal answers %q", out)
	}
	pods := strings.Fields(kubectl(t, "get", "pods", "-n", workspaces, "-l", "app=code-execution", "-o", "jsonpath={.items[*].metadata.name}"))
	if len(pods) != 1 || !strings.HasPrefix(pods[0], "pod-") {
		t.Errorf("the session runs in pods %v, want one named pod-…", pods)
	}
	fileIsSaved(t, address+"/api/workspace/"+session+"/file/from-terminal.txt", user.Token, "hello\n")
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM workspace_items WHERE name = 'from-terminal.txt'`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("Postgres has %d rows of the file, %v; want 1", rows, err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}

	t.Run("Browser", func(t *testing.T) { browser(t, address) })
	t.Run("Confinement", func(t *testing.T) { confinement(t, api, session) })
	t.Run("OutOfMemory", func(t *testing.T) { outOfMemory(t, api, session) })
	t.Run("LostPod", func(t *testing.T) { lostPod(t, api, session, address, user.Token) })
	t.Run("BackendsGoDuringOutput", func(t *testing.T) { backendsGo(t, api, session) })

	call(t, http.StatusNoContent, http.MethodDelete, address+"/api/sessions/"+session, user.Token, nil)
	kubectl(t, "wait", "--for=delete", "pod", "-n", workspaces, "-l", "app=code-execution", "--timeout=60s")
}

// browser goes a user's whole way in a real browser: the same specification as on one machine.
func browser(t *testing.T, address string) {
	t.Helper()
	spec := exec.CommandContext(t.Context(), "npx", "playwright", "test", "journey.spec.ts")
	spec.Dir = "../e2e"
	spec.Env = append(os.Environ(), "INSTALLATION_URL="+address)
	out, err := spec.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("the browser's way: %v", err)
	}
}

func decode(t *testing.T, answer []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(answer, v); err != nil {
		t.Fatalf("the answer is no JSON: %v: %s", err, answer)
	}
}

// fileIsSaved waits until the file is in Postgres, which is what the API reads.
func fileIsSaved(t *testing.T, address, token, content string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, answer := try(t, http.MethodGet, address, token, nil)
		var file struct{ Content string }
		if status == http.StatusOK {
			decode(t, answer, &file)
			if file.Content == content {
				return
			}
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the file is not saved: %d %s", status, answer)
		}
	}
}

// confinement looks from inside of a session's pod.
func confinement(t *testing.T, api *client.API, session string) {
	t.Helper()
	script := `id -u; ls /var/run/secrets/kubernetes.io 2>&1 | head -n 1; for d in / /usr /etc /usr/local/bin; do touch $d/x 2>/dev/null && echo "wrote $d"; done; touch /app/x /tmp/x ~/x && echo writable; rm /app/x; grep CapEff /proc/self/status; python3 -c 'import sys, numpy, pandas, scipy; print("python", sys.version_info[:2])'; node --version`
	out := string(program(t, api, session, "inside", "", nil, "/bin/sh", "-c", script))
	for _, want := range []string{"1000\r\n", "No such file or directory", "writable", "CapEff:\t0000000000000000", "python (3, 11)", "v20."} {
		if !strings.Contains(out, want) {
			t.Errorf("inside of the pod there is no %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "wrote ") {
		t.Errorf("the pod can be written where it must not:\n%s", out)
	}
}

// outOfMemory has a program use more than the pod may: it is killed, and what else runs there is not.
func outOfMemory(t *testing.T, api *client.API, session string) {
	t.Helper()
	pod := func() string {
		return kubectl(t, "get", "pods", "-n", workspaces, "-l", "app=code-execution", "-o", "jsonpath={.items[*].metadata.uid} {.items[*].status.containerStatuses[*].restartCount}")
	}
	before := pod()
	shown := &screen{}
	// It goes on like a shell does, which is told why its program has gone.
	terminal := api.Terminal(client.Options{
		Session: session, Terminal: "greedy", Handle: shown.take,
		Command: []string{"/bin/sh", "-c", `python3 -c 'b = b"x" * (1 << 30)'; echo "ended with $?"; read line`},
	})
	over := make(chan error, 1)
	go func() {
		_, err := terminal.Run(t.Context())
		over <- err
	}()
	shown.until(t, "ended with 137")
	shown.until(t, "the kernel killed a program of this workspace: out of memory")
	if _, err := io.WriteString(terminal, "\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	if after := pod(); after != before {
		t.Errorf("the pod was %s and is %s", before, after)
	}
}

// lostPod deletes a session's pod: the reason is told, and the next start has what was saved.
func lostPod(t *testing.T, api *client.API, session, address, token string) {
	t.Helper()
	kubectl(t, "delete", "pod", "-n", workspaces, "-l", "app=code-execution", "--timeout=60s")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var status struct{ Phase, Reason string }
	for status.Phase != "stopped" && status.Phase != "failed" {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the session is in phase %+v after its pod was deleted", status)
		}
		decode(t, call(t, http.StatusOK, http.MethodGet, address+"/api/workspace/"+session+"/status", token, nil), &status)
	}
	if !strings.Contains(status.Reason, "stopped") && !strings.Contains(status.Reason, "deleted") {
		t.Errorf("the reason for the end is %q", status.Reason)
	}
	if out := string(program(t, api, session, "anew", "", nil, "cat", "from-terminal.txt")); out != "hello\r\n" {
		t.Errorf("after a new start the file holds %q", out)
	}
}

// backendsGo deletes backends while a terminal prints, one at a time, until one of them was the one that served it:
// no byte is lost or doubled.
func backendsGo(t *testing.T, api *client.API, session string) {
	t.Helper()
	const size = 24 << 20
	// In parts, so that it goes on for longer than a backend takes to end.
	script := fmt.Sprintf(`stty -opost; head -c %d /dev/urandom | base64 -w0 | head -c %d >/tmp/flood; `+
		`for i in $(seq 0 23); do dd if=/tmp/flood bs=1M skip=$i count=1 status=none; sleep 0.4; done`, size, size)
	for round, cut := 0, false; !cut; round++ {
		pods := strings.Fields(kubectl(t, "get", "pods", "-n", backends, "-l", "app=backend", "-o", "jsonpath={.items[*].metadata.name}"))
		if len(pods) < 2 {
			t.Fatalf("there are backends %v, want two", pods)
		}
		deleted := false
		var attached int
		out := program(t, api, session, "flood-"+strconv.Itoa(round), "", func(event client.Event, n int) {
			if _, again := event.(client.Attached); again {
				attached++
			}
			if !deleted && n >= size/4 {
				deleted = true
				kubectl(t, "delete", "pod", "-n", backends, pods[0], "--wait=false")
			}
		}, "/bin/sh", "-c", script)
		if !deleted {
			t.Fatal("the output ended before a backend was deleted")
		}
		cut = attached > 1
		sum := sha256.Sum256(out)
		want := string(program(t, api, session, "sum-"+strconv.Itoa(round), "", nil, "sha256sum", "/tmp/flood"))
		if len(out) != size || !strings.HasPrefix(want, hex.EncodeToString(sum[:])) {
			t.Fatalf("%d bytes came with SHA-256 %x; the file has %d, %s", len(out), sum, size, want)
		}
		t.Logf("backend %s deleted during output; attached %d times", pods[0], attached)
		kubectl(t, "rollout", "status", "deployment/backend", "-n", backends, "--timeout=120s")
	}
}
