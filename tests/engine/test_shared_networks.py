"""Models that have a part in common hold it once, and neither sees what is done to the other."""

from __future__ import annotations

import gc
import os
import shutil
from dataclasses import replace
from pathlib import Path
from weakref import ReferenceType, ref

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tests.engine.rig import Rig, order
from tests.engine.tiny import write_tiny
from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import AdapterId, ModelId
from webui.contracts.lora_keys import TEXT
from webui.engine import shared_networks
from webui.engine.adapters.lora import load_lora
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.residency import Residency
from webui.engine.shared_networks import SharedNetworks, digest, network_bytes

CPU = torch.device("cpu")


def text_encoder(model: LoadedModel) -> nn.Module:
    assert model.text_encoder is not None
    return model.text_encoder


def vae(model: LoadedModel) -> nn.Module:
    assert isinstance(model.vae, nn.Module)
    return model.vae


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[CheckpointInfo, CheckpointInfo]:
    """Two folders with the same text encoder and first stage in files of their own, and other denoisers."""
    folder = tmp_path_factory.mktemp("pair")
    first = write_tiny(folder / "first")
    second = write_tiny(folder / "second", seed=1)
    for part in ("text_encoder", "vae"):
        shutil.rmtree(folder / "second" / part)
        shutil.copytree(folder / "first" / part, folder / "second" / part)
    return first, second


def loaded(*checkpoints: CheckpointInfo) -> tuple[SharedNetworks, list[LoadedModel]]:
    shared = SharedNetworks()
    return shared, [load_model(checkpoint, CPU, shared) for checkpoint in checkpoints]


def write_lora(file: Path, checkpoint: CheckpointInfo) -> AdapterInfo:
    """One of the text encoder alone."""
    generator = torch.Generator().manual_seed(3)
    name = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
    weights = load_file(Path(checkpoint.path) / "text_encoder" / "model.safetensors")
    width = next(w for n, w in weights.items() if n.endswith("0.self_attn.q_proj.weight")).shape[0]
    tensors = {
        f"{name}.lora_down.weight": torch.randn(2, width, generator=generator),
        f"{name}.lora_up.weight": torch.randn(width, 2, generator=generator),
    }
    save_file(tensors, file)
    return AdapterInfo(AdapterId("loras/words"), "lora", "words", str(file), 1)


def test_equal_parts_of_two_checkpoints_are_in_memory_once(
    pair: tuple[CheckpointInfo, CheckpointInfo],
) -> None:
    shared, (first, second) = loaded(*pair)
    assert first.text_encoder is second.text_encoder
    assert first.vae is second.vae
    assert first.unet is not second.unet
    common = network_bytes(text_encoder(first), vae(first))
    assert shared.bytes == first.bytes + second.bytes - common
    assert first.preview is second.preview  # to fit one costs as much as reading it


def test_all_numbers_of_a_network_are_read_only_where_another_looks_like_it(
    pair: tuple[CheckpointInfo, CheckpointInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(network: nn.Module) -> bytes | None:
        read.append(type(network).__name__)
        return digest(network)

    monkeypatch.setattr(shared_networks, "digest", counted)
    shared, _kept = loaded(pair[0])
    assert read == []
    _ = load_model(pair[1], CPU, shared)
    assert sorted(read) == ["AutoencoderKL"] * 2 + ["CLIPTextModel"] * 2


def test_a_network_with_a_lora_in_it_is_known_all_the_same(
    pair: tuple[CheckpointInfo, CheckpointInfo], tmp_path: Path
) -> None:
    shared, (first,) = loaded(pair[0])
    lora = load_lora(write_lora(tmp_path / "words.safetensors", pair[0]), CPU)
    first.merged.use(TEXT, text_encoder(first), ((lora, 1.0),))
    assert load_model(pair[1], CPU, shared).text_encoder is first.text_encoder


def test_a_network_whose_file_is_gone_is_not_taken_for_another(tmp_path: Path) -> None:
    first = write_tiny(tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    shared, (one,) = loaded(first)
    shutil.rmtree(tmp_path / "first")
    second = replace(first, id=ModelId("second"), path=str(tmp_path / "second"))
    assert load_model(second, CPU, shared).vae is not one.vae


@pytest.mark.parametrize("place", [0, -1])
def test_parts_that_differ_in_one_number_are_two(tmp_path: Path, place: int) -> None:
    first = write_tiny(tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    file = tmp_path / "second" / "text_encoder" / "model.safetensors"
    weights = load_file(file)
    name = max(weights, key=lambda name: weights[name].numel())
    weights[name].view(-1)[place] += 1
    save_file(weights, file, {"format": "pt"})
    second = replace(first, id=ModelId("second"), path=str(tmp_path / "second"))
    _, (one, two) = loaded(first, second)
    assert one.text_encoder is not two.text_encoder
    assert one.vae is two.vae


def test_networks_of_equal_weights_and_another_configuration_are_two(tmp_path: Path) -> None:
    model = load_model(write_tiny(tmp_path / "first"), CPU)
    before = digest(vae(model))
    assert before == digest(vae(model))
    vae(model).register_to_config(norm_num_groups=2)  # type: ignore[operator]
    assert digest(vae(model)) != before


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    checkpoint = write_tiny(tmp_path / "first")
    shared, (before,) = loaded(checkpoint)
    assert load_model(checkpoint, CPU, shared).unet is before.unet
    file = tmp_path / "first" / "unet" / "diffusion_pytorch_model.safetensors"
    os.utime(file, (1, 1))
    assert load_model(checkpoint, CPU, shared).unet is not before.unet


def test_nothing_is_kept_alive(pair: tuple[CheckpointInfo, CheckpointInfo]) -> None:
    shared, models = loaded(*pair)
    assert shared.bytes > 0
    models.clear()
    gc.collect()
    assert shared.bytes == 0


def test_a_lora_on_one_does_not_show_in_the_other(
    pair: tuple[CheckpointInfo, CheckpointInfo], tmp_path: Path
) -> None:
    alone = Rig(*(load_model(checkpoint, CPU) for checkpoint in pair))
    together = Rig(*loaded(*pair)[1])
    lora = write_lora(tmp_path / "words.safetensors", pair[0])
    wanted = (
        order(pair[0], "plain"),
        order(pair[0], "changed", adapters=(lora,), loras=[{"adapter": lora.id, "weight": 1.0}]),
        order(pair[1], "other"),
    )
    for rig in (alone, together):
        rig.finish(*wanted)  # at once: the text encoder is changed and put back between them
        assert set(rig.ends().values()) == {"done"}
    for job in ("plain", "changed", "other"):
        np.testing.assert_array_equal(together.pictures(job), alone.pictures(job))
    assert (together.pictures("plain")[0] != together.pictures("changed")[0]).any()


def watched(residency: Residency, checkpoint: CheckpointInfo) -> list[ReferenceType[nn.Module]]:
    """The parts of a model that is used for a moment, the largest first; none is kept alive."""
    with residency.use(checkpoint) as model:
        parts = sorted(model.networks, key=network_bytes, reverse=True)
        return [ref(part) for part in parts]


def test_a_model_makes_room_by_its_largest_part_where_that_is_enough(tmp_path: Path) -> None:
    checkpoints = [write_tiny(tmp_path / name, seed=i) for i, name in enumerate("abc")]
    shared = SharedNetworks()
    size = load_model(checkpoints[0], CPU).bytes
    budget = int(2.5 * size)
    residency = Residency(
        lambda c: load_model(c, CPU, shared), budget, lambda _: None, shared=shared
    )
    largest, *others = watched(residency, checkpoints[0])
    for checkpoint in checkpoints[1:]:
        watched(residency, checkpoint)
        assert residency.resident_bytes <= budget
    assert largest() is None
    assert all(part() is not None for part in others)
    again = watched(residency, checkpoints[0])
    assert again[0]() is not None
    assert [part() for part in again[1:]] == [part() for part in others]
    assert residency.resident_bytes <= budget


def test_what_is_left_of_a_model_goes_when_the_room_is_needed(tmp_path: Path) -> None:
    checkpoints = [write_tiny(tmp_path / name, seed=i) for i, name in enumerate("ab")]
    shared = SharedNetworks()
    budget = load_model(checkpoints[0], CPU).bytes
    residency = Residency(
        lambda c: load_model(c, CPU, shared), budget, lambda _: None, shared=shared
    )
    first = watched(residency, checkpoints[0])
    watched(residency, checkpoints[1])
    assert residency.resident_bytes <= budget
    assert [part() for part in first] == [None, None, None]


def test_networks_that_are_given_up_are_read_anew_and_the_others_are_shared_on(
    pair: tuple[CheckpointInfo, CheckpointInfo],
) -> None:
    shared, (first, second) = loaded(*pair)
    assert vae(first) is vae(second)
    shared.forget({vae(first)})
    later = load_model(pair[1], CPU, shared)
    assert vae(later) is not vae(second)
    assert text_encoder(later) is text_encoder(second)
    assert later.unet is second.unet
