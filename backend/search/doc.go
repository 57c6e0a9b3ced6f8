// Package search finds text in contents and files by their names. It is pure: who reads the contents is the caller's.
//
// Regular expressions are RE2, which takes time linear in the content whatever the expression. Places are counted as
// editors do: lines and columns from 1, columns in UTF-16 code units.
package search
