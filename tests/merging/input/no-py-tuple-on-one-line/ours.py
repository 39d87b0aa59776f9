x = (a, b, c)
