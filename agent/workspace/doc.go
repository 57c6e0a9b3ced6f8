// Package workspace is the agent's hand on the workspace directory: it looks, reads, hashes and writes, and knows
// nothing of a backend.
//
// # Confinement
//
// Every access starts at the root's own descriptor and takes one name at a time with openat and its kin, and no link
// is ever followed, not even one that stays inside. That is stricter than os.Root, which follows links within the root
// and would show the same file under two paths. A folder that is replaced by a link while it is walked is an error, not
// a way out.
//
// # Names
//
// Paths are those of the wire: relative, separated by "/", valid UTF-8. Names that are not valid UTF-8 on disk are
// escaped (Escape), reversibly. Only this package sees names as the disk has them.
//
// # Writing
//
// What is written is made beside its place under a temporary name (TempPrefix), and moved there in one step. When
// something is there already the two change places, and what was displaced is looked at once more: if it is not what
// the caller expected, they change back. So no program's write is lost between check and replacement, but by a
// program that keeps the old file open.
package workspace
