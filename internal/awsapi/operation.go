package awsapi

// An Operation is one operation of one service. It is read-only.
type Operation struct {
	// Name is the operation's name as in the model.
	Name string
	// Method and URI are its HTTP binding: the path's template with labels
	// "{Name}", "{Name+}" and constant query parameters. POST and "/" where the
	// service's operations do not differ in them.
	Method, URI string
	// HostPrefix goes before the host name, such as "data-" or "{AccountId}."
	HostPrefix string

	service *service
	flags   uint8
	number  int
}

// Flags of an operation, as gen writes them.
const (
	flagReadOnly = 1 << iota
	flagUnauthenticated
	flagUnsignedPayload
	flagDeprecated
	flagStale // in no current model
)

// ServiceID is the model's id of the operation's service.
func (o *Operation) ServiceID() string { return o.service.id }

// ReadOnly reports whether the operation only looks: calling it changes nothing
// but what it costs. Where the model does not say, the name tells.
func (o *Operation) ReadOnly() bool { return o.flags&flagReadOnly != 0 }

// Unauthenticated reports whether clients send it unsigned, as they do sts
// AssumeRoleWithWebIdentity.
func (o *Operation) Unauthenticated() bool { return o.flags&flagUnauthenticated != 0 }

// UnsignedPayload reports whether clients sign it without the body's digest.
func (o *Operation) UnsignedPayload() bool { return o.flags&flagUnsignedPayload != 0 }

// Protocols lists what the operation's service speaks, its first choice first.
func (o *Operation) Protocols() []Protocol { return append([]Protocol(nil), o.service.protocols...) }

// LookUp returns the operation of a service (signing name or ServiceID), nil if
// there is none. Where services share a signing name, the first that has it wins.
func LookUp(service, action string) *Operation {
	return loadTable().operation(service, service, action)
}

// operation looks in the service with the id, then in those that sign with the name.
func (t *table) operation(id, signing, action string) *Operation {
	if s := t.service(id); s != nil {
		if o := s.operation(action); o != nil {
			return o
		}
	}
	for _, s := range t.bySigning[lower(signing)] {
		if o := s.operation(action); o != nil {
			return o
		}
	}
	return nil
}

func (s *service) operation(name string) *Operation { return s.operations().byName[name] }

// operations is a service's decoded part of the table.
type operations struct {
	list   []Operation
	byName map[string]*Operation
	routes *router // nil without REST
}

func newOperations(s *service) *operations {
	d := decoder{rest: s.operationData}
	n := d.uint()
	ops := &operations{list: make([]Operation, n), byName: make(map[string]*Operation, n)}
	for i := range ops.list {
		o := &ops.list[i]
		*o = Operation{Name: d.text(), HostPrefix: d.text(), flags: d.byte(), service: s, number: i}
		ops.byName[o.Name] = o
		o.Method, o.URI = "POST", "/"
		for j := range d.uint() {
			if ops.routes == nil {
				ops.routes = &router{}
			}
			method, uri := d.text(), d.text()
			if j == 0 {
				o.Method, o.URI = method, uri
			}
			ops.routes.add(o, method, uri, d.list(), d.list(), j == 0)
		}
	}
	if ops.routes != nil {
		ops.routes.root.finish()
	}
	return ops
}
