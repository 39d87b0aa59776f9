D = {
    "a": f,  # first
    # second
    "b": g,
    "c": h,  # third
    # fourth
    "d": i,
}
