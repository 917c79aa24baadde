package ewsauth

import (
	"fmt"
	"io"
	"log/slog"
)

const hidden = "[secret]"

// Secret is a password or a token. Printed, formatted, logged or marshalled in
// any way it is "[secret]"; only Reveal gives it away. Two Secrets of the same
// text are not equal under ==.
type Secret struct {
	// A pointer, since fmt shows the unexported fields of other structs without
	// asking their methods, but does not follow a pointer there.
	value *string
}

// NewSecret wraps value.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal returns the secret itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero says that there is no secret, or an empty one.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String implements [fmt.Stringer].
func (s Secret) String() string { return hidden }

// GoString implements [fmt.GoStringer].
func (s Secret) GoString() string { return hidden }

// Format implements [fmt.Formatter], so that no verb shows the secret.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText implements [encoding.TextMarshaler], for the formats that ask for it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
