package proxy

import (
	"fmt"
	"io"
	"time"
)

// DescribeCA prints where the certificate authority is and how clients are made
// to trust it. It is made if there is none yet.
func DescribeCA(w io.Writer, o CAOptions) error {
	ca, err := OpenCA(o, time.Now())
	if err != nil {
		return err
	}
	bundle, err := ca.Bundle()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `%[1]s

This root vouches, until %[3]s, for the hosts of AWS and for this machine alone; its
key was thrown away. Do not add it to the system's store: cm-record -- COMMAND sets
what the command needs. By hand, for one shell:

  export HTTPS_PROXY=http://127.0.0.1:4577 NO_PROXY=localhost,127.0.0.1,169.254.169.254,169.254.170.2
  export AWS_CA_BUNDLE=%[2]s            # AWS CLI, boto3
  export SSL_CERT_FILE=%[2]s            # Go, OpenSSL
  export NODE_EXTRA_CA_CERTS=%[1]s      # Node.js
  keytool -importcert -noprompt -storepass changeit -keystore cm-record.jks -file %[1]s    # Java

To be rid of it: rm -r %[4]s
`, ca.RootPath(), bundle, ca.Expires().Format("2006-01-02"), ca.Dir)
	return err
}
