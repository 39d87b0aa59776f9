D = {
    "a": f,
    "b": g
}
