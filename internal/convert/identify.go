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
	headers, err := l.Headers(entry.FieldRequestHeaders)
	if err != nil {
		return nil, l.Errorf("%w", err)
	}
	body, err := l.Body(entry.FieldRequestBody)
	if err != nil {
		return nil, l.Errorf("%w", err)
	}
	host := l.Text(entry.FieldHost)
	if host == "" {
		host = headers.Get("Host")
	}
	path, query := l.PathQuery()
	call := awsapi.Identify(&awsapi.Request{
		Method: l.Text(entry.FieldMethod), Host: host, Path: path, RawQuery: query,
		Header: headers.Get, Body: body.Data[:min(len(body.Data), 64<<10)],
	})
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
