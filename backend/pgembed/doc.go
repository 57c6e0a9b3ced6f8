// Package pgembed runs a PostgreSQL server of the backend's own: the real server's programs, started on a
// private unix socket and stopped with the backend; its data stays.
//
// What it promises:
//
//   - The server never runs as root, listens on no network, and its socket lies in a directory of its user
//     alone. Who finds the socket all the same needs a random password (SCRAM), kept in a file that only the
//     backend's user reads.
//   - One backend uses a directory at a time: a lock that ends with its holder, however that ends.
//   - A server that a killed backend left behind is stopped in order before the next one starts; what no
//     server runs for any more is cleaned.
//   - A directory that another major version wrote is refused, with what to do.
//
// The layout of Config.DataDir:
//
//	lock       held while the server runs, names the holder
//	password   of the only role
//	data/      the server's data directory (PGDATA); data.new/ while it is being made
//	socket/    of the socket, or a link to a directory with a shorter name
//	programs/  a copy of the server's programs, where its user cannot reach the originals
package pgembed
