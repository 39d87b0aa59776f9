x = make(a, b=1, d=3)
