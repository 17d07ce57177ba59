"""The header of a file that may be drawn with; of others that are known it is said what they are."""

from __future__ import annotations

from pathlib import Path

from webui.contracts.errors import NotAModel
from webui.weights.header import WeightsHeader
from webui.weights.known_kinds import known_kind
from webui.weights.read import read_weights


def read_drawable(file: Path) -> WeightsHeader:
    """The header of a weights file.

    Raises:
        NotAModel: it is of a kind that is known and not drawn with, or holds something else.
        BrokenModel: it is damaged or incomplete.
    """
    header = read_weights(file)
    if (kind := known_kind(header.shapes)) is not None:
        raise NotAModel(kind.sentence)
    return header
