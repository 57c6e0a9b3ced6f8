// Package runas lets a backend that was started as root run its helpers (PostgreSQL, the sandboxes) as an
// ordinary user. Started as anybody else, it changes nothing: the helpers run as the same user.
package runas
