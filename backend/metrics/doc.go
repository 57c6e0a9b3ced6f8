// Package metrics is what a backend tells Prometheus: requests by route, what this replica serves, the database's
// connections, requests to the API server, and the process itself. It imports no other package of the product: what
// it tells is handed to it. Routes are told by their patterns, so that no name of a user or a file is in a metric, and
// their number is bounded.
package metrics
