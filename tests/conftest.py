"""What all tests share: how threads of a computation wait, which torch reads when it is imported."""

import os

# As cli.py does for the program: spinning threads starve each other when tests share two cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
