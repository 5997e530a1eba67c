package replay

import (
	"bytes"
	"mime"
	"slices"
	"strings"
)

// A formData is the body of a browser's upload (RFC 7578): fields, and between
// them what stays as it is. It refers to the body that it was parsed from.
type formData struct {
	boundary string
	fields   []formField
	rest     []byte // the last boundary and what follows
}

// A formField is one part of a form.
type formField struct {
	lead  []byte // the boundary before it, its head and the empty line
	name  string
	value []byte
	file  bool // content, not a field
}

// isFormData reports whether a request is a browser's upload.
func (r *request) isFormData() bool {
	const media = "multipart/form-data"
	t := r.Get("Content-Type")
	return r.Method == "POST" && len(t) > len(media) && equalFold(t[:len(media)], media)
}

// parseFormData takes a form apart; false if it is none.
func (r *request) parseFormData() (f formData, ok bool) {
	_, params, err := mime.ParseMediaType(r.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return f, false
	}
	f.boundary = params["boundary"]
	mark := []byte("\r\n--" + f.boundary)
	rest := r.body
	i := 0
	if !bytes.HasPrefix(rest, mark[2:]) {
		if i = bytes.Index(rest, mark); i < 0 {
			return f, false
		}
		i += 2
	}
	i += len(mark) - 2
	for {
		if bytes.HasPrefix(rest[i:], []byte("--")) {
			f.rest = rest
			return f, true
		}
		head := bytes.Index(rest[i:], []byte("\r\n\r\n"))
		if head < 0 {
			return f, false
		}
		start := i + head + 4
		n := bytes.Index(rest[start-2:], mark) // the line break of an empty value is that of its head
		if n < 0 {
			return f, false
		}
		end := max(start-2+n, start)
		field := formField{lead: rest[:start], value: rest[start:end]}
		for line := range strings.SplitSeq(string(rest[i:i+head]), "\r\n") {
			key, v, _ := strings.Cut(line, ":")
			if !strings.EqualFold(strings.TrimSpace(key), "Content-Disposition") {
				continue
			}
			_, params, err := mime.ParseMediaType(v)
			if err != nil {
				return f, false
			}
			_, isFile := params["filename"]
			field.name = params["name"]
			field.file = isFile || strings.EqualFold(field.name, "file")
		}
		f.fields = append(f.fields, field)
		i = start - 2 + n + len(mark) - end
		rest = rest[end:]
	}
}

// maxFormFields bounds what may stand before the content in a form whose body is
// kept in a file. S3 allows 20 KB.
const maxFormFields = 64 << 10

// openForm makes the fields of a form that is kept in a file the request's body, with
// the end of a form in place of the content. What has no fields that could be
// found, nor a policy, stays in its file.
func (r *request) openForm() error {
	head := make([]byte, min(r.stored.size, maxFormFields))
	if _, err := r.stored.file.ReadAt(head, 0); err != nil {
		return refuse("%v", err)
	}
	end := r.formEnd()
	for i := 0; ; {
		n := bytes.Index(head[i:], []byte("\r\n\r\n"))
		if n < 0 {
			break
		}
		i += n + 4
		r.body = append(head[:i:i], end...)
		if f, ok := r.parseFormData(); ok && f.fields[len(f.fields)-1].file {
			r.stored.skip = int64(i)
			return nil
		}
	}
	r.body = nil
	if bytes.Contains(bytes.ToLower(head), []byte(`name="policy"`)) {
		return refuse("the form of %s can not be signed anew: its policy must stand before the file, and all fields within %d bytes", plural(r.stored.size, "byte", "bytes"), maxFormFields)
	}
	return nil
}

// closeForm puts the fields back before what is in the file.
func (r *request) closeForm() {
	if r.stored.skip > 0 {
		r.stored.lead, r.body = r.body[:len(r.body)-len(r.formEnd())], nil
	}
}

// formEnd is the last boundary of a form.
func (r *request) formEnd() string {
	_, params, _ := mime.ParseMediaType(r.Get("Content-Type")) // what is none has no fields either
	return "\r\n--" + params["boundary"] + "--\r\n"
}

// appendTo appends the form as it goes out.
func (f *formData) appendTo(dst []byte) []byte {
	for i := range f.fields {
		dst = append(append(dst, f.fields[i].lead...), f.fields[i].value...)
	}
	return append(dst, f.rest...)
}

// field returns the field of a name, in any case; nil if there is none.
func (f *formData) field(name string) *formField {
	for i := range f.fields {
		if x := &f.fields[i]; !x.file && strings.EqualFold(x.name, name) {
			return x
		}
	}
	return nil
}

// set gives a field a value; one that is not there is added
// behind the first, before what is uploaded.
func (f *formData) set(name, value string) {
	if x := f.field(name); x != nil {
		x.value = []byte(value)
		return
	}
	lead := "\r\n--" + f.boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n"
	f.fields = slices.Insert(f.fields, 1, formField{lead: []byte(lead), name: name, value: []byte(value)})
}

// remove takes a field out.
func (f *formData) remove(name string) {
	for i := range f.fields {
		x := &f.fields[i]
		if x.file || !strings.EqualFold(x.name, name) {
			continue
		}
		if i == 0 && len(f.fields) > 1 {
			f.fields[1].lead = bytes.TrimPrefix(f.fields[1].lead, []byte("\r\n"))
		}
		f.fields = slices.Delete(f.fields, i, i+1)
		return
	}
}

// rewriteFormData replaces bound values in the fields of a form, also in its
// policy, and leaves what is uploaded alone.
func (w *rewriter) rewriteFormData(k *correlator, r *request) (changed bool) {
	f, ok := r.parseFormData()
	if !ok {
		return false
	}
	for i := range f.fields {
		x := &f.fields[i]
		if x.file || !isText(x.value) {
			continue
		}
		n := len(w.used)
		text, used := k.translate(x.value, false, w.used)
		if len(used) == n {
			v, ok := k.scoped.find([]byte(x.name), x.value)
			if !ok {
				continue
			}
			text, used = []byte(v), append(used, replaced{string(x.value), v})
		}
		x.value, w.used, changed = text, used, true
	}
	if changed {
		r.body = f.appendTo(nil)
	}
	return changed
}
