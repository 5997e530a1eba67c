package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// A model is one service-2.json, as botocore and the AWS SDK for JavaScript v2
// ship it, or made from version 3 by extract.cjs. Shapes are named, or written
// out where they are used.
type model struct {
	source   string
	Metadata struct {
		APIVersion         string          `json:"apiVersion"`
		ServiceID          string          `json:"serviceId"`
		SigningName        string          `json:"signingName"`
		EndpointPrefix     string          `json:"endpointPrefix"`
		GlobalEndpoint     string          `json:"globalEndpoint"`
		Protocol           string          `json:"protocol"`
		Protocols          []string        `json:"protocols"`
		JSONVersion        string          `json:"jsonVersion"`
		TargetPrefix       string          `json:"targetPrefix"`
		SignatureVersion   string          `json:"signatureVersion"`
		AWSQueryCompatible json.RawMessage `json:"awsQueryCompatible"`
	} `json:"metadata"`
	Operations map[string]*operation `json:"operations"`
	Shapes     map[string]*shape     `json:"shapes"`
}

type operation struct {
	HTTP struct {
		Method     string `json:"method"`
		RequestURI string `json:"requestUri"`
	} `json:"http"`
	Endpoint struct {
		HostPrefix string `json:"hostPrefix"`
	} `json:"endpoint"`
	AuthType        string   `json:"authtype"`
	Auth            []string `json:"auth"`
	UnsignedPayload bool     `json:"unsignedPayload"`
	ReadOnly        bool     `json:"readonly"`
	Deprecated      bool     `json:"deprecated"`
	Input, Output   *shape
}

// A shape is a definition, or a reference to one with the traits of its place.
type shape struct {
	Shape            string            `json:"shape"`
	Type             string            `json:"type"`
	Members          map[string]*shape `json:"members"`
	Member           *shape            `json:"member"`
	Key              *shape            `json:"key"`
	Value            *shape            `json:"value"`
	Required         []string          `json:"required"`
	Location         string            `json:"location"`
	LocationName     string            `json:"locationName"`
	XMLName          string            `json:"xmlName"`
	QueryName        string            `json:"queryName"`
	Payload          string            `json:"payload"`
	ResultWrapper    string            `json:"resultWrapper"`
	TimestampFormat  string            `json:"timestampFormat"`
	Flattened        bool              `json:"flattened"`
	XMLAttribute     bool              `json:"xmlAttribute"`
	Sensitive        bool              `json:"sensitive"`
	Enum             []string          `json:"enum"`
	IdempotencyToken bool              `json:"idempotencyToken"`
	Streaming        bool              `json:"streaming"`
	EventStream      bool              `json:"eventstream"`
	Document         bool              `json:"document"`
	Union            bool              `json:"union"`
	HostLabel        bool              `json:"hostLabel"`
}

// define follows s to its definition.
func (m *model) define(s *shape) *shape {
	for range 8 {
		if s == nil || s.Shape == "" {
			break
		}
		s = m.Shapes[s.Shape]
	}
	return s
}

// openEnums makes no secret of one of a few words that the model itself lists, such
// as BLOCK or NONE: a service refuses any other.
func (m *model) openEnums() {
	for _, s := range m.Shapes {
		if len(s.Enum) > 0 {
			s.Sensitive = false
		}
		for _, member := range s.Members {
			if target := m.define(member); target != nil && len(target.Enum) > 0 {
				member.Sensitive = false
			}
		}
	}
}

func (m *model) check() error {
	if m.Metadata.ServiceID == "" {
		return fmt.Errorf("%s: no service id", m.source)
	}
	return nil
}

// readBotocore reads the models below a botocore data directory, for each
// service the newest version first.
func readBotocore(dir, version string) ([]*model, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "service-2.json*"))
	if err != nil {
		return nil, err
	}
	sort.Sort(sort.Reverse(sort.StringSlice(files)))
	var out []*model
	for _, file := range files {
		m := &model{source: "botocore " + version}
		if err := readJSON(file, m); err != nil {
			return nil, err
		}
		m.openEnums()
		out = append(out, m)
	}
	return out, nil
}

// readV2 reads the models of the AWS SDK for JavaScript v2.
func readV2(dir, version string) ([]*model, error) {
	files, err := filepath.Glob(filepath.Join(dir, "apis", "*-20*.min.json"))
	if err != nil {
		return nil, err
	}
	sort.Sort(sort.Reverse(sort.StringSlice(files)))
	var out []*model
	for _, file := range files {
		m := &model{source: "aws-sdk " + version}
		if err := readJSON(file, m); err != nil {
			return nil, err
		}
		if m.Metadata.ServiceID == "" || len(m.Operations) == 0 {
			continue // a stub of a service that is no more
		}
		m.openEnums()
		out = append(out, m)
	}
	return out, nil
}

func readJSON(file string, v any) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	if err := json.NewDecoder(r).Decode(v); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
