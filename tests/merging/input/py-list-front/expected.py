N = [
    k,
    l,
    m,
    n,
]
