from a import (
    one,
    three,
    two,
)
