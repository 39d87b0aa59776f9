import a

X = [1, 2, 3]
