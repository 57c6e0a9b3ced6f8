package agentconn

import (
	"context"
	"sync"

	"golang.org/x/sync/singleflight"

	"codingplatform/backend"
)

// Pool keeps one Conn an environment, shared by all that this replica does there.
type Pool struct {
	runtime     backend.Runtime
	credentials Credentials
	replica     string

	dialing singleflight.Group
	mu      sync.Mutex
	conns   map[backend.EnvironmentID]*Conn
}

// NewPool makes an empty pool.
func NewPool(runtime backend.Runtime, credentials Credentials, replica string) *Pool {
	return &Pool{runtime: runtime, credentials: credentials, replica: replica, conns: map[backend.EnvironmentID]*Conn{}}
}

// Get returns the connection to the session's live environment. CodeNotFound when it has none,
// CodeUnavailable when its agent does not answer.
func (p *Pool) Get(ctx context.Context, session backend.SessionID) (*Conn, error) {
	env, err := p.runtime.Find(ctx, session)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	c, ok := p.conns[env.ID]
	p.mu.Unlock()
	if ok {
		return c, nil
	}
	// The dial is shared by all who wait for it, so it must not end with the first one's context.
	v, err, _ := p.dialing.Do(string(env.ID), func() (any, error) {
		c, err := Connect(context.WithoutCancel(ctx), p.runtime, p.credentials, p.replica, env)
		if err != nil {
			return nil, err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if old, ok := p.conns[env.ID]; ok {
			c.Close()
			return old, nil
		}
		p.conns[env.ID] = c
		return c, nil
	})
	if err != nil {
		return nil, err
	}
	c, ok = v.(*Conn)
	if !ok {
		return nil, backend.Errorf(backend.CodeInternal, "the pool holds something that is no connection")
	}
	return c, nil
}

// Drop forgets and closes a connection that has failed, so that the next Get dials anew.
func (p *Pool) Drop(c *Conn) {
	p.mu.Lock()
	if p.conns[c.Environment.ID] == c {
		delete(p.conns, c.Environment.ID)
	}
	p.mu.Unlock()
	c.Close()
}

// Close closes all connections.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, c := range p.conns {
		c.Close()
		delete(p.conns, id)
	}
}
