"""LoRAs of whole networks, in each dialect and under each maker's names, change weights of the true shapes.

Nothing is computed: the tensors are of the device `meta`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
import torch
from torch import Tensor

from tests.services.lora_layout import Part, clip, of_diffusers, t5
from tests.services.test_full_size_loras import CASES, Case
from webui.contracts.lora_keys import TEXT, TEXT_2, TEXT_3, UNET, Place, split_keys
from webui.engine.adapters.dialects import BIAS, changes_of
from webui.engine.adapters.dialects.change import Change, Pieces, fits
from webui.engine.adapters.fused import parted
from webui.weights.peft_turns import PeftTurns

NETWORKS = {"": "sd1", "SD 1": "sd1", "SD 2": "sd2", "SDXL": "xl", "SD 3": "sd3", "FLUX": "flux"}
ENCODERS = {
    "sd1": {TEXT: clip()},
    "sd2": {TEXT: clip(1024, 23)},
    "xl": {TEXT: clip(), TEXT_2: clip(1280, 32)},
    "sd3": {TEXT: clip(), TEXT_2: clip(1280, 32), TEXT_3: t5()},
    "flux": {TEXT: clip(), TEXT_2: t5()},
}
TURNS = PeftTurns(is_shared=False, limit=None, terms=None)


def weights_of(network: str) -> dict[Place, tuple[int, ...]]:
    """By place: shapes of the weights that a LoRA finds in a model."""
    parts: dict[str, Part] = {UNET: of_diffusers(network), **ENCODERS[network]}
    return {
        (part, name.replace(".", "_").removeprefix("text_model_")): shape
        for part, layers in parts.items()
        for name, shape in layers.items()
    }


def changes(case: Case) -> Iterator[tuple[Place, Change]]:
    """As `load_lora` makes them of a file."""
    pieces: dict[Place, dict[str, Tensor]] = {}
    shapes = case.shapes()
    for key, (place, piece) in split_keys(shapes).items():
        device = "meta" if shapes[key] else "cpu"
        pieces.setdefault(place, {})[piece] = torch.zeros(shapes[key], device=device)
    for (part, name), found in pieces.items():
        found.pop("alpha", None)
        if "on_input" in found:
            found["on_input"] = torch.tensor(name.endswith("net_2"))
        own: Mapping[str, Mapping[str, Tensor]] = {name: found}
        if part == UNET:
            own = dict(parted(name, found))
        for where, cut in own.items():
            for ending, change in changes_of(Pieces(where, cut, turns=TURNS)):
                yield (part, where + ending), change


@pytest.mark.parametrize("name", CASES)
def test_each_change_fits_the_weight_of_its_place(name: str) -> None:
    case = CASES[name]
    weights = weights_of(NETWORKS[case.base])
    found = 0
    for (part, where), change in changes(case):
        if not where.endswith(BIAS):
            assert fits(change, weights[part, where]), where
            found += 1
    assert found >= sum(case.places.values())
