import a

X = [1, 3]
