x = make(a, b=1)
