x = y[a]
