"""Controlnets."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel

from tests.training.parts import CPU, SIZE, TINY_LOOP, TINY_UNET, saved_parts, tiny_parts
from webui.contracts.ids import AdapterId
from webui.services.adapter_files import describe_controlnet
from webui.training.command import TrainingRefused
from webui.training.controlnet import (
    CARDS,
    HINTS,
    RECIPES,
    ControlSettings,
    as_hint,
    build_controlnet,
    edges,
    hint_pictures,
    main,
    steered,
    train_controlnet,
)
from webui.training.examples import Examples
from webui.training.networks import build_unet
from webui.training.runs import load_checkpoint
from webui.training.scenes import scene_pool
from webui.training.showcase import unseen_examples
from webui.training.world import CLASSES

TINY = ControlSettings(widths=(4, 4, 8, 8), loop=TINY_LOOP)


def test_edges_are_white_lines_on_black_where_colours_end() -> None:
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[:, 8:] = 220
    drawn = edges(picture, 60, 120)
    assert drawn.shape == (16, 16, 3)
    assert set(np.unique(drawn)) == {0, 255}
    columns = np.flatnonzero(drawn[:, :, 0].any(axis=0))
    assert set(columns) <= {7, 8}


def test_training_sees_edges_of_several_strengths() -> None:
    examples = unseen_examples(1, 64)
    rng = np.random.default_rng(0)
    counts = {int(hint_pictures(examples, "edges", rng).sum()) for _ in range(6)}
    assert len(counts) > 2
    assert np.array_equal(hint_pictures(examples, "edges"), hint_pictures(examples, "edges"))


def test_class_maps_are_shown_in_the_colours_of_the_palette() -> None:
    examples = Examples(
        np.zeros((1, 2, 2, 3), np.uint8), ("",), class_maps=np.array([[[0, 1], [2, 15]]], np.uint8)
    )
    shown = hint_pictures(examples, "classes")
    assert [tuple(colour) for colour in shown.reshape(-1, 3)] == [
        CLASSES[i].rgb for i in (0, 1, 2, 15)
    ]
    with pytest.raises(TrainingRefused, match="no class maps"):
        hint_pictures(Examples(examples.pictures, examples.captions), "classes")


def test_hints_are_fractions_with_channels_first() -> None:
    hint = as_hint(np.full((1, 4, 6, 3), 255, np.uint8), CPU)
    assert hint.shape == (1, 3, 4, 6)
    assert hint.min() == hint.max() == 1.0


def test_a_new_controlnet_changes_nothing_and_recipes_reach_the_latent() -> None:
    unet = build_unet(TINY_UNET, 8, 4, 32).eval()
    x, t, tokens = torch.randn(2, 8, 4, 4), torch.tensor([3, 700]), torch.randn(2, 77, 32)
    hint = torch.rand(2, 3, SIZE, SIZE)
    for settings in RECIPES.values():
        control = build_controlnet(unet, settings).eval()
        with torch.no_grad():
            eye = control.controlnet_cond_embedding
            assert eye(hint).abs().max() > 0  # it sees from the first step on
            assert torch.allclose(
                steered(unet, control, x, t, tokens, hint), unet(x, t, tokens).sample, atol=1e-6
            )


def test_a_run_goes_on_and_the_text_model_stays_as_it_is(tmp_path: Path) -> None:
    parts, pool = tiny_parts(), scene_pool(tmp_path / "scenes", 8, SIZE, workers=1)
    unet = build_unet(TINY_UNET, 8, 4, 32)
    before = {name: p.clone() for name, p in unet.state_dict().items()}
    folder = tmp_path / "control"
    train_controlnet(replace(TINY, hint="classes"), parts, pool, folder, unet)
    first = load_checkpoint(folder / "checkpoint.pt")
    assert first is not None
    longer = replace(TINY, loop=replace(TINY_LOOP, budget_seconds=first["seconds"] + 1))
    control = train_controlnet(longer, parts, pool, folder, unet)
    second = load_checkpoint(folder / "checkpoint.pt")
    assert second is not None
    assert second["step"] > first["step"] > 0
    assert (folder / "samples.png").exists()
    assert all(torch.equal(before[name], p) for name, p in unet.state_dict().items())
    assert control.controlnet_mid_block.weight.abs().max() > 0


def test_the_program_writes_a_folder_that_says_what_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "cpu", TINY)
    monkeypatch.setattr("webui.training.command.POOL_SCENES", {"cpu": 8})
    start, out = tmp_path / "text", tmp_path / "controlnet-edges"
    saved_parts(start)
    build_unet(TINY_UNET, 8, 4, 32).save_pretrained(start / "unet")
    folder = tmp_path / "pictures"
    write_pictures(folder)
    given = ["--recipe", "cpu", "--work", str(tmp_path / "work"), "--from", str(start)]
    assert main([*given, "--out", str(out), "--data", str(folder), "--minutes", "0.01"]) == 0
    assert json.loads((out / "easel.json").read_text()) == {"reads": "edges"}
    info = describe_controlnet(out, AdapterId("controlnet-edges"))
    assert info is not None
    assert info.reads == "edges"
    assert info.title == CARDS["edges"].title
    net = ControlNetModel.from_pretrained(out)
    assert list(net.config.conditioning_embedding_out_channels) == [4, 4, 8, 8]


def write_pictures(folder: Path) -> None:
    from PIL import Image

    folder.mkdir()
    for i in range(2):
        Image.new("RGB", (40, 40), (90 * i, 0, 0)).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text("a square")


def test_there_is_a_card_for_every_hint() -> None:
    assert set(CARDS) == set(HINTS)
