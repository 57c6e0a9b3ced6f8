// Package web serves the browser IDE that is built into the binary: a static export, found in dist at build
// time. It knows nothing of the API; the API's handler gives it what is left over.
//
// Files below _next/static carry a hash in their name and are cached for ever; all others are revalidated by
// ETag. Text is compressed once, when it is first asked for. Pages get a content security policy that lists the
// hashes of the inline scripts they were built with, and allows no other inline script.
//
// A binary built without the frontend compiles too: it serves a page that says how to build it.
package web
