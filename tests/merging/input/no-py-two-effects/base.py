def f(out):
    out.open()
    return out
