"""The terminal face: operations in, facts out, as lines and coloured diffs."""
