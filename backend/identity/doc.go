// Package identity is the installation's certificate authority: the backend's side of the mutual
// authentication with the agents, whose rules stand in agent/identity.
//
// The CA is the file ca.pem (certificate and key, mode 0600) in a directory of its own, made on the first
// start. It signs three things only:
//
//   - the identity of one agent, for exactly one session and environment, given to it when it is started or claimed;
//   - the identity of an agent that was started before there was a session for it: it names the environment alone, and
//     is taken for nothing but handing the agent an identity of the first kind;
//   - the backend's own short-lived client certificate, which is kept in memory and renewed there.
//
// # Another CA
//
// ca.pem may hold several CAs, one after the other: the first signs what agents get, agents and backends trust all
// of them, and a backend shows each agent a certificate by a CA that this agent trusts, as the agent names them in
// the handshake. So one CA takes over from another in three steps, each of which all backends have taken before the
// next, and none of which a running session notices:
//
//	old        before
//	old new    backends trust agents of the new CA; none has one yet
//	new old    new agents are the new CA's; those that run are reached as before
//	new        when no agent of the old CA runs
//
// # Refusals
//
// Both sides fail closed. A client configuration accepts the agent whose certificate chains to a CA of the file, is
// meant for servers, and has exactly one URI: that of the session and environment asked for.
package identity
