"""What both processes call the method."""

ZERO_STAR = "CFG-Zero*"
EXPLAINED = "For flow models: the negative prompt's velocity in its best length, and none in the first steps (Fan et al. 2025)."
