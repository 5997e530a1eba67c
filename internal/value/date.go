package value

import "time"

// dateLayouts are the forms, besides those of timestamps, in which services
// write when they made something: in the names of snapshots, folders and log
// streams, and as text for people. A longer form stands before its beginnings.
var dateLayouts = [...]struct {
	layout string
	format int // two dates of one format may stand for each other
}{
	{"Mon Jan _2 15:04:05 MST 2006", 1}, {"Mon Jan _2 15:04:05 2006", 2},
	{"02/Jan/2006:15:04:05", 3}, {"02-Jan-2006 15:04:05", 4}, {"02-Jan-2006", 5},
	{"02/01/2006, 15:04:05", 6}, {"02/01/2006 15:04:05", 7}, {"02/01/2006", 8}, // see Date for the month before the day
	{"2006-01-02-15-04-05", 9}, {"2006-01-02-15-04", 10}, {"2006-01-02-15", 11}, {"2006-01-02", 12},
	{"2006/01/02 15:04:05", 13}, {"2006/01/02/15", 14}, {"2006/01/02", 15},
	{"2006_01_02_15_04_05", 16}, {"2006_01_02", 17}, {"2006.01.02", 18},
	{"20060102T150405", 19}, {"20060102-150405", 20}, {"20060102_150405", 21}, {"20060102150405", 22},
	{"20060102T1504", 23}, {"20060102-1504", 24}, {"20060102", 25},
}

// Date returns the date of the years 1980 to 2100 that s begins with, how long it is, and its
// format; 0 bytes if s begins with none. A day and a month that can be taken for
// each other give other, a second reading of the same text, else it equals t.
func Date(s []byte) (t, other time.Time, n, format int) {
	if len(s) < 8 || s[0]-'0' > 9 && s[0]-'A' >= 26 {
		return t, t, 0, 0
	}
	for _, l := range dateLayouts {
		n = len(l.layout)
		if len(s) < n || !fitsLayout(s[:n], l.layout) || len(s) > n && isAlnum(s[n]) && s[n] != 'Z' {
			continue
		}
		t, err := time.Parse(l.layout, string(s[:n]))
		if l.format >= 6 && l.format <= 8 {
			american, err2 := time.Parse("01/02"+l.layout[5:], string(s[:n]))
			switch {
			case err != nil:
				t, other, err = american, american, err2
			case err2 == nil:
				other = american
			default:
				other = t
			}
		} else {
			other = t
		}
		if err == nil && t.Year() >= 1980 && t.Year() < 2100 {
			return t, other, n, l.format
		}
	}
	return time.Time{}, time.Time{}, 0, 0
}

// fitsLayout reports whether s has digits and punctuation where the layout has.
func fitsLayout(s []byte, layout string) bool {
	for i, c := range s {
		switch l := layout[i]; {
		case l-'0' <= 9:
			if c-'0' > 9 {
				return false
			}
		case (l|0x20)-'a' < 26 && (l != 'T' || layout[i-1] == 'S'): // a T between digits is one
			if (c|0x20)-'a' >= 26 {
				return false
			}
		case l == '_' && layout[i+1] == '2' && i == 8: // the day without a leading zero
			if c != ' ' && c-'0' > 9 {
				return false
			}
		case l != c:
			return false
		}
	}
	return true
}
