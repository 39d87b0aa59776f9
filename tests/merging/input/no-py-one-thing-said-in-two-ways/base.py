LINES = [
    "start()",
    "return done",
]
