// Package auth registers users, signs them in and tells who asks. It imports the domain and no transport.
//
// Passwords are hashed with bcrypt by a few workers, so that a burst of sign-ins waits in a queue instead of taking
// the processor from everything else; when the queue is full, the caller is told to come again. A sign-in for a user
// that does not exist takes one hash too. Failures are limited by address and by account.
//
// Tokens are opaque: 256 random bits, of which only the SHA-256 is stored. There is no cache: a sign-out holds at once on
// every replica.
package auth
