"""The program that makes a model for the studio.

python -m webui.engine.tools.for_studio TARGET FIRST [OTHER ...] [flags]

It ends when its input does, so that nothing is made for a studio that is gone.
"""

from __future__ import annotations

import os
import sys
import threading


def main() -> int:
    """Make one model; the result is the exit status."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    from webui.engine.tools.ordered import make  # noqa: PLC0415  torch takes seconds

    return make(sys.argv[1:])


def _end_with_input() -> None:
    while os.read(0, 4096):  # not sys.stdin, whose lock Python wants to have when it ends
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
