x = (a, b, d)
