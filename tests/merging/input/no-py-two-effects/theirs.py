def f(out):
    out.open()
    out.fill()
    return out
