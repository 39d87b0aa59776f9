N = [
    m,
    n,
]
