"""Values of an axis as people write them, in AUTOMATIC1111's grammar.

`1, 2, 5` are values; `1-5` every whole number from 1 to 5; `1-10 (+3)` every third; `1-10 [4]` four, evenly
spread from 1 to 10. In texts, quotes keep a comma: `"a cat, asleep", a dog`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice

from webui.contracts.errors import BadRequest
from webui.contracts.plot import MAX_CELLS, AxisChoice, AxisKind, AxisValue

_NUMBER = r"[+-]?\d+(?:\.\d*)?|[+-]?\.\d+"
_RANGE = re.compile(rf"({_NUMBER})\s*-\s*({_NUMBER})\s*(?:\(\s*({_NUMBER})\s*\)|\[\s*(\d+)\s*\])?")
_DIGITS = 9
"""Decimal places to which steps are rounded, so that 0.1 + 0.2 is 0.3."""


def read_values(choice: AxisChoice, kind: AxisKind, title: str) -> tuple[AxisValue, ...]:
    """The values of an axis, in order.

    Raises:
        BadRequest: there are none, too many, or one is no number where one is expected.
    """
    texts = _split(choice.values)
    if not texts:
        raise BadRequest(f"The axis {title!r} has no values; at least one was expected.")
    read = texts if kind == "text" else (v for text in texts for v in _numbers(text, kind, title))
    values = tuple(islice(read, MAX_CELLS + 1))
    if len(values) > MAX_CELLS:
        raise BadRequest(
            f"The axis {title!r} has over {MAX_CELLS} values; a plot has at most {MAX_CELLS} pictures."
        )
    return values


def written(value: AxisValue) -> str:
    """A value as a legend has it: 7.0 is 7."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def joined(values: tuple[str, ...]) -> str:
    """Texts as they are written into the field: the way back from `read_values`."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(values)
    return out.getvalue()


def _split(text: str) -> tuple[str, ...]:
    rows = csv.reader(io.StringIO(text), skipinitialspace=True)
    return tuple(stripped for row in rows for value in row if (stripped := value.strip()))


def _numbers(text: str, kind: AxisKind, title: str) -> Iterator[AxisValue]:
    if (found := _RANGE.fullmatch(text)) is None:
        yield _number(text, kind, title)
        return
    start, end, step, count = found.groups()
    first, last = float(start), float(end)
    if count is not None:
        spread = _spread(first, last, int(count))
    else:
        default = 1.0 if first <= last else -1.0
        spread = _stepped(first, last, default if step is None else float(step), title)
    for value in spread:
        rounded = round(value, _DIGITS)
        yield int(rounded) if kind == "whole" else rounded


def _stepped(first: float, last: float, step: float, title: str) -> Iterator[float]:
    if step == 0 or (last - first) * step < 0:
        raise BadRequest(
            f"The axis {title!r} goes from {first:g} to {last:g} in steps of {step:g} and would never "
            "arrive; another step was expected."
        )
    for place in range(int((last - first) / step + 1e-9) + 1):
        yield first + place * step


def _spread(first: float, last: float, count: int) -> Iterator[float]:
    for place in range(count):
        yield first if count == 1 else first + (last - first) * place / (count - 1)


def _number(text: str, kind: AxisKind, title: str) -> AxisValue:
    try:
        return int(text) if kind == "whole" else float(text)
    except ValueError:
        expected = "a whole number" if kind == "whole" else "a number"
        raise BadRequest(
            f"The axis {title!r} has the value {text[:100]!r}; {expected}, or a range like 1-5, 1-10 (+3) or "
            "1-10 [4], was expected."
        ) from None
