"""What the header of a hypernetwork's file says of it."""

from __future__ import annotations

from pathlib import Path

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import NotAModel
from webui.contracts.ids import AdapterId
from webui.services.known_files import read_drawable
from webui.weights.hypernetwork_files import hypernetwork_layers

_BASES = {768: "SD 1", 1024: "SD 2"}
"""Width of the text tokens that it changes, and the models that read such."""


def describe_hypernetwork(file: Path, adapter: AdapterId) -> AdapterInfo:
    """Read what the menu needs of a hypernetwork's file.

    Raises:
        NotAModel: it is none.
        BrokenModel: it is truncated or unreadable.
    """
    header = read_drawable(file)
    widths = {width for width, _ in hypernetwork_layers(header.shapes)}
    if not widths:
        raise NotAModel(
            "It lies in a folder of hypernetworks, but holds no layers by width, such as '768.0.linear.0.weight'."
        )
    text = next((width for width in _BASES if width in widths), 0)
    return AdapterInfo(
        adapter, "hypernetwork", file.stem, str(file.resolve()), header.bytes,
        base=_BASES.get(text, ""), text_width=text,
    )  # fmt: skip
