package awsapi

// ErrorCode returns the error code of a response, "" if it has none. It looks
// wherever any protocol puts it; p only says where to look first. Names are
// canonical header names; header may be nil. The result is cut as SDKs cut it:
// "ns#Code:http://..." is "Code".
func ErrorCode(p Protocol, status int, header func(name string) string, body []byte) string {
	return ""
}
