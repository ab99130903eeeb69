"""Two runs of one picture, held against each other."""
