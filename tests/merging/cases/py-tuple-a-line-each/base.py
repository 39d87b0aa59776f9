T = (
    a,
    b,
)
