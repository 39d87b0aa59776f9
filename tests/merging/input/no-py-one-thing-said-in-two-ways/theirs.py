LINES = [
    "start()",
    "seen = told",
    "return done",
]
