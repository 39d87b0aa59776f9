x = f(a, c)
