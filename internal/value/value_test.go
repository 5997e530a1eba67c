package value

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestClassify(t *testing.T) {
	tests := []struct {
		in   string
		want Class
	}{
		{"", Class{}},
		{"12", Class{Kind: Number}},
		{"-1.5e3", Class{Kind: Number}},
		{"1e", Class{}},
		{"456752665576", Class{Kind: Account}},
		{"c9a70633-4726-567c-92ab-64055fe9ffae", Class{Kind: UUID}},
		{"79a70633-4726-567c-92ab-64055fe9ffae", Class{Kind: UUID}},
		{"C9A70633-4726-567C-92AB-64055FE9FFAE", Class{Kind: UUID, Size: 1}},
		{"i-0123456789abcdef0", Class{Kind: ResourceID, Prefix: 2, Size: 17}},
		{"eipalloc-1a2b3c4d", Class{Kind: ResourceID, Prefix: 9, Size: 8}},
		{"backup-20260602", Class{}},
		{"my-table", Class{}},
		{"AIDAJQABLZS4A3QDU576Q", Class{Kind: UniqueID, Prefix: 4, Size: 17}},
		{"arn:aws:iam::123456789012:user/x", Class{Kind: ARN}},
		{"https://sqs.us-east-2.amazonaws.com/1/q", Class{Kind: URL}},
		{"10.0.0.12", Class{Kind: Address}},
		{"ip-10-0-0-12.ec2.internal", Class{Kind: Address, Prefix: 3}},
		{"1-5759e988-bd862e3fe1be46a994272793", Class{Kind: Trace}},
		{"ed076287532e86365e841e92bfc50d8c", Class{Kind: Digest, Size: 32}},
		{"ed076287532e86365e841e92bfc50d8c-12", Class{Kind: Digest, Size: 32}},
		{"2026-06-02T18:30:44Z", Class{Kind: Timestamp, Time: DateTime}},
		{"2026-06-02T18:30:44.000Z", Class{Kind: Timestamp, Time: DateTimeMs}},
		{"2026-06-02T18:30:44.000+0000", Class{Kind: Timestamp, Time: DateOffMs}},
		{"2026-06-02T18:30:44+00:00", Class{Kind: Timestamp, Time: DateOffset}},
		{"2026-06-02 18:30:44", Class{Kind: Timestamp, Time: DateSpace}},
		{"2026-06-02T18:30:44", Class{Kind: Timestamp, Time: DateLocal}},
		{"20260602T183044Z", Class{Kind: Timestamp, Time: BasicDate}},
		{"Tue, 02 Jun 2026 18:30:44 GMT", Class{Kind: Timestamp, Time: HTTPDate}},
		{"2012-10-17", Class{}},
		{"2026-13-02T18:30:44Z", Class{}},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			if d := cmp.Diff(tt.want, Classify([]byte(tt.in))); d != "" {
				t.Errorf("class (-want +got):\n%s", d)
			}
		})
	}
}

func TestSame(t *testing.T) {
	tests := []struct {
		name, a, b string
		want       bool
	}{
		{"two UUIDs", "c9a70633-4726-567c-92ab-64055fe9ffae", "dbb1d1f3-3920-51b7-bcaa-b3c521ef7865", true},
		{"ids of one prefix", "i-0123456789abcdef0", "i-1123456789abcdef0", true},
		{"ids of different prefixes", "i-0123456789abcdef0", "e-1123456789abcdef0", false},
		{"ids of different lengths", "i-0123456789abcdef0", "i-12345678", false},
		{"fractions of different lengths", "2026-06-02T18:30:44.1Z", "2026-06-02T18:30:44.123456Z", true},
		{"a fraction and none", "2026-06-02T18:30:44.1Z", "2026-06-02T18:30:44Z", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := []byte(tt.a), []byte(tt.b)
			if got := Same(a, b, Classify(a), Classify(b)); got != tt.want {
				t.Errorf("Same = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTime(t *testing.T) {
	want := time.Date(2026, 6, 2, 18, 30, 44, 500e6, time.UTC)
	for _, in := range []string{"2026-06-02T18:30:44.5Z", "2026-06-02T20:30:44.500+02:00", "1780425044.5", "1.7804250445E9", "1780425044500"} {
		if got, f := Time([]byte(in), true); f == NoTime || !got.Equal(want) {
			t.Errorf("Time(%q) = %v (%v), want %v", in, got, f, want)
		}
	}
	for _, in := range []string{"", "now", "12", "2026-06-02", "-5"} {
		if f := Epoch([]byte(in)); f != NoTime {
			t.Errorf("Epoch(%q) = %v", in, f)
		}
	}
}

func TestEqualNumbers(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"1", "1.0", true}, {"1", "1e0", true}, {"100", "1E+2", true}, {"0.001", "1e-3", true}, {"-0", "0.00", true},
		{"9007199254740993", "9007199254740992", false}, {"1", "-1", false}, {"1.5", "15", false}, {"10", "1", false},
		{"123456789012345678901234567890.12", "12345678901234567890123456789012e-2", true}, {"x", "x", false}, {"1", "", false},
		{"1e999999999999", "1e999999999999", true}, {"0.10", "0.1", true}, {"1001", "1.001e3", true}, {"1001", "1.01e3", false},
	}
	for _, tt := range tests {
		t.Run(tt.a+" and "+tt.b, func(t *testing.T) {
			if got := EqualNumbers([]byte(tt.a), []byte(tt.b)); got != tt.want {
				t.Errorf("EqualNumbers = %v, want %v", got, tt.want)
			}
		})
	}
}

func FuzzEqualNumbers(f *testing.F) {
	f.Add("1.50", "15e-1")
	f.Add("-0.0012e4", "-12")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > 40 || len(b) > 40 || exponent(a) > 3 || exponent(b) > 3 {
			return
		}
		x, ok1 := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		if !ok1 || !ok2 || !isNumber([]byte(a)) || !isNumber([]byte(b)) {
			return
		}
		if got, want := EqualNumbers([]byte(a), []byte(b)), x.Cmp(y) == 0; got != want {
			t.Errorf("EqualNumbers(%q, %q) = %v", a, b, got)
		}
	})
}

// exponent returns how many digits the exponent has.
func exponent(s string) int {
	i := strings.IndexAny(s, "eE")
	if i < 0 {
		return 0
	}
	return len(s) - i - 1
}

func FuzzClassify(f *testing.F) {
	for _, s := range []string{"i-0123456789abcdef0", "2026-06-02T18:30:44.5+02:00", "1-5759e988-bd862e3fe1be46a994272793", "1.5e9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := []byte(s)
		c := Classify(b)
		if !Same(b, b, c, c) {
			t.Errorf("%q is not the same as itself", s)
		}
		Epoch(b)
		Time(b, true)
		Random(b)
		RoleOf(b)
		if _, _, n, _ := Date(b); n > len(b) {
			t.Errorf("%q begins with a date of %d bytes", s, n)
		}
	})
}

func TestRandom(t *testing.T) {
	for _, s := range []string{"BVGXDX8FDJFCZJPK", "0a1b2c3d4e5f67", "PI258HS7I3RLA41UAMP1LBM1TRVV4KQNSO5AEMVJF66Q9ASUAAJG", "feC5+lJSoriT5UG7MAl3raDgH28uzhWO0fFZ99F6KqD",
		"49590338271490256608559692538361571095921575989136588898", "eyJOZXh0VG9rZW4iOiBudWxsLCAi", "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY", "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a", "01M81GTG66BDJADYYATBKSE0MQ"} {
		if !Random([]byte(s)) {
			t.Errorf("%q does not look random", s)
		}
	}
	for _, s := range []string{"", "PAY_PER_REQUEST", "SNSTopicBatching-top-1", "docstore-test-2", "photos/2026/image.jpg", "STANDARD_IA_ARCHIVE", "arn:aws:sns:us-east-2", "INTELLIGENT_TIERING",
		"application/octet-stream", "TestConformanceSNSTopic", "hello world again", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "1234567890", "us-east-1.amazonaws.com", "ThroughputExceeded"} {
		if Random([]byte(s)) {
			t.Errorf("%q looks random", s)
		}
	}
}

func TestRoleOf(t *testing.T) {
	tests := map[string]Role{"RequestId": Ignored, "requestID": Ignored, "x-amz-id-2": Ignored, "x-amzn-RequestId": Ignored, "NextToken": TokenRole, "next_token": TokenRole,
		"ReceiptHandle": TokenRole, "UploadId": TokenRole, "CreationDateTime": TimeRole, "SentTimestamp": TimeRole, "ETag": DigestRole, "MD5OfMessageBody": DigestRole,
		"QueueUrl": URLRole, "TopicArn": ARNRole, "InstanceId": IDRole, "Name": Plain, "": Plain, "Count": Plain, "x-amz-checksum-crc32": DigestRole}
	for name, want := range tests {
		if got := RoleOf([]byte(name)); got != want {
			t.Errorf("RoleOf(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	in := []byte("2026-06-02T18:30:44.000Z")
	name := []byte("ApproximateFirstReceiveTimestampOfTheLongestName")
	if n := testing.AllocsPerRun(100, func() { Classify(in); Random(in); RoleOf(name); EqualNumbers(in, in) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDate(t *testing.T) {
	tests := []struct {
		in        string
		want, alt string // "" for none
		n         int
	}{
		{"2026-03-19-09-48", "2026-03-19 09:48", "2026-03-19 09:48", 16},
		{"2026-03-19-suffix", "2026-03-19 00:00", "2026-03-19 00:00", 10},
		{"2026/03/19/a.gz", "2026-03-19 00:00", "2026-03-19 00:00", 10},
		{"20260319100000", "2026-03-19 10:00", "2026-03-19 10:00", 14},
		{"20260319", "2026-03-19 00:00", "2026-03-19 00:00", 8},
		{"202603190", "", "", 0},
		{"20261319", "", "", 0},
		{"19/03/2026, 10:00:00", "2026-03-19 10:00", "2026-03-19 10:00", 20},
		{"03/04/2026", "2026-04-03 00:00", "2026-03-04 00:00", 10},
		{"03/19/2026", "2026-03-19 00:00", "2026-03-19 00:00", 10},
		{"19/Mar/2026:10:00:00 +0000", "2026-03-19 10:00", "2026-03-19 10:00", 20},
		{"Thu Mar 19 10:00:00 2026", "2026-03-19 10:00", "2026-03-19 10:00", 24},
		{"Thu Mar  5 10:00:00 UTC 2026", "2026-03-05 10:00", "2026-03-05 10:00", 28},
		{"1026-03-19", "", "", 0},
		{"123456789012", "", "", 0},
		{"", "", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			a, b, n, _ := Date([]byte(tt.in))
			show := func(t time.Time) string {
				if n == 0 {
					return ""
				}
				return t.Format("2006-01-02 15:04")
			}
			if d := cmp.Diff([]any{tt.want, tt.alt, tt.n}, []any{show(a), show(b), n}); d != "" {
				t.Errorf("date (-want +got):\n%s", d)
			}
		})
	}
}
