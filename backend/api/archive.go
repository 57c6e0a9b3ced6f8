package api

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"mime"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
)

// downloadArchive streams the workspace, or with ?path= a folder, as a zip, one file after the other; with several paths, these files
// and folders, named from the folder that they have in common. What is listed but not saved is left out, and named in a comment of the archive.
func (s *server) downloadArchive(w http.ResponseWriter, r *http.Request) error {
	session := sessionOf(r)
	items, below, err := s.archived(r)
	if err != nil {
		return err
	}
	name := session.Name
	if below != "" {
		name = path.Base(below)
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name + ".zip"}))
	archive := zip.NewWriter(w)
	var left []string
	for _, item := range items {
		saved, err := s.archiveItem(r, archive, item, strings.TrimPrefix(item.Path[len(below):], "/"))
		// What was deleted since the listing is not there any more.
		if err != nil && backend.CodeOf(err) != backend.CodeNotFound {
			return err
		}
		if err == nil && !saved {
			left = append(left, item.Path)
		}
	}
	if len(left) > 0 {
		const most = 60 << 10 // a zip's comment has 64 KiB
		comment := "Not saved, and so not in this archive:\n" + strings.Join(left, "\n")
		if err := archive.SetComment(strings.ToValidUTF8(comment[:min(len(comment), most)], "")); err != nil {
			return fmt.Errorf("write the archive: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	return nil
}

func (s *server) archiveItem(r *http.Request, archive *zip.Writer, item backend.Item, name string) (saved bool, err error) {
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: item.ModTime}
	header.SetMode(fs.FileMode(item.Mode))
	switch {
	case item.Unsaved != backend.Saved, item.Type == backend.TypeSpecial:
		return false, nil
	case item.Type == backend.TypeFolder:
		header.Name += "/"
		header.SetMode(fs.ModeDir | fs.FileMode(item.Mode))
		_, err = archive.CreateHeader(header)
	case item.Type == backend.TypeSymlink:
		header.SetMode(fs.ModeSymlink | 0o777)
		var w io.Writer
		if w, err = archive.CreateHeader(header); err == nil {
			_, err = io.WriteString(w, item.LinkTarget)
		}
	default:
		_, err = s.cfg.Store.CopyFile(r.Context(), sessionOf(r).ID, item.Path, func(backend.Item) (io.Writer, error) {
			return archive.CreateHeader(header)
		})
	}
	if err != nil {
		return false, fmt.Errorf("archive %q: %w", item.Path, err)
	}
	return true, nil
}

// archived lists what a request for an archive asks for, and the folder that it is named from.
func (s *server) archived(r *http.Request) (items []backend.Item, below string, err error) {
	wanted := slices.DeleteFunc(slices.Clone(r.URL.Query()["path"]), func(name string) bool { return strings.Trim(name, "/") == "" })
	for i, name := range wanted {
		if wanted[i], err = cleanField("path", name); err != nil {
			return nil, "", err
		}
	}
	session := sessionOf(r).ID
	if len(wanted) < 2 {
		if len(wanted) == 1 {
			below = wanted[0]
		}
		items, _, err = s.cfg.Store.Tree(r.Context(), session, below, 0)
		return items, below, err
	}
	all, _, err := s.cfg.Store.Tree(r.Context(), session, "", 0)
	if err != nil {
		return nil, "", err
	}
	missing := make(map[string]bool, len(wanted))
	for _, name := range wanted {
		missing[name] = true
	}
	chosen := maps.Clone(missing)
	for _, item := range all {
		for above := item.Path; above != "."; above = path.Dir(above) {
			if chosen[above] {
				items = append(items, item)
				break
			}
		}
		delete(missing, item.Path)
	}
	for name := range missing {
		return nil, "", backend.Errorf(backend.CodeNotFound, "there is no %q in this workspace", name)
	}
	return items, commonFolder(wanted), nil
}

// commonFolder is the innermost folder that all the paths are in; "" is the workspace.
func commonFolder(paths []string) string {
	common := path.Dir(paths[0])
	for _, name := range paths[1:] {
		for common != "." && !strings.HasPrefix(name, common+"/") {
			common = path.Dir(common)
		}
	}
	return strings.TrimPrefix(common, ".")
}

// unpackedBody is the answer of an upload. Skipped are the paths of links and special files.
type unpackedBody struct {
	Message string   `json:"message"`
	Files   int      `json:"files"`
	Skipped []string `json:"skipped"`
}

// uploadArchive unpacks a zip into the workspace, over what is there. The whole directory of the zip is checked before
// the first file is written.
func (s *server) uploadArchive(w http.ResponseWriter, r *http.Request) error {
	below, err := archiveTarget(r)
	if err != nil {
		return err
	}
	released, err := s.archives.take(r.Context(), userOf(r).ID, bodySize(r, s.cfg.MaxArchiveBytes))
	if err != nil {
		return err
	}
	defer released()
	// The directory of a zip stands at its end: it has to be kept first.
	file, err := os.CreateTemp(s.cfg.TempDir, "upload-*.zip")
	if err != nil {
		return fmt.Errorf("keep the upload: %w", err)
	}
	defer func() {
		if err := errors.Join(file.Close(), os.Remove(file.Name())); err != nil {
			s.log.WarnContext(r.Context(), "the upload's file was not removed", "error", err)
		}
	}()
	size, err := io.Copy(file, http.MaxBytesReader(w, r.Body, s.cfg.MaxArchiveBytes))
	if err != nil {
		return fmt.Errorf("receive the upload: %w", err)
	}
	// Until here a slow client holds disk only.
	free, err := s.unpacks.take(r.Context(), userOf(r).ID, 1)
	if err != nil {
		return err
	}
	defer free()
	archive, err := s.openArchive(file, size)
	if err != nil {
		return err
	}
	contents, err := s.checkArchive(archive, below)
	if err != nil {
		return err
	}
	count, err := s.cfg.Store.ImportFiles(r.Context(), postgres.ImportRequest{
		SessionID: sessionOf(r).ID, UserID: userOf(r).ID, Source: backend.SourceAPI, Limits: s.cfg.Limits,
	}, s.unpack(contents.files))
	if err != nil {
		return late(count, err)
	}
	for _, folder := range contents.folders {
		if _, _, err := s.cfg.Store.MakeFolder(r.Context(), s.pathRequest(r, folder)); err != nil {
			return late(count, err)
		}
	}
	message := "Unpacked " + strconv.Itoa(count) + " files"
	if n := len(contents.skipped); n > 0 {
		message += "; " + strconv.Itoa(n) + " links and special files were left out"
	}
	s.answer(w, r, http.StatusOK, unpackedBody{Message: message, Files: count, Skipped: contents.skipped})
	return nil
}

// late is err, and what was unpacked before it.
func late(count int, err error) error {
	if count == 0 {
		return err
	}
	return &lateError{count, err}
}

// lateError is what ends the unpacking of an archive after count of its files, which stay.
type lateError struct {
	count int
	err   error
}

// Error implements error.
func (e *lateError) Error() string { return e.said() + e.err.Error() }

// Unwrap returns what ended it.
func (e *lateError) Unwrap() error { return e.err }

func (e *lateError) said() string {
	return "the first " + strconv.Itoa(e.count) + " files of the archive were unpacked, then: "
}

// openArchive reads the directory of a zip. What it may take is capped: a few hundred megabytes of nothing but
// directory would become gigabytes of memory.
func (s *server) openArchive(file io.ReaderAt, size int64) (*zip.Reader, error) {
	limited := &readBudget{ReaderAt: file, left: directoryBytes(s.cfg.Limits.MaxFiles)}
	archive, err := zip.NewReader(limited, size)
	if errors.Is(err, errBudget) {
		return nil, backend.Errorf(backend.CodeTooLarge, "the archive's directory is too large; a workspace may have %d files", s.cfg.Limits.MaxFiles)
	}
	if err != nil {
		return nil, badRequest("the body is not a zip archive that can be read", err)
	}
	limited.lift()
	return archive, nil
}

// directoryBytes is the longest directory that an archive of so many files normally has, with what stands around it.
func directoryBytes(files int64) int64 { return files*256 + 256<<10 }

var errBudget = errors.New("read more than is allowed")

// readBudget ends reading after left bytes in all. Not for concurrent use until it is lifted.
type readBudget struct {
	io.ReaderAt
	left   int64
	lifted bool
}

func (b *readBudget) lift() { b.lifted = true }

// ReadAt implements io.ReaderAt.
func (b *readBudget) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.ReaderAt.ReadAt(p, off)
	if b.lifted {
		return n, err
	}
	if b.left -= int64(n); b.left < 0 {
		return 0, errBudget
	}
	return n, err
}

func archiveTarget(r *http.Request) (string, error) {
	below := r.URL.Query().Get("path")
	if strings.Trim(below, "/") == "" {
		return "", nil
	}
	clean, err := backend.CleanPath(below)
	if err != nil {
		return "", err
	}
	return clean + "/", nil
}

type archiveEntry struct {
	path string
	file *zip.File
}

// archiveContents is what an archive holds, with the paths that it will have.
type archiveContents struct {
	files []archiveEntry
	// folders that no file brings with it.
	folders []string
	// skipped are links and special files: a workspace gets those from its environment only.
	skipped []string
}

// encrypted is the flag of an entry that only its password opens (APPNOTE.TXT of PKWARE, 4.4.4).
const encrypted = 1

// checkArchive refuses what could not be taken as a whole: names that leave the workspace or are a file's and a folder's at
// once, contents that cannot be read, and more files or bytes than the caps allow. The sizes that a zip claims are held to
// while it is unpacked.
func (s *server) checkArchive(archive *zip.Reader, below string) (archiveContents, error) {
	contents := archiveContents{skipped: []string{}}
	var total uint64
	made := map[string]bool{}
	for _, file := range archive.File {
		path, err := backend.CleanPath(below + file.Name)
		if err != nil || strings.HasPrefix(file.Name, "/") {
			return contents, invalid("archive", fmt.Sprintf("holds the name %q, which is not a path in the workspace", file.Name))
		}
		switch {
		case strings.HasSuffix(file.Name, "/"):
			contents.folders = append(contents.folders, path)
			continue
		case !file.Mode().IsRegular():
			contents.skipped = append(contents.skipped, path)
			continue
		case file.UncompressedSize64 > uint64(max(s.cfg.Limits.MaxFileBytes, 0)):
			return contents, backend.Errorf(backend.CodeTooLarge, "%q in the archive has %d bytes; %d are allowed", file.Name, file.UncompressedSize64, s.cfg.Limits.MaxFileBytes)
		case file.Flags&encrypted != 0:
			return contents, invalid("archive", fmt.Sprintf("holds %q with a password: unpack it on your machine, and upload the files", file.Name))
		case file.Method != zip.Store && file.Method != zip.Deflate:
			return contents, invalid("archive", fmt.Sprintf("holds %q packed by a method that is not read here (%d): pack it with the usual one, deflate", file.Name, file.Method))
		}
		total += file.UncompressedSize64
		contents.files = append(contents.files, archiveEntry{path: path, file: file})
		made[path] = true
		makeParents(made, path)
	}
	if path := fileAndFolder(contents); path != "" {
		return contents, invalid("archive", fmt.Sprintf("holds %q as a file and as a folder", path))
	}
	if total > uint64(max(s.cfg.Limits.MaxWorkspaceBytes, 0)) {
		return contents, backend.Errorf(backend.CodeTooLarge, "the archive unpacks to %d bytes; a workspace may have %d", total, s.cfg.Limits.MaxWorkspaceBytes)
	}
	if count := int64(len(archive.File)); count > s.cfg.Limits.MaxFiles {
		return contents, backend.Errorf(backend.CodeTooLarge, "the archive holds %d files and folders; a workspace may have %d", count, s.cfg.Limits.MaxFiles)
	}
	// The deepest ones first, for they bring those above them.
	slices.SortFunc(contents.folders, func(a, b string) int { return len(b) - len(a) })
	contents.folders = slices.DeleteFunc(contents.folders, func(path string) bool {
		if made[path] {
			return true
		}
		made[path] = true
		makeParents(made, path)
		return false
	})
	return contents, nil
}

// fileAndFolder returns a path that would have to be both; "": there is none.
func fileAndFolder(contents archiveContents) string {
	files := make(map[string]bool, len(contents.files))
	for _, entry := range contents.files {
		files[entry.path] = true
	}
	for _, folder := range contents.folders {
		if files[folder] {
			return folder
		}
	}
	for _, path := range append(slices.Collect(maps.Keys(files)), contents.folders...) {
		for folder := range foldersAbove(path) {
			if files[folder] {
				return folder
			}
		}
	}
	return ""
}

// foldersAbove are the folders that a path is in, the nearest first.
func foldersAbove(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := strings.LastIndexByte(path, '/'); i > 0; i = strings.LastIndexByte(path, '/') {
			if path = path[:i]; !yield(path) {
				return
			}
		}
	}
}

// makeParents notes the folders above path. One that is noted has its own noted.
func makeParents(made map[string]bool, path string) {
	for folder := range foldersAbove(path) {
		if made[folder] {
			return
		}
		made[folder] = true
	}
}

func (s *server) unpack(entries []archiveEntry) iter.Seq2[postgres.NewFile, error] {
	return func(yield func(postgres.NewFile, error) bool) {
		for _, entry := range entries {
			content, err := readEntry(entry.file)
			if err != nil {
				yield(postgres.NewFile{}, err)
				return
			}
			mode := uint32(entry.file.Mode().Perm())
			if mode == 0 {
				mode = 0o644 // the archiver noted none
			}
			if !yield(postgres.NewFile{Path: entry.path, Content: content, Mode: mode}, nil) {
				return
			}
		}
	}
}

// readEntry reads no more than the size that was checked.
func readEntry(file *zip.File) ([]byte, error) {
	r, err := file.Open()
	if err != nil {
		return nil, badRequest(fmt.Sprintf("%q in the archive cannot be read", file.Name), err)
	}
	content, err := io.ReadAll(io.LimitReader(r, int64(min(file.UncompressedSize64, 1<<40))+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, badRequest(fmt.Sprintf("%q in the archive cannot be read", file.Name), err)
	}
	if uint64(len(content)) != file.UncompressedSize64 {
		return nil, badRequest(fmt.Sprintf("%q in the archive is not as large as it says", file.Name), nil)
	}
	return content, nil
}
