package api

import (
	"time"

	"codingplatform/backend"
)

// itemBody is a workspace item in an answer.
type itemBody struct {
	Name          string                `json:"name"`
	Path          string                `json:"path"`
	Type          backend.FileType      `json:"type"`
	Size          int64                 `json:"size"`
	Mode          uint32                `json:"mode"`
	Revision      int64                 `json:"revision"`
	UpdatedAt     time.Time             `json:"updated_at"`
	Saved         bool                  `json:"saved"`
	UnsavedReason backend.UnsavedReason `json:"unsaved_reason"`
	LinkTarget    string                `json:"link_target"`
}

func newItemBody(i backend.Item) itemBody {
	return itemBody{
		Name: i.Name(), Path: i.Path, Type: i.Type, Size: i.Size, Mode: i.Mode, Revision: i.Revision,
		UpdatedAt: i.UpdatedAt.UTC(), Saved: i.Unsaved == backend.Saved, UnsavedReason: i.Unsaved, LinkTarget: i.LinkTarget,
	}
}

// fileBody is an item with its content.
type fileBody struct {
	itemBody
	Content  string `json:"content"`
	Encoding string `json:"encoding"`
	// ContentOmitted: the file is larger than what was asked for.
	ContentOmitted bool `json:"content_omitted,omitempty"`
}

// messageBody is the answer of a call that has no more to tell than that it worked.
type messageBody struct {
	Message string `json:"message"`
}

// removedBody is the answer of a deletion: restoring what there was one revision before undoes it.
type removedBody struct {
	Message  string `json:"message"`
	Revision int64  `json:"revision"`
}

// changedBody is the answer of a call that left an item.
type changedBody struct {
	Message string   `json:"message"`
	File    itemBody `json:"file"`
}
