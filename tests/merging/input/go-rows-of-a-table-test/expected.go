package a

func TestAdd(t *testing.T) {
	for _, c := range []struct{ a, want int }{
		{1, 2},
		{5, 6},
		{a: 7, want: 8},
	} {
		check(t, c)
	}
}
