D = {
    "a": f,  # first
    # second
    "b": g,
}
