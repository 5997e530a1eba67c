package convert

import (
	"context"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// Identify is a pipe.Stage that fills in service, region and action where an
// entry lacks them, from what the request shows. What the entry says stays.
func Identify(_ context.Context, l *entry.Line) (*entry.Line, error) {
	missing := func(f entry.Field) bool { return l.Text(f) == "" }
	if !missing(entry.FieldService) && !missing(entry.FieldRegion) && !missing(entry.FieldAction) {
		return l, nil
	}
	call, err := awsapi.IdentifyEntry(&l.Object)
	if err != nil {
		return nil, l.Errorf("%w", err)
	}
	for _, found := range []struct {
		field entry.Field
		value string
	}{
		{entry.FieldService, call.Service},
		{entry.FieldRegion, call.Region},
		{entry.FieldAction, call.Action},
	} {
		if found.value != "" && missing(found.field) {
			l.SetText(found.field, found.value)
		}
	}
	return l, nil
}
