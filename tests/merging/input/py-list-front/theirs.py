N = [
    l,
    m,
    n,
]
