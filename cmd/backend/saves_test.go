package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestSavesOutliveTheBackend kills the backend, and with it PostgreSQL, in the middle of a burst of saves: what was
// answered as saved is there afterwards, in the database and in the environment.
func TestSavesOutliveTheBackend(t *testing.T) {
	t.Parallel()
	dir, address := dataDir(t), freePort(t)
	p := startProcess(t, dir, "--listen", address)
	c := &client{t: t, url: p.url}
	c.register("ada")
	id := c.createSession("burst")
	sh := c.attach(id)
	sh.run("true")
	saved := map[string]string{}
	for kill := range 3 {
		enough, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for i := 0; ; i++ {
				name, content := fmt.Sprintf("f%d", i%25), fmt.Sprintf("%d of burst %d", i, kill)
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/api/workspace/"+id+"/file/"+name, strings.NewReader(content))
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("Authorization", "Bearer "+c.token)
				request.Header.Set("Content-Type", "application/octet-stream")
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					delete(saved, name) // whether this one was saved nobody has said
					return
				}
				ok := response.StatusCode < http.StatusMultipleChoices
				if err := response.Body.Close(); err != nil || !ok {
					t.Errorf("save %s: %d, %v", name, response.StatusCode, err)
				}
				saved[name] = content
				if i == 40 {
					close(enough)
				}
			}
		}()
		select {
		case <-enough:
		case <-done:
			t.Fatal("the burst ended before the kill")
		}
		p.end(t, os.Kill)
		<-done
		p = startProcess(t, dir, "--listen", address)
		for name, content := range saved {
			if got := c.file(id, name); !bytes.Equal(got.body, []byte(content)) {
				t.Errorf("%s was saved as %q, and is %d %q", name, content, got.status, got.body)
			}
		}
	}
	sh = c.attach(id)
	for name, content := range saved {
		sh.run(fmt.Sprintf("until [ \"$(cat %s)\" = %q ]; do sleep 0.02; done", name, content))
	}
	p.end(t, os.Interrupt)
}
