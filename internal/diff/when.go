package diff

import (
	"time"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/value"
)

// timeState is when the two answers were given, as far as they say.
type timeState struct {
	read             bool
	original, replay time.Time
}

// isTime reports whether the model, or else the name, says that the place
// holds a timestamp.
func (j *job) isTime(p place, name []byte) bool {
	return value.RoleOf(name) == value.TimeRole || j.shape(p).Kind() == awsapi.Timestamp
}

// isEpochText reports whether both are long numbers written as text, as SQS
// writes its timestamps.
func isEpochText(a, b []byte) bool {
	return value.Epoch(a) != value.NoTime && value.Epoch(b) != value.NoTime
}

// timestamps decides on two texts of which one at least is a timestamp.
func (j *job) timestamps(e event, name []byte, a, b []byte) {
	x, fa := value.Time(a, true)
	y, fb := value.Time(b, true)
	switch {
	case fa == value.NoTime || fb == value.NoTime:
	case fa != fb:
		e.kind = KindFormat
	case x.Equal(y):
		// One instant with fractions of other lengths.
		e.mode, e.rule = modeAllow, ruleSpelling
	case !j.plausible(a, b):
	default:
		e.mode, e.rule, e.soft = modeAllow, ruleTimestamp, true
		j.hold(&e)
	}
	j.add(e)
}

// plausible reports whether two timestamps can stand at the same place in two
// runs: each is measured from its own answer, and one that was fresh in the
// original must not be days away in the replay.
func (j *job) plausible(a, b []byte) bool {
	x, _ := value.Time(a, true)
	y, _ := value.Time(b, true)
	return j.plausibleTimes(x, y)
}

func (j *job) plausibleTimes(x, y time.Time) bool {
	s := j.dates()
	if s.original.IsZero() || s.replay.IsZero() {
		return j.sameEra(x, y)
	}
	dx, dy := x.Sub(s.original), y.Sub(s.replay)
	if dx > day { // what is to come lies as far ahead
		return (dy - dx).Abs() <= dx/8+day
	}
	return dy.Abs() <= dx.Abs()+dx.Abs()/8+day && !otherZone(dx, dy)
}

// otherZone reports whether a time that was that of the answer is hours off, to
// the second: it was written in another time zone.
func otherZone(dx, dy time.Duration) bool {
	const quarter = 15 * time.Minute
	if dx.Abs() > time.Hour || (dy-dx).Abs() < 2*quarter {
		return false
	}
	off := (dy - dx).Abs() % quarter
	return min(off, quarter-off) <= 5*time.Second
}

// fresh reports whether both of two numbers, whose name says nothing, are points
// in time near their own answer's.
func (j *job) fresh(a, b []byte) bool {
	s := j.dates()
	if s.original.IsZero() || s.replay.IsZero() {
		return false
	}
	x, _ := value.Time(a, true)
	y, _ := value.Time(b, true)
	return x.Sub(s.original).Abs() < day && y.Sub(s.replay).Abs() < day
}

const day = 24 * time.Hour

// datesOf reports whether a and b, of a member that holds a time, are plausible
// dates in one of the forms that only value.Date knows.
func (j *job) datesOf(a, b []byte) bool {
	xs, x2, n, fa := value.Date(a)
	ys, y2, m, fb := value.Date(b)
	return n == len(a) && m == len(b) && fa == fb && n > 0 && (j.plausibleTimes(xs, ys) || j.plausibleTimes(x2, y2))
}

// dated reports whether two dates of one format say when their own answers were
// given, give or take a time zone. Other dates are data: the version of a policy.
func (j *job) dated(a, b []byte) bool {
	xs, x2, _, fa := value.Date(a)
	ys, y2, _, fb := value.Date(b)
	s := j.dates()
	if fa != fb || s.original.IsZero() {
		return false
	}
	now := s.replay
	near := func(t, now time.Time) bool { return t.Sub(now).Abs() < 2*day }
	if now.IsZero() { // it must at least not be older
		return near(xs, s.original) && ys.Sub(xs) > -2*day || near(x2, s.original) && y2.Sub(x2) > -2*day
	}
	return near(xs, s.original) && near(ys, now) || near(x2, s.original) && near(y2, now)
}

// dates returns when the two answers were given, as far as they say.
func (j *job) dates() *timeState {
	s := &j.entryT0
	if !s.read {
		s.read = true
		if j.readHeaders() == nil {
			s.original, _ = value.Time(j.a.header("date"), false)
			s.replay, _ = value.Time(j.b.header("date"), false)
		}
		if s.original.IsZero() {
			s.original, _ = value.Time([]byte(j.line.Text(entryTimestamp)), false)
		}
	}
	return s
}

// sameEra is all that can be asked when the replay does not say when it
// answered: that a timestamp near the original's call is not decades off.
func (j *job) sameEra(x, y time.Time) bool {
	fresh := !j.entryT0.original.IsZero() && x.Sub(j.entryT0.original).Abs() < 30*24*time.Hour
	return !fresh || y.Sub(x) > -365*24*time.Hour
}
