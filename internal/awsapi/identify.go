package awsapi

// Identify tells which call a request is. It never fails: what it cannot tell
// stays empty.
func Identify(r *Request) Call { return Call{} }
