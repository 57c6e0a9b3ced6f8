// Package api is the HTTP API: routes, sign-in, the checks on what comes in, and the shapes of what goes out.
//
// It owns no state. What it needs from others stands in ports.go as small interfaces over domain types; it
// imports the domain, the plain request types of backend/postgres, backend/auth and backend/reqctx, and
// nothing that speaks SQL, RPC or Kubernetes.
//
// A request passes, in this order: request ID, access log, recovery from panics, headers, cross-origin checks,
// route, deadline, sign-in, the session and whether it is the user's, handler. A handler returns an error
// instead of writing one; problem.go turns it into application/problem+json by the table in status.go.
//
// Rules of failure:
//
//   - A slow client ends at a deadline: of a whole call, or of each read and write where bytes are streamed.
//   - Bodies are capped before they are read, and what all uploads hold in memory together is capped.
//   - An error after the first byte of an answer breaks the connection, so that nobody takes a part for the whole.
//   - What a workspace holds is never served as something that a browser would run on this origin.
package api
