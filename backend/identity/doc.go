// Package identity is the installation's certificate authority: the backend's side of the mutual
// authentication with the agents, whose rules stand in agent/identity.
//
// The CA is the file ca.pem (certificate and key, mode 0600) in a directory of its own, made on the first
// start. It signs two things only:
//
//   - the identity of one agent, for exactly one session and environment, given to it when it is started;
//   - the backend's own short-lived client certificate, which is kept in memory and renewed there.
//
// Both sides fail closed. A client configuration accepts the agent whose certificate chains to this CA, is
// meant for servers, and has exactly one URI: that of the session and environment asked for.
package identity
