"""A segmentation network says what transformers' own says; a damaged one is named, and everybody gets an answer."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers.models.segformer.configuration_segformer import SegformerConfig
from transformers.models.segformer.modeling_segformer import SegformerForSemanticSegmentation

from tests.engine.library import save_picture
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import AdapterId
from webui.contracts.messages import ClassesRead, ReadClasses
from webui.engine.adapters.lora import LoadedLora
from webui.engine.adapters.segmenter import MEAN, SPREAD, load_segmenter
from webui.engine.adapters.store import Adapter, AdapterStore, load_adapter
from webui.engine.class_reading import ClassReader
from webui.services.segmenter_files import describe_segmenter_folder

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network, as transformers saves it."""
    made = tmp_path_factory.mktemp("segmenters") / "tiny"
    config = SegformerConfig(
        hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16, id2label={i: f"class {i}" for i in range(5)},
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net: Any = SegformerForSemanticSegmentation(config)
        torch.nn.init.normal_(net.decode_head.classifier.weight, std=1.0)
    net.save_pretrained(made)
    return made


@pytest.fixture
def info(folder: Path) -> AdapterInfo:
    found = describe_segmenter_folder(folder, AdapterId("segmenters/tiny"))
    assert found is not None
    return found


def test_transformers_sees_the_same(info: AdapterInfo, folder: Path) -> None:
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
    photo = small.resize((640, 640), Image.Resampling.BICUBIC)
    net: Any = SegformerForSemanticSegmentation.from_pretrained(folder)
    net.eval()
    values = (np.asarray(photo, np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(SPREAD, np.float32)  # fmt: skip
    with torch.inference_mode():
        logits = net(torch.from_numpy(values.transpose(2, 0, 1).copy())[None]).logits
        fine = torch.nn.functional.interpolate(logits, (640, 640), mode="bilinear")
    expected = fine.argmax(1)[0].numpy()
    seen = load_segmenter(info, CPU).read(photo)
    assert (seen == expected).mean() > 0.999
    assert len(np.unique(seen)) > 1


@pytest.mark.parametrize("size", [(48, 200), (33, 31), (1500, 700)])
def test_a_map_has_its_pictures_size(info: AdapterInfo, size: tuple[int, int]) -> None:
    seen = load_segmenter(info, CPU).read(Image.new("RGB", size, "green"))
    assert seen.shape == (size[1], size[0])
    assert seen.dtype == np.uint8


def test_a_damaged_one_is_a_broken_model(info: AdapterInfo, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    file = tmp_path / "copy" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:500])
    bad = AdapterInfo(info.id, "segmenter", "tiny", str(tmp_path / "copy"), 1)
    with pytest.raises(BrokenModel, match="'segmenters/tiny'"):
        load_segmenter(bad, CPU)


def test_one_that_lacks_weights_is_named(info: AdapterInfo, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    weights = load_file(folder / "model.safetensors")
    weights.pop("decode_head.classifier.weight")
    save_file(weights, tmp_path / "copy" / "model.safetensors")
    bad = replace(info, path=str(tmp_path / "copy"))
    with pytest.raises(BrokenModel, match=r"lacks 'decode_head\.classifier\.weight'"):
        load_segmenter(bad, CPU)


def test_every_order_is_answered(info: AdapterInfo, tmp_path: Path) -> None:
    told: list[ClassesRead] = []
    reader = ClassReader(CPU, told.append, AdapterStore())
    photo = save_picture(tmp_path / "a.png", 40, 24)
    reader.answer(ReadClasses("a", info, str(photo)))
    reader.answer(ReadClasses("b", info, str(tmp_path / "gone.png")))
    seen, missing = told
    assert (seen.reading, seen.width, seen.height, seen.error) == ("a", 40, 24, None)
    assert len(seen.data) == 40 * 24
    assert (missing.reading, missing.data) == ("b", b"")
    assert missing.error is not None
    assert "gone.png" in missing.error


def test_a_segmenter_makes_room_for_other_adapters_and_is_read_again(
    info: AdapterInfo, tmp_path: Path
) -> None:
    loads: list[str] = []

    def load(wanted: AdapterInfo, device: torch.device) -> Adapter:
        loads.append(wanted.kind)
        return load_adapter(wanted, device) if wanted.kind == "segmenter" else lora

    lora = LoadedLora(replace(info, kind="lora"), {}, bytes=1000)
    store = AdapterStore(1000, on_loaded=lambda: None, load=load)  # loads in threads of their own
    told: list[ClassesRead] = []
    reader = ClassReader(CPU, told.append, store)
    photo = save_picture(tmp_path / "a.png", 40, 24)
    for reading in "ab":
        reader.answer(ReadClasses(reading, info, str(photo)))
    store.wait_for(lora.info, CPU)
    reader.answer(ReadClasses("c", info, str(photo)))
    assert loads == ["segmenter", "lora", "segmenter"]
    assert [each.error for each in told] == [None, None, None]
    assert told[2].data == told[0].data
