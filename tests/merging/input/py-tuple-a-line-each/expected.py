T = (
    a,
    b,
    c,
    d,
)
