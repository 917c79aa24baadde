package sample

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"

	"mailferry/fts"
)

type person struct{ name, address string }

var people = []person{
	{"Anna Ahlers", "anna.ahlers@example.com"},
	{"Björn Bäcker", "bjoern.baecker@example.com"},
	{"Chloé Château", "chloe@example.org"},
	{"Дмитрий Дроздов", "dmitri@example.net"},
	{"Ελένη Ευαγγέλου", "eleni@example.org"},
	{"فاطمة الفارسي", "fatima@example.com"},
	{"גיל גולן", "gil@example.net"},
	{"林 花子", "hanako@example.com"},
	{"이서연", "seoyeon@example.org"},
	{"Jakub Jabłoński", "jakub@example.net"},
	{"O'Neil, Kim (Sales)", "kim.oneil@example.com"},
	{"李伟", "wei.li@example.org"},
	{"\"Q\" <Quality>", "quality@example.com"},
	{"ริน รักดี", "rin@example.net"},
	{"Zoë 🦊 Zielke", "zoe@example.com"},
	{"प्रिया पटेल", "priya@example.org"},
}

// texts are subjects and sentences in many scripts.
var texts = []struct{ subject, body string }{
	{"Квартальный отчёт готов", "Здравствуйте! Отчёт приложен, цифры окончательные.\r\n\r\nС уважением"},
	{"اجتماع يوم الأحد", "السلام عليكم، نلتقي يوم الأحد الساعة ١٠ صباحًا في القاعة ٤."},
	{"פגישה ביום שלישי (Room 7)", "שלום, הפגישה תתקיים ביום שלישי בשעה 14:30 ב-Room 7."},
	{"四半期の見積もりについて", "お世話になっております。見積書を添付いたします。\r\nよろしくお願いいたします。"},
	{"项目进度：第三阶段", "大家好，第三阶段已完成百分之八十。"},
	{"회의록 공유드립니다", "안녕하세요, 지난주 회의록을 첨부합니다."},
	{"Προσφορά για το νέο έργο", "Καλημέρα σας, επισυνάπτεται η προσφορά."},
	{"बैठक का समय बदल गया", "नमस्ते, बैठक अब शाम चार बजे होगी।"},
	{"ประชุมวันศุกร์", "สวัสดีค่ะ ประชุมวันศุกร์เวลา 13.00 น."},
	{"Straße gesperrt – Umleitung über Öhringen", "Größere Umwege möglich: 10 € Aufschlag, „unvermeidbar“."},
	{"👩‍👩‍👧‍👦 Sommerfest 🎉🏳️‍🌈", "Bringt mit: 🥗🍉 und gute Laune 😎\u200d!"},
	{"Zalgo t\u0338e\u0335x\u0336t and e\u0301 or é", "Combining: e\u0301 composed: \u00e9, ZWJ \u200d, BOM \ufeff, RTL mark \u200f."},
	{"xn--bcher-kva und 𝒻𝒶𝓃𝒸𝓎 𝕦𝕟𝕚𝕔𝕠𝕕𝕖", "Outside the basic plane: 𠜎𠜱𠝹 𝄞"},
}

// domain is the part behind the @ of message ids.
const domain = "mail.example.com"

func (g *generator) someone() person { return pick(g, people) }

// from sets sender and author.
func from(w person, exchange bool) fts.Props {
	kind, address := "SMTP", w.address
	if exchange {
		kind, address = "EX", legacyDN(w)
	}
	key := []byte(strings.ToUpper(kind+":"+address) + "\x00")
	return fts.Props{
		p(0x0042, w.name), p(0x0064, kind), p(0x0065, address), p(0x5D02, w.address), p(0x003B, key), p(0x0041, entryID(w)),
		p(0x0C1A, w.name), p(0x0C1E, kind), p(0x0C1F, address), p(0x5D01, w.address), p(0x0C1D, key), p(0x0C19, entryID(w)),
	}
}

func legacyDN(w person) string {
	user, _, _ := strings.Cut(w.address, "@")
	return "/o=Example/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=" + user
}

// recipient makes a row of the recipient table; kind 1 is to, 2 cc, 3 bcc.
func recipient(w person, kind int, exchange bool) fts.Recipient {
	address, addressType := w.address, "SMTP"
	if exchange {
		address, addressType = legacyDN(w), "EX"
	}
	return fts.Recipient{Props: fts.Props{
		p(0x0C15, kind), p(0x3001, w.name), p(0x3002, addressType), p(0x3003, address), p(0x39FE, w.address),
		p(0x5FF6, w.name), p(0x0FFF, entryID(w)), p(0x5FF7, entryID(w)),
		p(0x300B, []byte(strings.ToUpper(addressType+":"+address)+"\x00")),
		p(0x0FFE, 6), p(0x3900, 0), p(0x5FFD, 1), p(0x5FFF, 0), p(0x0E0F, true), p(0x3A40, false),
	}}
}

// entryID is a one-off entry id ([MS-OXCDATA] 2.2.5.1).
func entryID(w person) []byte {
	b := []byte{
		0, 0, 0, 0, 0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02,
		0, 0, 0x01, 0x90,
	}
	for _, s := range []string{w.name, "SMTP", w.address} {
		b = append(b, wide(s)...)
		b = append(b, 0, 0)
	}
	return b
}

// wide is UTF-16LE without a terminator.
func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// headers makes the Internet header block of a received mail.
func headers(m *fts.Message, from, to person) string {
	sent := m.Props.Time(0x0039)
	return fmt.Sprintf("Received: from mx.example.net (192.0.2.25) by %s\r\n\twith ESMTPS; %s\r\n"+
		"From: =?utf-8?Q?sender?= <%s>\r\nTo: <%s>\r\nDate: %s\r\nMessage-ID: %s\r\nMIME-Version: 1.0\r\n\r\n",
		domain, sent.Format("Mon, 2 Jan 2006 15:04:05 -0700"), from.address, to.address,
		sent.Format("Mon, 2 Jan 2006 15:04:05 -0700"), m.Props.String(0x1035))
}
