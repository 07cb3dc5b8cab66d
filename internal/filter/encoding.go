package filter

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"stockade/internal/pyobj"
)

// Encoding turns the bytes of a log into text.
type Encoding struct {
	// name is what it was asked for by.
	name string
	// table is nil for UTF-8 and ASCII.
	table encoding.Encoding
	// single is the table of a codec with one byte a character.
	single *[256]rune
	ascii  bool
	// bom is a byte order mark that is left out at the beginning of a line.
	bom string
	// unit is the number of bytes of a newline and of all else.
	unit int
}

// Name is the name it was asked for by.
func (e *Encoding) Name() string { return e.name }

// Unit is the number of bytes that belong together: 2 for UTF-16, where a byte
// 0x0A alone is no end of a line.
func (e *Encoding) Unit() int { return max(e.unit, 1) }

func (e *Encoding) isUTF8() bool {
	return e.table == nil && e.single == nil && !e.ascii && e.bom == ""
}

// Decode appends the text of raw to dst; what is no text becomes U+FFFD and
// makes ok false.
func (e *Encoding) Decode(dst, raw []byte) (text []byte, ok bool) {
	switch {
	case e.ascii:
		ok = true
		for _, c := range raw {
			if c >= utf8.RuneSelf {
				dst, ok = utf8.AppendRune(dst, utf8.RuneError), false
				continue
			}
			dst = append(dst, c)
		}
		return dst, ok
	case e.single != nil:
		ok = true
		for _, c := range raw {
			r := e.single[c]
			ok = ok && r != utf8.RuneError
			dst = utf8.AppendRune(dst, r)
		}
		return dst, ok
	case e.table == nil:
		if e.bom != "" && strings.HasPrefix(string(raw[:min(len(raw), len(e.bom))]), e.bom) {
			raw = raw[len(e.bom):]
		}
		return appendValid(dst, raw), utf8.Valid(raw)
	}
	// Half a unit at the end is what is left of a newline that was cut off.
	raw = raw[:len(raw)-len(raw)%e.Unit()]
	out, err := e.table.NewDecoder().Bytes(raw)
	if err != nil {
		return appendValid(dst, raw), false
	}
	return append(dst, out...), !strings.ContainsRune(string(out), utf8.RuneError)
}

// LookupEncoding finds a codec by the names Python knows it by.
func LookupEncoding(name string) (*Encoding, error) {
	e, ok := encodings[codecName(name)]
	if !ok {
		return nil, pyobj.Errorf("LookupError", "unknown encoding: %s", name)
	}
	e.name = name
	return &e, nil
}

// codecName spells a name the way Python looks it up.
func codecName(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' {
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			gap = false
			b.WriteRune(r)
			continue
		}
		gap = true
	}
	return b.String()
}

// encodings maps Python's names and aliases.
var encodings = func() map[string]Encoding {
	m := map[string]Encoding{}
	add := func(e Encoding, names string) {
		for n := range strings.FieldsSeq(names) {
			m[n] = e
		}
	}
	table := func(t encoding.Encoding, names string) {
		if c, ok := t.(*charmap.Charmap); ok {
			add(Encoding{single: byteTable(c, names)}, names)
			return
		}
		add(Encoding{table: t}, names)
	}
	add(Encoding{}, "utf_8 utf8 u8 utf cp65001 utf8_ucs2 utf8_ucs4")
	add(Encoding{bom: "\xef\xbb\xbf"}, "utf_8_sig utf8_sig")
	add(Encoding{ascii: true}, "ascii us_ascii us 646 ansi_x3.4_1968 ansi_x3_4_1968 ansi_x3.4_1986 cp367 csascii ibm367 iso646_us iso_646.irv_1991 iso_ir_6")
	wide := func(t encoding.Encoding, unit int, names string) { add(Encoding{table: t, unit: unit}, names) }
	wide(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), 2, "utf_16 utf16 u16")
	wide(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), 2, "utf_16_le utf_16le utf16le utf16_le unicodelittleunmarked")
	wide(unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), 2, "utf_16_be utf_16be utf16be utf16_be unicodebigunmarked")
	wide(utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), 4, "utf_32 utf32 u32")
	wide(utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), 4, "utf_32_le utf_32le utf32le utf32_le")
	wide(utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), 4, "utf_32_be utf_32be utf32be utf32_be")
	table(charmap.ISO8859_1, "latin_1 latin1 latin l1 8859 cp819 csisolatin1 ibm819 iso8859 iso8859_1 iso_8859_1 iso_8859_1_1987 iso_ir_100")
	table(charmap.ISO8859_2, "iso8859_2 iso_8859_2 latin2 l2 csisolatin2 iso_ir_101 iso_8859_2_1987")
	table(charmap.ISO8859_3, "iso8859_3 iso_8859_3 latin3 l3 csisolatin3 iso_ir_109 iso_8859_3_1988")
	table(charmap.ISO8859_4, "iso8859_4 iso_8859_4 latin4 l4 csisolatin4 iso_ir_110 iso_8859_4_1988")
	table(charmap.ISO8859_5, "iso8859_5 iso_8859_5 cyrillic csisolatincyrillic iso_ir_144 iso_8859_5_1988")
	table(charmap.ISO8859_6, "iso8859_6 iso_8859_6 arabic asmo_708 csisolatinarabic ecma_114 iso_ir_127 iso_8859_6_1987")
	table(charmap.ISO8859_7, "iso8859_7 iso_8859_7 greek greek8 csisolatingreek ecma_118 elot_928 iso_ir_126 iso_8859_7_1987")
	table(charmap.ISO8859_8, "iso8859_8 iso_8859_8 hebrew csisolatinhebrew iso_ir_138 iso_8859_8_1988")
	table(charmap.ISO8859_9, "iso8859_9 iso_8859_9 latin5 l5 csisolatin5 iso_ir_148 iso_8859_9_1989")
	table(charmap.ISO8859_10, "iso8859_10 iso_8859_10 latin6 l6 csisolatin6 iso_ir_157 iso_8859_10_1992")
	table(charmap.ISO8859_13, "iso8859_13 iso_8859_13 latin7 l7")
	table(charmap.ISO8859_14, "iso8859_14 iso_8859_14 latin8 l8 iso_celtic iso_ir_199 iso_8859_14_1998")
	table(charmap.ISO8859_15, "iso8859_15 iso_8859_15 latin9 l9")
	table(charmap.ISO8859_16, "iso8859_16 iso_8859_16 latin10 l10 iso_ir_226 iso_8859_16_2001")
	table(charmap.CodePage437, "cp437 437 cspc8codepage437 ibm437")
	table(charmap.CodePage850, "cp850 850 cspc850multilingual ibm850")
	table(charmap.CodePage852, "cp852 852 cspcp852 ibm852")
	table(charmap.CodePage855, "cp855 855 csibm855 ibm855")
	table(charmap.CodePage858, "cp858 858 csibm858 ibm858")
	table(charmap.CodePage860, "cp860 860 csibm860 ibm860")
	table(charmap.CodePage862, "cp862 862 cspc862latinhebrew ibm862")
	table(charmap.CodePage863, "cp863 863 csibm863 ibm863")
	table(charmap.CodePage865, "cp865 865 csibm865 ibm865")
	table(charmap.CodePage866, "cp866 866 csibm866 ibm866")
	table(charmap.CodePage037, "cp037 037 csibm037 ebcdic_cp_ca ebcdic_cp_nl ebcdic_cp_us ebcdic_cp_wt ibm037 ibm039")
	table(charmap.CodePage1140, "cp1140 1140 ibm1140")
	table(charmap.Windows874, "cp874")
	table(charmap.Windows1250, "cp1250 1250 windows_1250")
	table(charmap.Windows1251, "cp1251 1251 windows_1251")
	table(charmap.Windows1252, "cp1252 1252 windows_1252")
	table(charmap.Windows1253, "cp1253 1253 windows_1253")
	table(charmap.Windows1254, "cp1254 1254 windows_1254")
	table(charmap.Windows1255, "cp1255 1255 windows_1255")
	table(charmap.Windows1256, "cp1256 1256 windows_1256")
	table(charmap.Windows1257, "cp1257 1257 windows_1257")
	table(charmap.Windows1258, "cp1258 1258 windows_1258")
	table(charmap.KOI8R, "koi8_r cskoi8r")
	table(charmap.KOI8U, "koi8_u")
	table(charmap.Macintosh, "mac_roman macroman macintosh")
	table(charmap.MacintoshCyrillic, "mac_cyrillic maccyrillic")
	table(japanese.EUCJP, "euc_jp eucjp ujis u_jis")
	table(japanese.ShiftJIS, "shift_jis csshiftjis shiftjis sjis s_jis cp932 932 ms932 mskanji ms_kanji")
	table(japanese.ISO2022JP, "iso2022_jp csiso2022jp iso2022jp iso_2022_jp")
	table(korean.EUCKR, "euc_kr euckr korean ksc5601 ks_c_5601 ks_c_5601_1987 ksx1001 ks_x_1001 cp949 949 ms949 uhc")
	table(simplifiedchinese.GBK, "gbk 936 cp936 ms936 gb2312 chinese csiso58gb231280 euc_cn euccn eucgb2312_cn gb2312_1980 gb2312_80 iso_ir_58")
	table(simplifiedchinese.GB18030, "gb18030 gb18030_2000")
	table(simplifiedchinese.HZGB2312, "hz hzgb hz_gb hz_gb_2312")
	table(traditionalchinese.Big5, "big5 big5_tw csbig5 cp950 950 ms950")
	return m
}()

// byteTable lists the characters of a codec. The ISO 8859 family has the
// control characters of Latin-1 in Python.
func byteTable(c *charmap.Charmap, names string) *[256]rune {
	var t [256]rune
	for i := range t {
		t[i] = c.DecodeByte(byte(i))
		if i >= 0x80 && i < 0xa0 && strings.HasPrefix(names, "iso8859") {
			t[i] = rune(i)
		}
	}
	if c == charmap.KOI8U {
		// Python follows RFC 2319 here, which has no Belarusian letter.
		t[0xAE], t[0xBE] = '╝', '╬'
	}
	return &t
}

// LocaleEncoding is the encoding of the process, which logencoding "auto"
// stands for, as Python finds it from the environment.
func LocaleEncoding(getenv func(string) string) string {
	locale := ""
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale = getenv(name); locale != "" {
			break
		}
	}
	_, codec, ok := strings.Cut(locale, ".")
	if !ok {
		return "UTF-8"
	}
	codec, _, _ = strings.Cut(codec, "@")
	if e, err := LookupEncoding(codec); err != nil || e.isUTF8() {
		return "UTF-8"
	}
	return codec
}
