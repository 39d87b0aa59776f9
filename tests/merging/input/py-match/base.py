def f(x):
    match x:
        case "a":
            return 1
        case _:
            return 0
