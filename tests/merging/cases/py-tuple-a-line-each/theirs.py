T = (
    a,
    b,
    d,
)
