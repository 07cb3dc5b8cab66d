package datepattern

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"stockade/internal/pyobj"
)

// errZone is a zone text that is none: the date cannot be read.
var errZone = errors.New("unknown or unsupported time zone")

// UnknownZoneError is a zone name of the right shape that is in no table.
// Fail2ban gives up the line then.
type UnknownZoneError struct{ Name string }

func (e *UnknownZoneError) Error() string { return pyobj.Repr(e.Name) }

// ParseOffset reads a logtimezone option: a name of the zone table, an offset
// such as +05:30, or both together. It gives seconds east of UTC; an empty
// text is UTC.
func ParseOffset(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	seconds, err := zoneText(text)
	if errors.Is(err, errZone) {
		//lint:ignore ST1005 the text is Fail2ban's
		return 0, fmt.Errorf("Unknown or unsupported time zone: %s", pyobj.Repr(text))
	}
	return seconds, err
}

// zoneText reads an offset, a zone name, or both together, as seconds east.
func zoneText(text string) (int, error) {
	n := 0
	for n < len(text) && 'A' <= text[n] && text[n] <= 'Z' {
		n++
	}
	name, rest := text[:n], text[n:]
	if n == 2 || n > 5 || text == "" {
		return 0, errZone
	}
	minutes, err := offsetText(rest)
	if err != nil {
		return 0, err
	}
	if name != "" {
		east, ok := zoneTable[name]
		if !ok {
			return 0, &UnknownZoneError{strings.Clone(name)}
		}
		minutes += east
	}
	return minutes * 60, nil
}

// offsetText reads ±hh, ±hhmm or ±hh:mm, or nothing, as minutes.
func offsetText(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	sign := 1
	switch text[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, errZone
	}
	if len(text) < 3 || text[1] != '0' && text[1] != '1' {
		return 0, errZone
	}
	hours := int(text[1]-'0') * 10
	ones, n := digitAt(text[2:])
	if n == 0 {
		return 0, errZone
	}
	hours += ones
	rest := text[2+n:]
	if rest == "" {
		return sign * hours * 60, nil
	}
	rest = strings.TrimPrefix(rest, ":")
	minutes := 0
	for range 2 {
		v, n := digitAt(rest)
		if n == 0 {
			return 0, errZone
		}
		minutes = minutes*10 + v
		rest = rest[n:]
	}
	if rest != "" {
		return 0, errZone
	}
	return sign * (hours*60 + minutes), nil
}

// digitAt reads the decimal digit of any script at the start of text and
// tells how many bytes it takes, 0 for none.
func digitAt(text string) (value, n int) {
	if text == "" {
		return 0, 0
	}
	if c := text[0]; c < utf8.RuneSelf {
		if '0' <= c && c <= '9' {
			return int(c - '0'), 1
		}
		return 0, 0
	}
	r, n := utf8.DecodeRuneInString(text)
	v, ok := digitValue(r)
	if !ok {
		return 0, 0
	}
	return v, n
}

// zoneTable gives the names that a date may carry, in minutes east of UTC.
// Letters alone are the military zones. Names for summer time stand for
// themselves; names that mean several zones (IST, BST) are missing.
var zoneTable = func() map[string]int {
	table := map[string]int{}
	for _, row := range zoneRows {
		for name := range strings.FieldsSeq(row.names) {
			table[name] = row.minutes
		}
	}
	return table
}()

var zoneRows = []struct {
	minutes int
	names   string
}{
	{-720, "Y"},
	{-660, "NUT SST X"},
	{-600, "CKT HAST HST TAHT TKT W"},
	{-570, "MART MIT"},
	{-540, "AKST GAMT GIT HADT HNY V"},
	{-480, "AKDT CIST HAY HNP PST PT U"},
	{-420, "HAP HNR MST PDT T"},
	{-360, "CST EAST GALT HAR HNC MDT S"},
	{-300, "CDT COT EASST ECT EST ET HAC HNE PET R"},
	{-270, "HLV VET"},
	{-240, "AST BOT CLT COST EDT FKT GYT HAE HNA PYT Q"},
	{-210, "HNT NST NT"},
	{-180, "ADT ART BRT CLST FKST GFT HAA P PMST PYST SRT UYT WGT"},
	{-150, "HAT NDT"},
	{-120, "BRST FNT O PMDT UYST WGST"},
	{-60, "AZOT CVT EGT N"},
	{0, "EGST GMT UTC WET WT Z"},
	{60, "A CET DFT WAT WEDT WEST"},
	{120, "B CAT CEDT CEST EET SAST WAST"},
	{180, "C EAT EEDT EEST IDT MSK"},
	{210, "IRST"},
	{240, "AMT AZT D GET GST KUYT MSD MUT RET SAMT SCT"},
	{270, "AFT IRDT"},
	{300, "AMST AQTT AZST E HMT MAWT MVT PKT TFT TJT TMT UZT YEKT"},
	{330, "SLT"},
	{345, "NPT"},
	{360, "ALMT BIOT BTT F IOT KGT NOVT OMST YEKST"},
	{390, "CCT MMT"},
	{420, "CXT DAVT G HOVT ICT KRAT NOVST OMSST THA WIB"},
	{480, "ACT AWST BDT BNT CAST H HKT IRKT KRAST MYT PHT SGT ULAT WITA WST"},
	{540, "AWDT I IRKST JST KST PWT TLT WDT WIT YAKT"},
	{570, "ACST"},
	{600, "AEST K PGT VLAT YAKST YAPT"},
	{630, "ACDT LHST"},
	{660, "AEDT L LHDT MAGT NCT PONT SBT VLAST VUT"},
	{690, "NFT"},
	{720, "ANAST ANAT FJT GILT M MAGST MHT NZST PETST PETT TVT WFT"},
	{780, "FJST NZDT"},
}
