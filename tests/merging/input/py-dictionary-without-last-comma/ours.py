D = {
    "a": f,
    "b": g,
    "c": h
}
