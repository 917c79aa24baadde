package ewsauth

import "testing"

// A request that was under way when the password expired may still be answered,
// after the password was asked for anew: that says nothing of the new one.
func TestALateAnswerAcceptsNoNewPassword(t *testing.T) {
	t.Parallel()
	asked := 0
	p := newPassword(NewSecret("old"), func() (Secret, error) {
		asked++
		return NewSecret("old"), nil // nobody has changed the file yet
	})
	first := p.current()
	p.worked(first)
	p.refused(first)
	p.worked(first) // late
	p.refused(first)
	p.refused(p.current())
	if asked != 1 {
		t.Errorf("the password was asked for %d times, want once: it was not accepted since", asked)
	}
	p.worked(p.current())
	p.refused(p.current())
	if asked != 2 {
		t.Errorf("accepted and refused again, and it was asked for %d times, want 2", asked)
	}
}
