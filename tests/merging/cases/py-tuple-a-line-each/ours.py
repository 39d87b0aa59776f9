T = (
    a,
    b,
    c,
)
