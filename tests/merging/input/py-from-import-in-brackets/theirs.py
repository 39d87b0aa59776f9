from a import (
    one,
    two,
    zero,
)
