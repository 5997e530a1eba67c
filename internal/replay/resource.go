package replay

import (
	"bytes"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/neureaux/cloudmock/internal/awsapi"
)

// mode is how a call uses a resource, as in multi-granularity locking: a call
// on an object intends to read or change its bucket, a call on the bucket
// itself reads or changes all of it.
type mode uint8

const (
	intentRead mode = iota
	intentWrite
	read
	write
)

// conflict[a][b] says that the order of a and b on one resource matters.
var conflict = [4][4]bool{
	intentRead:  {write: true},
	intentWrite: {read: true, write: true},
	read:        {intentWrite: true, write: true},
	write:       {true, true, true, true},
}

// resourceUse is a resource, by the hash of its name, and how a job uses it.
type resourceUse struct {
	resource uint64
	mode     mode
}

// resourceUser is a job that uses a resource.
type resourceUser struct {
	job  *job
	mode mode
}

// claim makes a job wait for the earlier ones that use the same resources, and
// notes its own use.
func (s *scheduler) claim(j *job) {
	for _, u := range j.uses {
		users := s.resources[u.resource]
		for _, other := range users {
			// Where time says that j came first, place does not count.
			if other.job != j && conflict[u.mode][other.mode] && !j.ran.before(other.job.ran, false) {
				s.follow(j, other.job)
			}
		}
		s.resources[u.resource] = append(users, resourceUser{j, u.mode})
	}
}

// await makes a job wait for the earlier ones whose recorded answer holds what
// its request needs, where time alone does not say so.
func (s *scheduler) await(j *job) {
	if len(j.needs) == 0 {
		return
	}
	for _, other := range s.ends.jobs {
		if len(other.makes) > 0 && !other.ran.before(j.ran, true) && !j.ran.before(other.ran, false) && slices.ContainsFunc(j.needs, func(h uint64) bool { return slices.Contains(other.makes, h) }) {
			s.follow(j, other)
		}
	}
}

// release forgets the uses of a job that has ended.
func (s *scheduler) release(j *job) {
	for _, u := range j.uses {
		users := s.resources[u.resource]
		for i := range users {
			if users[i].job == j {
				users = append(users[:i], users[i+1:]...)
				break
			}
		}
		if len(users) == 0 {
			delete(s.resources, u.resource)
		} else {
			s.resources[u.resource] = users
		}
	}
}

// A labeler finds the resources of a call.
type labeler struct{ seed maphash.Seed }

func newLabeler() labeler { return labeler{maphash.MakeSeed()} }

// name hashes the parts of a resource's name.
func (l labeler) name(service string, parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	h.WriteString(service)
	for _, p := range parts {
		h.WriteByte(0)
		h.WriteString(p)
	}
	return h.Sum64()
}

// label appends the resources that the request uses. A call whose resources
// are unknown uses its service as a whole.
func (l labeler) label(dst []resourceUse, r *request) []resourceUse {
	direct, intent := write, intentWrite
	if readsOnly(r) {
		direct, intent = read, intentRead
	}
	service := r.api.Service
	if r.api.Bucket != "" && strings.HasPrefix(service, "s3") {
		key := objectKey(r)
		if key == "" {
			if r.RawQuery != "" && r.Method == "POST" || r.Method == "GET" || r.Method == "HEAD" {
				// Lists and batch deletes act on all keys.
				return append(dst, resourceUse{l.name("s3", r.api.Bucket), direct})
			}
			return append(dst, resourceUse{l.name("s3", r.api.Bucket), direct}, resourceUse{l.name("s3"), intent})
		}
		dst = append(dst, resourceUse{l.name("s3", r.api.Bucket), intent}, resourceUse{l.name("s3", r.api.Bucket, key), direct})
		if from := r.Get("X-Amz-Copy-Source"); from != "" {
			from, _, _ = strings.Cut(strings.TrimPrefix(from, "/"), "?")
			bucket, key, _ := strings.Cut(from, "/")
			dst = append(dst, resourceUse{l.name("s3", bucket), intentRead}, resourceUse{l.name("s3", bucket, key), read})
		}
		return dst
	}
	start := len(dst)
	add := func(value string) {
		if n := simpleName(value); n != "" {
			id := l.name(service, n)
			for _, u := range dst[start:] {
				if u.resource == id {
					return
				}
			}
			dst = append(dst, resourceUse{id, direct})
		}
	}
	body := bytes.TrimLeft(r.body, " \r\n\t")
	switch {
	case len(body) > 0 && body[0] == '{' && len(body) < 1<<20:
		gjson.ParseBytes(body).ForEach(func(key, value gjson.Result) bool {
			if value.Type == gjson.String && isResourceMember(key.Str) {
				add(value.Str)
			} else if key.Str == "RequestItems" && value.IsObject() { // DynamoDB's batches: by table
				value.ForEach(func(table, _ gjson.Result) bool { add(table.Str); return true })
			}
			return len(dst)-start < 16
		})
	case r.api.Protocol == awsapi.AWSQuery || r.api.Protocol == awsapi.EC2Query:
		text := r.RawQuery
		if len(body) > 0 && len(body) < 1<<20 {
			text = string(body)
		}
		for pair := range strings.SplitSeq(text, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if isResourceMember(name) && len(dst)-start < 16 {
				add(strings.ReplaceAll(strings.ReplaceAll(value, "%2F", "/"), "%3A", ":"))
			}
		}
	}
	if op := r.api.Operation(); op != nil && strings.Contains(op.URI, "{") {
		uri, _, _ := strings.Cut(op.URI, "?")
		path := r.Path
		for uri != "" && path != "" {
			var label, part string
			label, uri, _ = strings.Cut(strings.TrimPrefix(uri, "/"), "/")
			part, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
			if strings.HasPrefix(label, "{") {
				add(strings.ReplaceAll(strings.ReplaceAll(part, "%2F", "/"), "%3A", ":"))
				break // what stands behind is inside the first
			}
		}
	}
	if len(dst) == start {
		return append(dst, resourceUse{l.name(service), direct})
	}
	return append(dst, resourceUse{l.name(service), intent})
}

// isResourceMember reports the names of members that say on what a call acts.
func isResourceMember(name string) bool {
	if strings.Contains(name, "Token") || strings.Contains(name, "Request") || strings.Contains(name, "Handle") {
		return false
	}
	for _, suffix := range []string{"Name", "Arn", "ARN", "Url", "Id", "ID"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// simpleName takes the name out of an ARN or URL, so that a queue's name, URL
// and ARN are one resource.
func simpleName(s string) string {
	if i := strings.LastIndexAny(s, "/:"); i >= 0 && i < len(s)-1 {
		return s[i+1:]
	}
	return s
}

func objectKey(r *request) string {
	path := r.Path
	if !r.api.VirtualHost {
		_, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		return path
	}
	return strings.TrimPrefix(path, "/")
}

// readsOnly reports whether a call changes nothing.
func readsOnly(r *request) bool {
	if op := r.api.Operation(); op != nil {
		return op.ReadOnly()
	}
	if r.Method == "GET" || r.Method == "HEAD" || r.Method == "OPTIONS" {
		return true
	}
	for _, verb := range []string{"Get", "List", "Describe", "Head", "BatchGet", "Query", "Scan"} {
		if strings.HasPrefix(r.api.Action, verb) {
			return true
		}
	}
	return false
}
