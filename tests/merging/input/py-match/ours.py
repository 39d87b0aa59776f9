def f(x):
    match x:
        case "a":
            return 1
        case "b":
            return 2
        case _:
            return 0
