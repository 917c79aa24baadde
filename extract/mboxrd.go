package extract

import "io"

// separator begins the line before each message of an mbox.
const separator = "From "

// mboxWriter writes a message as it stands in an mbox: line ends of one byte, and
// a ">" more before lines that could be taken for the beginning of a message.
type mboxWriter struct {
	w       io.Writer
	start   bool // of a line, perhaps after some ">"
	open    bool // the line has something in it
	matched int  // bytes of separator that were there, and are held back
	cr      bool // one is held back
	out     []byte
}

func (m *mboxWriter) Write(p []byte) (int, error) {
	m.out = m.out[:0]
	for _, c := range p {
		if m.cr && c != '\n' {
			m.byte('\r')
		}
		if m.cr = c == '\r'; !m.cr {
			m.byte(c)
		}
	}
	_, err := m.w.Write(m.out)
	return len(p), err
}

// byte takes a byte of a line, or its end.
func (m *mboxWriter) byte(c byte) {
	m.open = c != '\n'
	if m.start {
		switch {
		case c == '>' && m.matched == 0:
			m.out = append(m.out, c)
			return
		case c == separator[m.matched]:
			if m.matched++; m.matched == len(separator) {
				m.out = append(m.out, '>')
				m.release()
			}
			return
		}
		m.release()
	}
	m.out = append(m.out, c)
	m.start = c == '\n'
}

// release writes what was held back, which was not what it could have been.
func (m *mboxWriter) release() {
	m.out = append(m.out, separator[:m.matched]...)
	m.matched, m.start = 0, false
}

// end ends the message, with an empty line after it.
func (m *mboxWriter) end() error {
	m.out = m.out[:0]
	if m.cr {
		m.byte('\r')
	}
	if m.open {
		m.release()
		m.out = append(m.out, '\n')
	}
	m.out = append(m.out, '\n')
	_, err := m.w.Write(m.out)
	return err
}
