"""The LoRA trainer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from tests.training.parts import SIZE, TINY_LOOP, TINY_UNET, saved_parts, tiny_parts
from webui.contracts.ids import AdapterId
from webui.services.lora_files import describe_lora
from webui.training.export import write_table
from webui.training.lora import (
    RECIPES,
    AdaptedModel,
    ConceptSource,
    LoraSettings,
    main,
    train_lora,
)
from webui.training.lora_card import write_lora_card
from webui.training.networks import build_unet
from webui.training.runs import load_checkpoint

TINY = LoraSettings(rank=2, alpha=2.0, scenes=6, prior=0.25, loop=TINY_LOOP)


def test_a_concept_has_its_own_captions_and_some_of_the_world() -> None:
    parts = tiny_parts()
    source = ConceptSource("linocut", TINY, parts, SIZE)
    assert len(source.captions) == 8
    assert ["linocut" in text for text in source.captions] == [True] * 6 + [False] * 2
    examples = source.draw(5, np.random.default_rng(0))
    fresh = parts.encode(examples.pictures)
    assert torch.allclose(parts.latents(examples), fresh, atol=1e-5)


def test_both_networks_learn_by_their_changes_only(tmp_path: Path) -> None:
    parts = tiny_parts()
    unet = build_unet(TINY_UNET, 8, 4, 32)
    frozen = {name: p.clone() for name, p in unet.named_parameters()}
    source = ConceptSource("lighthouse", TINY, parts, SIZE)
    model = train_lora(TINY, parts, source, tmp_path / "lora", unet, ["a lighthouse"])
    assert (tmp_path / "lora" / "samples.png").exists()
    kept = dict(model.unet.named_parameters())
    for name, before in frozen.items():
        stem, _, kind = name.rpartition(".")
        now = kept.get(name, kept.get(f"{stem}.base.{kind}"))
        assert now is not None
        assert torch.equal(now, before), name
    for layers in model.layers.values():
        assert any(layer.up.weight.abs().max() > 0 for layer in layers.values())


def test_convolutions_attention_and_the_reading_of_words_are_changed() -> None:
    unet = build_unet(TINY_UNET, 8, 4, 32)
    model = AdaptedModel(unet, tiny_parts().encoder, TINY)
    names = " ".join(model.layers["unet"])
    for wanted in (
        "attn1.to_q",
        "attn2.to_v",
        "to_out.0",
        "ff.net.2",
        "proj_in",
        "resnets.0.conv1",
    ):
        assert wanted in names
    assert all("self_attn" in name for name in model.layers["text_encoder"])


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *flags: str) -> Path:
    monkeypatch.setitem(RECIPES, "cpu", TINY)
    start = tmp_path / "text"
    saved_parts(start)
    build_unet(TINY_UNET, 8, 4, 32).save_pretrained(start / "unet")
    out = tmp_path / "loras"
    given = ["--recipe", "cpu", "--work", str(tmp_path / "work"), "--out", str(out)]
    assert main([*given, "--from", str(start), *flags]) == 0
    return out


def test_the_program_writes_a_file_that_the_catalog_describes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = run(tmp_path, monkeypatch, "--concept", "linocut", "--minutes", "0.01")
    file = out / "linocut.safetensors"
    info = describe_lora(file, AdapterId("loras/linocut"))
    assert info.title == "linocut"
    assert "linocuts" in info.description
    with safe_open(file, framework="pt") as opened:
        header = opened.metadata()
        assert any(name.startswith("text_encoder.") for name in opened.keys())  # noqa: SIM118
    assert header["alpha"] == "2"
    assert "train lora --concept linocut" in header["training.command"]
    assert (out / "linocut.webp").exists()
    checkpoint = load_checkpoint(tmp_path / "work" / "linocut" / "checkpoint.pt")
    assert checkpoint is not None
    card = out / "README.md"
    assert "| linocut | `python launch.py train lora --concept linocut" in card.read_text("utf-8")
    assert "`<lora:linocut:1>`" in card.read_text("utf-8")
    write_table(out, "| measured | 7 |")
    write_lora_card(out, "starter/loras")
    assert "| measured | 7 |\n<!-- end" in card.read_text("utf-8")


def test_a_users_pictures_give_a_lora_of_their_folders_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cats"
    folder.mkdir()
    for i in range(3):
        Image.new("RGB", (40, 40), (90 * i, 0, 0)).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text("a cat")
    out = run(tmp_path, monkeypatch, "--data", str(folder), "--minutes", "0.01")
    with safe_open(out / "cats.safetensors", framework="pt") as opened:
        assert "modelspec.license" not in opened.metadata()
    assert not (out / "README.md").exists()


def test_recipes_differ_in_size_only() -> None:
    same = replace(RECIPES["gpu"], rank=8, alpha=8.0, scenes=800, loop=RECIPES["cpu"].loop)
    assert same == RECIPES["cpu"]
