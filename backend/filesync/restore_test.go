package filesync

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	agentv1 "codingplatform/proto/gen/agent/v1"
	"codingplatform/proto/gen/agent/v1/agentv1connect"
)

// treeStore is a database with a tree, and nothing else.
type treeStore struct {
	Store
	items []backend.Item
	err   error
}

func (*treeStore) OpenFiles(context.Context, backend.SessionID) ([]string, error) { return nil, nil }

func (s *treeStore) ReadTree(_ context.Context, _ backend.SessionID, each func([]backend.Item)) (int64, error) {
	each(s.items)
	return 1, s.err
}

// Contents has none: the tree is of folders.
func (*treeStore) Contents(context.Context, []backend.Item, func([]backend.Item, [][]byte) error) error {
	return nil
}

type restoreStream = connect.BidiStream[agentv1.RestoreRequest, agentv1.RestoreResponse]

// wrongAgent is an agent that restores in a way of its own.
type wrongAgent struct {
	agentv1connect.UnimplementedFileServiceHandler
	restore func(stream *restoreStream) error
}

func (a wrongAgent) Restore(_ context.Context, stream *restoreStream) error { return a.restore(stream) }

// TestARestoreThatBreaksOff ends, whoever breaks it off and when.
func TestARestoreThatBreaksOff(t *testing.T) {
	t.Parallel()
	lost := errors.New("the database is lost")
	opened := &agentv1.RestoreResponse{Message: &agentv1.RestoreResponse_Opened{Opened: &agentv1.RestoreOpened{Empty: true}}}
	done := &agentv1.RestoreResponse{Message: &agentv1.RestoreResponse_Done{Done: &agentv1.RestoreDone{}}}
	all := func(stream *restoreStream) error {
		for {
			if _, err := stream.Receive(); err != nil {
				return err
			}
		}
	}
	for name, c := range map[string]struct {
		restore func(stream *restoreStream) error
		err     error
		want    string
	}{
		"done before it has opened": {func(stream *restoreStream) error { return stream.Send(done) }, nil, "before it knew the tree"},
		"done before the tree's end": {func(stream *restoreStream) error {
			return errors.Join(stream.Send(opened), stream.Send(done))
		}, lost, ""},
		"refused": {func(*restoreStream) error {
			return connect.NewError(connect.CodeResourceExhausted, errors.New("no room"))
		}, nil, "no room"},
		"ended without a word": {func(*restoreStream) error { return nil }, nil, ""},
		"without a database": {func(stream *restoreStream) error {
			if err := stream.Send(opened); err != nil {
				return err
			}
			return all(stream)
		}, lost, lost.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			mux.Handle(agentv1connect.NewFileServiceHandler(wrongAgent{restore: c.restore}))
			server := httptest.NewUnstartedServer(mux)
			server.EnableHTTP2 = true
			server.StartTLS()
			t.Cleanup(server.Close)
			s := New(Config{
				Store: &treeStore{items: []backend.Item{{Path: "d", Type: backend.TypeFolder}}, err: c.err}, Logger: slog.New(slog.DiscardHandler),
				Conn: &agentconn.Conn{Fills: true, Files: agentv1connect.NewFileServiceClient(server.Client(), server.URL)},
			})
			_, err := s.Restore(t.Context(), func(Progress) {})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}
