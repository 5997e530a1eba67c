package value

// Role is what the name of a member, or of a header, says of its value.
type Role uint8

// The roles.
const (
	Plain      Role = iota
	Ignored         // differs in every answer and means nothing: RequestId, Date
	TimeRole        // a point in time, also when written as a number
	TokenRole       // opaque: any other text would do as well
	IDRole          // an id; whether the service made it, the value must tell
	DigestRole      // follows from content: ETag, MD5OfBody, checksums
	OwnerRole       // an account, canonical user or their name
	ARNRole         // an ARN
	URLRole         // a URL
	LagRole         // how far behind a reader is, a duration: jitter
)

// RoleOf returns the role of a member called name, in any spelling:
// NextToken, nextToken, next-token and next_token are one.
func RoleOf(name []byte) Role {
	var buf [48]byte
	n := 0
	for _, c := range name {
		switch {
		case c-'A' < 26:
			c |= 0x20
		case c-'a' < 26 || c-'0' <= 9:
		default:
			continue // - _ : @ .
		}
		if n == len(buf) { // only the end says something
			copy(buf[:], buf[1:])
			n--
		}
		buf[n] = c
		n++
	}
	b := buf[:n]
	switch string(b) {
	case "requestid", "requestids", "awsrequestid", "responsemetadata", "hostid", "date",
		"xamzrequestid", "xamznrequestid", "amznrequestid", "xamzid2", "xamzcfid", "xamzcfpop", "xamzapigwid",
		"xamzntraceid", "xamznremappeddate", "xamznremappedconnection", "xrequestid", "extendedrequestid":
		return Ignored
	case "etag", "checksum", "xamzcrc32", "thumbprint", "fingerprint", "keyfingerprint":
		return DigestRole
	case "accountid", "account", "awsaccountid", "ownerid", "owneraccountid", "owneraccount", "owningaccount", "registryid",
		"requesterid", "senderid", "userid", "principalid", "canonicaluser":
		return OwnerRole
	case "uploadid", "versionid", "deletemarkerversionid", "copysourceversionid", "xamzversionid", "xamzcopysourceversionid",
		"callerreference", "creatorrequestid", "eventid", "nextpage", "position", "revisionid", "lockid", "signature",
		"secretaccesskey", "clientsecret", "keymaterial", "randompassword", "session", "ptr":
		return TokenRole
	case "millisbehindlatest", "billedduration", "approximateageofoldestmessage", "executiontimeinmillis", "engineexecutiontimeinmillis",
		"queryqueuetimeinmillis", "totalexecutiontimeinmillis", "queryplanningtimeinmillis", "serviceprocessingtimeinmillis", "servicepreprocessingtimeinmillis":
		return LagRole
	case "created", "createdat", "createdon", "updated", "updatedat", "modified", "lastmodified", "lastaccessed", "expiry", "expires",
		"expiration", "lastupdated", "changedat", "deletedat", "startedat", "stoppedat", "endedat", "modifiedat", "timemillis", "deletes":
		return TimeRole
	}
	for _, e := range endings {
		if n >= len(e.suffix) && string(b[n-len(e.suffix):]) == e.suffix {
			return e.role
		}
	}
	if n > 3 && string(b[:3]) == "md5" {
		return DigestRole
	}
	if len(name) > 3 && string(name[len(name)-2:]) == "At" { // lastUpdatedAt
		return TimeRole
	}
	return Plain
}

// endings are what names end in, the more telling ones first.
var endings = [...]struct {
	suffix string
	role   Role
}{
	{"token", TokenRole}, {"handle", TokenRole}, {"marker", TokenRole}, {"iterator", TokenRole}, {"cursor", TokenRole},
	{"sequencenumber", TokenRole}, {"ciphertextblob", TokenRole},
	{"timestamp", TimeRole}, {"date", TimeRole}, {"time", TimeRole},
	{"md5", DigestRole}, {"sha1", DigestRole}, {"sha256", DigestRole}, {"sha512", DigestRole}, {"crc32", DigestRole},
	{"crc32c", DigestRole}, {"crc64nvme", DigestRole}, {"digest", DigestRole}, {"hash", DigestRole}, {"etag", DigestRole},
	{"arn", ARNRole}, {"arns", ARNRole},
	{"url", URLRole}, {"uri", URLRole}, {"endpoint", URLRole}, {"location", URLRole},
	{"id", IDRole}, {"ids", IDRole}, {"identifier", IDRole}, {"dnsname", IDRole}, {"domainname", IDRole},
	{"endpointaddress", IDRole}, {"serial", IDRole}, {"serialnumber", IDRole}, {"namespace", IDRole},
}
