LINES = [
    "start()",
    "if told: seen = told",
    "return done",
]
