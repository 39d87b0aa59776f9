D = {
    "a": f,
    "b": g,
    "d": i
}
