package filesync

import (
	"context"
	"strings"

	"codingplatform/backend"
)

// overtake mends what a program has overtaken: a change of the database that reached its path after the disk's own move
// or deletion of a folder above had been committed. It is where the database no longer has it, and is not where it has.
func (s *Syncer) overtake(ctx context.Context, applied, changes []backend.Change) error {
	for _, c := range applied {
		for _, t := range changes {
			if t.Source != backend.SourceTerminal || t.Revision <= c.Revision || t.Op == backend.OpPut && t.Type == backend.TypeFolder {
				continue
			}
			var err error
			switch {
			case t.Op == backend.OpMove && isAt(c.Path, t.From):
				err = s.carryOn(ctx, c, t.Path+strings.TrimPrefix(c.Path, t.From))
			case isAt(c.Path, t.Path) && c.Op != backend.OpDelete:
				err = s.withdraw(ctx, c)
			default:
				continue
			}
			if err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// isAt says whether a path is another one, or below it.
func isAt(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (rest == "" || rest[0] == '/')
}

// present is what is at a path now; a zero Item: nothing.
func (s *Syncer) present(ctx context.Context, path string) (item backend.Item, err error) {
	err = s.retry(ctx, "read an item", func() error {
		item, err = s.cfg.Store.Item(ctx, s.session, path)
		if backend.CodeOf(err) == backend.CodeNotFound {
			item = backend.Item{}
			return nil
		}
		return err
	})
	return item, err
}

// withdraw removes from the disk what the database has no more at its path.
func (s *Syncer) withdraw(ctx context.Context, c backend.Change) error {
	now, err := s.present(ctx, c.Path)
	if err != nil || now.Type != "" {
		return err
	}
	gone := backend.Change{Op: backend.OpDelete, Item: c.Item, Previous: c.Hash, PreviousType: c.Type}
	return s.apply(ctx, []backend.Change{gone})
}

// carryOn brings a change to where its path has been moved.
func (s *Syncer) carryOn(ctx context.Context, c backend.Change, to string) error {
	if c.Op == backend.OpDelete {
		moved := c
		moved.Path = to
		moved.Revision = 0 // the disk may know it since its own move
		now, err := s.present(ctx, to)
		if err != nil || now.Type != "" {
			return err
		}
		return s.apply(ctx, []backend.Change{moved})
	}
	if err := s.withdraw(ctx, c); err != nil {
		return err
	}
	now, err := s.present(ctx, to)
	if err != nil || now.Type == "" || now.Unsaved != backend.Saved {
		return err
	}
	if c.Op == backend.OpMove {
		return s.bring(ctx, to)
	}
	if now.Type != c.Type || now.Hash != c.Hash {
		return nil // it has changed once more, which the feed tells
	}
	return s.apply(ctx, []backend.Change{{Op: backend.OpPut, Item: now, Previous: c.Previous, PreviousType: c.PreviousType}})
}
