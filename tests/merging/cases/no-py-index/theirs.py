x = y[a, c]
