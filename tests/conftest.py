"""What all tests share: how threads of a computation wait, which torch reads when it is imported."""

import os

# As cli.py does for the program: long spins starve other threads when tests share two cores.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")
