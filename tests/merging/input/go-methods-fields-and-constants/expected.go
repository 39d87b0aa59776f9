package store

import (
	"fmt"
	"os"
)

const (
	Small = "small"
	Large = "large"
	Huge  = "huge"
	Tiny  = "tiny"
)

// Store keeps notes.
type Store struct {
	notes map[string]string
	open  bool
	file  string
}

// Add keeps a note.
func (s *Store) Add(name, text string) error {
	if name == "" {
		return fmt.Errorf("no name in %s", os.Args[0])
	}
	s.notes[name] = text
	return nil
}

// Close ends it.
func (s *Store) Close() {
	s.open = false
}

func (s *Store) Len() int {
	return len(s.notes)
}

func size(kind string) int {
	switch kind {
	case Small:
		return 1
	default:
		return 0
	}
}

var limits = map[string]int{
	Small: 10,
}
