D = {
    "a": f,  # first
    # second
    "b": g,
    # fourth
    "d": i,
}
