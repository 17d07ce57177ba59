"""IP-Adapters in single files (Ye et al. 2023): which of the layouts one is, and its sizes, from names and shapes.

`image_proj` makes tokens of what an image encoder says; `ip_adapter.1.to_k_ip`, `.3.`, `.5.` ... are keys and values
for the cross-attentions of a UNet, in the order in which it lists its attentions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from webui.contracts.errors import BrokenModel, NotAModel

IpLayout = Literal["plain", "full", "plus"]
"""'plain': some tokens of the picture as a whole; 'full': a token a patch; 'plus': a resampler of the patches."""
PROJECTION = "image_proj."
_PLACE = re.compile(r"ip_adapter\.(\d+)\.to_k_ip\.weight")
_MARKS: Mapping[IpLayout, str] = {"plain": "proj.weight", "full": "proj.3.weight", "plus": "latents"}  # fmt: skip
_FACE_ID = ("norm.weight", "perceiver_resampler.proj_in.weight")
"""In those that read the numbers of a face recogniser: the plain one's norm stands beside `proj.weight`."""
HEAD = 64
"""Width of a head of the resampler."""


@dataclass(frozen=True)
class IpShape:
    """Sizes of an IP-Adapter."""

    layout: IpLayout
    told_width: int
    """Width of what it is told of a picture: as a whole by the plain one, of each patch by the others."""
    text_width: int
    """Width of its tokens, which is that of the text's."""
    tokens: int
    """How many it makes of a picture; 0 for one a patch."""
    layers: int
    """Blocks of the resampler."""
    places: tuple[int, ...]
    """Numbers of its cross-attentions in the file's names."""

    @property
    def reads_patches(self) -> bool:
        """Whether it is told of each patch rather than of the whole."""
        return self.layout != "plain"


def is_ip_adapter(names: Mapping[str, object]) -> bool:
    """Whether a file of these names is an IP-Adapter, of whatever kind."""
    return any(name.startswith(PROJECTION) for name in names) and any(map(_PLACE.match, names))


def ip_adapter_shape(shapes: Mapping[str, tuple[int, ...]]) -> IpShape:
    """The sizes of an IP-Adapter.

    Raises:
        NotAModel: it is of a kind that is not drawn with; says which.
        BrokenModel: tensors are missing or of impossible shapes.
    """
    own = {n.removeprefix(PROJECTION): s for n, s in shapes.items() if n.startswith(PROJECTION)}
    layout = next((name for name, mark in _MARKS.items() if mark in own), None)
    if layout is None and any(mark in own for mark in _FACE_ID):
        raise NotAModel(
            "It is an IP-Adapter FaceID, which reads the numbers of a face recogniser in place of a picture. Use one "
            "that reads pictures, such as ip-adapter-plus-face."
        )
    if layout is None:
        raise NotAModel("It is an IP-Adapter whose 'image_proj' is of a layout that is not known.")
    places = tuple(sorted(int(found[1]) for name in shapes if (found := _PLACE.match(name))))
    try:
        return _shape(layout, own, shapes, places)
    except (LookupError, ValueError, ArithmeticError) as error:
        raise BrokenModel(
            f"The IP-Adapter is incomplete or of impossible shapes: {error}. Download it again."
        ) from error


def _shape(
    layout: IpLayout,
    own: Mapping[str, tuple[int, ...]],
    shapes: Mapping[str, tuple[int, ...]],
    places: tuple[int, ...],
) -> IpShape:
    _, text_width = shapes[f"ip_adapter.{places[0]}.to_k_ip.weight"]
    for place in places:
        if shapes[f"ip_adapter.{place}.to_v_ip.weight"][1] != text_width:
            raise ValueError(f"the values of attention {place} are of another width than its keys")
    if layout == "plain":
        wide, told = own["proj.weight"]
        return IpShape(layout, told, text_width, wide // text_width, 0, places)
    if layout == "full":
        return IpShape(layout, own["proj.0.weight"][1], text_width, 0, 0, places)
    layers = 0
    while f"layers.{layers}.0.to_q.weight" in own:
        layers += 1
    if not layers:
        raise KeyError("layers.0.0.to_q.weight")
    tokens = own["latents"][1]
    return IpShape(layout, own["proj_in.weight"][1], text_width, tokens, layers, places)


def resampler_name(name: str) -> str:
    """Diffusers' name of a tensor of a resampler; `to_kv` is two of its own."""
    found = re.fullmatch(r"layers\.(\d+)\.([01])\.(.+)", name)
    if found is None:
        return name
    block, part, rest = f"layers.{found[1]}.", found[2], found[3]
    if part == "1":
        head, _, parameter = rest.partition(".")
        return f"{block}ff.{_FEED[head]}.{parameter}" if head in _FEED else name
    for theirs, ours in _ATTENTION:
        if rest.startswith(theirs):
            return block + ours + rest.removeprefix(theirs)
    return name


_FEED = {"0": "0", "1": "1.net.0.proj", "3": "1.net.2"}
_ATTENTION = (
    ("norm1.", "ln0."), ("norm2.", "ln1."), ("to_q.", "attn.to_q."), ("to_kv.", "attn.to_kv."),
    ("to_out.", "attn.to_out.0."),
)  # fmt: skip
