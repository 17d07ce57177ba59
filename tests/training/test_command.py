"""Flags of the training programs, their start model and their pictures."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.kinds import text_model, tiny_pool
from tests.training.parts import SIZE, tiny_parts
from webui.training.command import (
    TEXT_MODEL,
    TrainingRefused,
    keep_own_latents,
    load_start,
    native_size,
    open_source,
    parse,
    with_budget,
)
from webui.training.folder_source import FolderSource
from webui.training.loop import LoopSettings
from webui.training.networks import widen_input
from webui.training.scenes import ScenePool, SceneStream, scene_pool


def test_without_flags_a_kind_has_its_own_folders_and_starts_from_the_text_model() -> None:
    command = parse("inpaint", "", [])
    assert command.work.parts[-3:] == ("outputs", "training", "inpaint")
    assert command.out.parts[-3:] == ("models", "starter", "inpaint")
    assert command.start == TEXT_MODEL
    assert (command.minutes, command.data) == (None, None)


def test_a_kind_may_write_elsewhere_by_default(tmp_path: Path) -> None:
    assert parse("neon", "", [], out=tmp_path).out == tmp_path
    assert parse("neon", "", ["--out", "x"], out=tmp_path).out == Path("x")


def test_the_words_of_a_command_give_the_order_again_and_no_path_of_this_machine(
    tmp_path: Path,
) -> None:
    command = parse(
        "depth", "", ["--recipe", "cpu", "--minutes", "2.5", "--data", str(tmp_path), "--work", "x"]
    )
    assert command.words == (
        f"python launch.py train depth --recipe cpu --minutes 2.5 --data {tmp_path.name}"
    )


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--minutes", "0"], "--minutes is 0, expected a number above 0"),
        (["--data", "/nowhere/at/all"], "expected a folder of pictures"),
        (["--recipe", "tpu"], "cpu"),
        (["--first-scene", "-1"], "--first-scene is -1, expected 0 to"),
    ],
)
def test_a_wrong_flag_is_answered_with_a_sentence(
    flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse("depth", "", flags)
    assert said in capsys.readouterr().err


def test_the_pool_begins_with_the_seed_that_is_asked_for(tmp_path: Path) -> None:
    flags = ["--work", str(tmp_path / "x"), "--scenes", "2", "--first-scene", "7"]
    command = parse("depth", "", flags)
    assert "--scenes 2 --first-scene 7" in command.words
    source = open_source(command, None, SIZE, 2)
    expected = scene_pool(tmp_path / "other", 2, SIZE, 7, workers=1)
    assert isinstance(source, ScenePool)
    assert np.array_equal(source.pictures, expected.pictures)


@dataclass(frozen=True)
class Whatever:
    loop: LoopSettings = field(default_factory=LoopSettings)
    other: int = 7


def test_minutes_replace_the_recipes_budget_and_nothing_else() -> None:
    settings = Whatever(other=8)
    assert with_budget(settings, None) is settings
    changed = with_budget(settings, 1.5)
    assert changed.loop.budget_seconds == 90
    assert (changed.other, changed.loop.batch) == (8, settings.loop.batch)


def test_a_start_gives_parts_and_denoiser_and_its_size(tmp_path: Path) -> None:
    text_model(tmp_path / "text")
    parts, unet = load_start(parse("depth", "", ["--from", str(tmp_path / "text")]))
    assert native_size(parts, unet) == SIZE
    assert unet.dtype == torch.float32


def test_a_start_that_is_no_text_model_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="train starter"):
        load_start(parse("depth", "", ["--from", str(tmp_path)]))
    text_model(tmp_path / "text")
    command = parse("depth", "", ["--from", str(tmp_path / "text")])
    _, unet = load_start(command)
    widen_input(unet, 9).save_pretrained(tmp_path / "text" / "unet")
    with pytest.raises(TrainingRefused, match="takes 17 channels where its latents have 8"):
        load_start(command)


def test_each_recipe_has_its_source(tmp_path: Path) -> None:
    work = ["--work", str(tmp_path / "run")]
    parts = tiny_parts()
    pool = open_source(parse("depth", "", ["--recipe", "cpu", *work]), parts, SIZE, 4, scenes=4)
    examples = pool.draw(4, np.random.default_rng(0))
    assert parts.kept is not None
    assert torch.equal(parts.latents(examples), parts.kept[examples.index].float())
    command = parse("depth", "", ["--recipe", "gpu", "--stream", *work])
    assert isinstance(open_source(command, parts, SIZE, 4, workers=0), SceneStream)


def test_a_users_folder_comes_before_the_world(tmp_path: Path) -> None:
    command = parse("depth", "", ["--data", str(tmp_path)])
    with pytest.raises(TrainingRefused, match="no picture with a caption"):
        open_source(command, None, SIZE, 4)
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("a dark night")
    assert isinstance(open_source(command, None, SIZE, 4), FolderSource)


def test_latents_of_another_first_stage_are_made_anew(tmp_path: Path) -> None:
    pool, path = tiny_pool(), tmp_path / "latents.pt"
    first = tiny_parts()
    keep_own_latents(first, pool, path)
    written = path.stat().st_mtime_ns
    keep_own_latents(first, pool, path)
    assert path.stat().st_mtime_ns == written
    other = tiny_parts()
    with torch.no_grad():
        other.vae.quant_conv.bias += 1
    keep_own_latents(other, pool, path)
    assert other.kept is not None
    assert torch.allclose(other.kept.float(), other.encode(pool.pictures), atol=0.05)
    assert first.kept is not None
    assert not torch.allclose(other.kept, first.kept, atol=0.05)


def test_latents_of_a_larger_pool_are_made_anew(tmp_path: Path) -> None:
    parts = tiny_parts()
    few = scene_pool(tmp_path / "scenes", 4, SIZE, workers=1)
    keep_own_latents(parts, few, tmp_path / "latents.pt")
    keep_own_latents(parts, tiny_pool(), tmp_path / "latents.pt")
    assert parts.kept is not None
    assert len(parts.kept) == 8
