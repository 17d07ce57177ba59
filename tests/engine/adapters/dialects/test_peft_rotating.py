"""OFT of PEFT: turns of what enters a layer, block by block, against inputs turned by hand in float64."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.engine.adapters.dialects.hand import close, random
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel, LacksFile
from webui.contracts.ids import AdapterId
from webui.engine.adapters.dialects.change import Pieces, fits
from webui.engine.adapters.dialects.peft_rotating import PeftRotating, read
from webui.engine.adapters.lora import load_lora
from webui.services.catalog import Catalog
from webui.services.lora_files import describe_lora
from webui.weights.peft_turns import PeftTurns

EXACT, SERIES = PeftTurns(False, None, None), PeftTurns(False, None, 5)
SIDE, BLOCKS, OUT = 4, 3, 7
CONFIG: dict[str, Any] = {
    "peft_type": "OFT", "r": 0, "oft_block_size": SIDE, "coft": False, "eps": 6e-5, "block_share": False,
    "use_cayley_neumann": True, "num_cayley_neumann_terms": 5,
}  # fmt: skip


def turn(numbers: Tensor, turns: PeftTurns, blocks: int = BLOCKS) -> Tensor:
    """What a row of inputs of one block is multiplied by, from behind."""
    q, at = torch.zeros(SIDE, SIDE, dtype=torch.float64), 0
    for row in range(SIDE):
        for column in range(row + 1, SIDE):
            q[row, column], q[column, row] = numbers[at], -numbers[at]
            at += 1
    if turns.limit is not None:
        q = q * min(1.0, turns.limit / blocks**0.5 / float(q.norm()))
    unit = torch.eye(SIDE, dtype=torch.float64)
    if turns.terms is None:
        return (unit - q) @ torch.inverse(unit + q)
    counts = {
        1: [1],
        2: [1, 2],
        3: [1, 2, 2, 1],
        4: [1, 2, 2, 1],
        5: [1, 2, 2, 2, 1],
        6: [1, 2, 2, 2, 2, 1],
    }
    powers = enumerate(counts[turns.terms])
    return sum((n * torch.linalg.matrix_power(q, p) for p, n in powers), 0 * unit)


@pytest.mark.parametrize(
    "turns",
    [EXACT, SERIES, PeftTurns(False, 0.05, None), PeftTurns(True, None, 5), PeftTurns(True, 0.1, None)]
    + [PeftTurns(False, None, terms) for terms in (1, 2, 3, 4, 6)],
)  # fmt: skip
def test_a_layer_answers_as_to_inputs_that_are_turned(turns: PeftTurns) -> None:
    count = 1 if turns.is_shared else BLOCKS
    numbers, weight = random(count, SIDE * (SIDE - 1) // 2) * 0.2, random(OUT, BLOCKS * SIDE)
    change = read(Pieces("to_k", {"oft_R": numbers}, turns=turns))
    inputs = torch.eye(BLOCKS * SIDE, dtype=torch.float64)
    turned = [
        inputs[:, b * SIDE : (b + 1) * SIDE]
        @ turn(numbers[0 if turns.is_shared else b], turns, count)
        for b in range(BLOCKS)
    ]
    wanted = (torch.cat(turned, 1) @ weight.double().T).T - weight.double()
    assert close(change, weight, wanted)
    assert change.first_ranks(1) is change
    assert fits(change, (99, BLOCKS * SIDE))
    assert fits(change, (99, 8)) is turns.is_shared


def test_a_convolutions_inputs_are_counted_with_its_kernel() -> None:
    numbers, weight = random(9, 6) * 0.2, random(5, 4, 3, 3)
    change = read(Pieces("conv", {"oft_R": numbers}, turns=EXACT))
    flat = change.change(weight.flatten(1))
    assert torch.allclose(change.change(weight), flat.view(5, 4, 3, 3))
    assert float(flat.abs().max()) > 0.01


def test_numbers_of_no_block_are_named() -> None:
    for shape, text in (((2, 5), "of no square"), ((6,), "was expected")):
        with pytest.raises(ValueError, match=text):
            read(Pieces("to_k", {"oft_R": random(*shape)}, turns=SERIES))
    with pytest.raises(ValueError, match="nothing says how"):
        read(Pieces("to_k", {"oft_R": random(1, 6)}))


def written(folder: Path, **said: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    name = (
        "base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k.oft_R.weight"
    )
    save_file({name: random(BLOCKS, 6)}, folder / "adapter_model.safetensors")
    if said:
        (folder / "adapter_config.json").write_text(json.dumps(said))
    return folder / "adapter_model.safetensors"


def test_a_file_is_read_by_the_configuration_beside_it(tmp_path: Path) -> None:
    file = written(tmp_path, **{**CONFIG, "coft": True, "eps": 0.5})
    info = describe_lora(file, AdapterId("turns"))
    (change,) = load_lora(info, torch.device("cpu")).changes.values()
    assert isinstance(change, PeftRotating)
    assert change.turns == PeftTurns(False, 0.5, 5)
    assert change.shape == (0, BLOCKS * SIDE)


def test_without_it_the_catalogue_says_what_is_missing_until_it_is_there(tmp_path: Path) -> None:
    file = written(tmp_path / "loras" / "turns")
    catalog = Catalog([tmp_path])
    assert catalog.adapters("lora") == ()
    (said,) = (why for _, why in catalog.problems())
    assert "adapter_config.json does, and is not beside it" in said
    info = AdapterInfo(AdapterId("turns"), "lora", "turns", str(file), 1)
    with pytest.raises(BrokenModel, match="is not beside it"):
        load_lora(info, torch.device("cpu"))
    written(file.parent, **CONFIG)
    catalog.refresh()
    assert [each.kind for each in catalog.adapters("lora")] == ["lora"]


@pytest.mark.parametrize(
    "said",
    [
        {"peft_type": "LORA"}, {**CONFIG, "use_cayley_neumann": None}, {**CONFIG, "eps": 0},
        {**CONFIG, "num_cayley_neumann_terms": 0}, {**CONFIG, "num_cayley_neumann_terms": 10**9},
    ],
)  # fmt: skip
def test_a_configuration_that_leaves_it_open_is_refused(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    with pytest.raises(BrokenModel, match=r"adapter_config\.json"):
        describe_lora(written(tmp_path, **said), AdapterId("turns"))
    assert issubclass(LacksFile, BrokenModel)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 200_000, b" " * (2**20 + 1)])
def test_a_damaged_configuration_is_named(tmp_path: Path, content: bytes) -> None:
    file = written(tmp_path)
    (tmp_path / "adapter_config.json").write_bytes(content)
    with pytest.raises(BrokenModel, match=r"adapter_config\.json"):
        describe_lora(file, AdapterId("turns"))
