N = [
    k,
    m,
    n,
]
