package batch

import "testing"

func TestRoomCutsByItemsAndBytes(t *testing.T) {
	room := Limits{Items: 3, Bytes: 100}.Room()
	if !room.Take(1000) {
		t.Error("the first item must always fit")
	}
	if room.Take(1) || !room.Full() {
		t.Error("a large item goes alone")
	}
	room = Limits{Items: 3, Bytes: 100}.Room()
	for range 3 {
		if room.Full() || !room.Take(10) {
			t.Fatal("three small items fit")
		}
	}
	if !room.Full() || room.Take(10) {
		t.Error("the number is bounded")
	}
	room = Limits{Items: 10, Bytes: 100}.Room()
	if !room.Take(60) || room.Take(41) || !room.Take(40) {
		t.Error("the bytes are bounded")
	}
	room = Limits{Items: 10, Bytes: unknownSize + 1}.Room()
	if !room.Take(0) || room.Take(0) {
		t.Error("an item of unknown size counts")
	}
}

func TestSizerShrinksAndRecovers(t *testing.T) {
	most := Limits{Items: 100, Bytes: 1 << 20}
	s := NewSizer(most)
	s.Shrink(40, 1<<19)
	if got := s.Limits(); got != (Limits{Items: 20, Bytes: 1 << 18}) {
		t.Errorf("after a request that was too much: %+v", got)
	}
	s.Shrink(90, 1<<20)
	if got := s.Limits(); got != (Limits{Items: 20, Bytes: 1 << 18}) {
		t.Errorf("a larger request that began before must not raise the limits: %+v", got)
	}
	for range growAfter * 10 {
		s.Good()
	}
	if got := s.Limits(); got != most {
		t.Errorf("after many good requests: %+v", got)
	}
	for range 10 {
		s.Shrink(s.Limits().Items, s.Limits().Bytes)
	}
	if got := s.Limits(); got.Items != 1 || got.Bytes < 1 {
		t.Errorf("never below one item: %+v", got)
	}
}
