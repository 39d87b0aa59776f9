x = y[a, b]
