def f(x):
    match x:
        case "a":
            return 1
        case "c":
            return 3
        case _:
            return 0
