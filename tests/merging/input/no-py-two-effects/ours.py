def f(out):
    out.open()
    out.clear()
    return out
