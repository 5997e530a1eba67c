package awsapi

import "github.com/neureaux/cloudmock/pkg/entry"

// IdentifyEntry finds out which call a recorded entry is. What the entry says
// of itself goes before what its request shows. The error names a field that is
// not of its type.
func IdentifyEntry(o *entry.Object) (Call, error) {
	headers, err := o.Headers(entry.FieldRequestHeaders)
	if err != nil {
		return Call{}, err
	}
	body, err := o.Body(entry.FieldRequestBody)
	if err != nil {
		return Call{}, err
	}
	host := o.Text(entry.FieldHost)
	if host == "" {
		host = headers.Get("Host")
	}
	path, query := o.PathQuery()
	call := Identify(&Request{
		Method: o.Text(entry.FieldMethod), Host: host, Path: path, RawQuery: query,
		Header: headers.Get, Body: body.Data[:min(len(body.Data), 64<<10)],
		Service: o.Text(entry.FieldService),
	})
	for f, v := range map[entry.Field]*string{
		entry.FieldService: &call.Service, entry.FieldRegion: &call.Region, entry.FieldAction: &call.Action,
	} {
		if s := o.Text(f); s != "" {
			*v = s
		}
	}
	if o := call.operation; o == nil || o.Name != call.Action {
		call.operation = loadTable().operation(call.ServiceID, call.Service, call.Action)
		if call.operation != nil {
			call.ServiceID = call.operation.service.id
		}
	}
	return call, nil
}
