package awsapi

// An Operation is one operation of one service. It is read-only.
type Operation struct {
	// Name is the operation's name as in the model, Method and URI its HTTP
	// binding ("/" and POST where the protocol has none).
	Name, Method, URI string
	// HostPrefix goes before the host name, such as "data-" or "{AccountId}."
	HostPrefix string

	service *service
	flags   uint8
	number  int32
}

// ServiceID is the model's id of the operation's service.
func (o *Operation) ServiceID() string { return "" }

// ReadOnly reports whether the operation only looks: sent twice, it changes nothing.
func (o *Operation) ReadOnly() bool { return false }

// Unauthenticated reports whether clients send it unsigned, as sts
// AssumeRoleWithWebIdentity.
func (o *Operation) Unauthenticated() bool { return false }

// UnsignedPayload reports whether clients sign it without the body's digest.
func (o *Operation) UnsignedPayload() bool { return false }

// Input is the structure of the request in protocol p, all locations together.
func (o *Operation) Input(p Protocol) Shape { return Shape{} }

// Output is the structure of the response in protocol p, all locations together.
func (o *Operation) Output(p Protocol) Shape { return Shape{} }

// RequestBody is the shape of the request's document: inside the root element
// if it is XML. It is the payload member's where the operation has one.
func (o *Operation) RequestBody(p Protocol) Shape { return Shape{} }

// ResponseBody is the shape of the response's document: inside the root element
// if it is XML, so that in awsQuery it has one member, "<Action>Result".
func (o *Operation) ResponseBody(p Protocol) Shape { return Shape{} }

type service struct{}
