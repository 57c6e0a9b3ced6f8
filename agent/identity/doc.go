// Package identity is the agent's side of the mutual authentication with the backend. Every environment has
// an identity of its own, made by the backend's runtime: the session, the environment, the installation's CA
// and a key with a certificate for exactly this pair. The agent holds nothing that opens anything else.
//
// The rules, all of which fail closed:
//
//   - TLS 1.3 with a client certificate, always; on one machine as in a cluster.
//   - The agent's certificate names it by the URI codingplatform://session/S/environment/E, so that a pod
//     that inherits another one's address is not taken for it.
//   - A caller is a backend only if its certificate chains to the CA, is meant for clients, and has exactly
//     one URI, codingplatform://backend. Another agent's certificate is refused.
//   - An agent that was started before there was a session for it has an identity that names its environment alone,
//     codingplatform://unclaimed/environment/E. Under it nothing is served but a claim (agent/claim), which gives the
//     agent an identity as above in its stead; from then on no backend takes the former one for the session's.
package identity
