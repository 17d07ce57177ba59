"""Model folders and their cards."""

import json
import stat
from pathlib import Path

import pytest
import torch
from diffusers import LCMScheduler, StableDiffusionPipeline
from PIL import Image
from transformers import CLIPTextModel

from tests.training.kinds import text_model, tiny_unet
from webui.contracts.ids import ModelId
from webui.services.diffusers_folder import describe_folder
from webui.training.command import parse
from webui.training.export import (
    Card,
    Export,
    export_folder,
    peak_memory,
    save_part,
    write_card,
    write_table,
)
from webui.training.loop import CHECKPOINT
from webui.training.runs import save_checkpoint
from webui.training.text_to_image import TextToImageSettings

CARD = Card("A title", "What it does. And more of it.", "What it cannot.", ("a-tag",))


def test_a_text_model_is_an_ordinary_folder_in_half_precision(tmp_path: Path) -> None:
    text_model(tmp_path / "text")
    pipe = StableDiffusionPipeline.from_pretrained(tmp_path / "text", torch_dtype=torch.float16)
    assert pipe.unet.dtype == torch.float16
    assert pipe.scheduler.config.prediction_type == "v_prediction"
    assert not (tmp_path / "text" / "easel.json").exists()
    info = describe_folder(tmp_path / "text", ModelId("text"))
    assert (info.task, info.dtype, info.native_width) == ("text", "F16", 32)


def test_parts_of_a_neighbour_are_named_and_not_copied(tmp_path: Path) -> None:
    parts = text_model(tmp_path / "text")
    folder = tmp_path / "turbo"
    (folder / "vae").mkdir(parents=True)  # left by an older export
    about = Export(defaults={"sampler": "LCM", "steps": 4}, few_steps=True)
    export_folder(folder, {"unet": tiny_unet()}, about, tmp_path / "text")
    assert json.loads((folder / "easel.json").read_text())["shared"]["vae"] == "../text/vae"
    assert not (folder / "vae").exists()
    info = describe_folder(folder, ModelId("turbo"))
    assert info.part("vae") == str((tmp_path / "text" / "vae").resolve())
    assert dict(info.defaults) == {"sampler": "LCM", "steps": 4}
    pipe = StableDiffusionPipeline.from_pretrained(
        folder, vae=parts.vae, text_encoder=parts.encoder, tokenizer=parts.tokenizer
    )
    assert isinstance(pipe.scheduler, LCMScheduler)


def test_parts_of_a_model_elsewhere_are_copied(tmp_path: Path) -> None:
    text_model(tmp_path / "a" / "text")
    folder = tmp_path / "b" / "mine"
    export_folder(folder, {"unet": tiny_unet()}, Export(), tmp_path / "a" / "text")
    assert describe_folder(folder, ModelId("mine")).part("vae") == str((folder / "vae").resolve())
    StableDiffusionPipeline.from_pretrained(folder)


def test_a_model_trained_on_in_its_place_keeps_its_parts(tmp_path: Path) -> None:
    text_model(tmp_path / "text")
    export_folder(tmp_path / "text", {"unet": tiny_unet()}, Export(), tmp_path / "text")
    assert not (tmp_path / "text" / "easel.json").exists()
    StableDiffusionPipeline.from_pretrained(tmp_path / "text")


def test_a_part_keeps_its_precision_at_home_and_forgets_where_it_came_from(tmp_path: Path) -> None:
    parts = text_model(tmp_path / "text")
    encoder = CLIPTextModel.from_pretrained(tmp_path / "text" / "text_encoder", dtype=torch.float32)
    save_part(encoder, tmp_path / "again")
    assert encoder.dtype == parts.encoder.dtype == torch.float32
    assert str(tmp_path) not in (tmp_path / "again" / "config.json").read_text()


def test_everybody_may_read_what_was_written(tmp_path: Path) -> None:
    text_model(tmp_path / "text")
    for path in (tmp_path / "text").rglob("*"):
        assert path.stat().st_mode & stat.S_IROTH


def test_a_part_that_cannot_be_written_leaves_the_older_one(tmp_path: Path) -> None:
    class Broken:
        def save_pretrained(self, to: Path) -> None:
            to.mkdir()
            raise OSError("no space")

    save_part(tiny_unet(), tmp_path / "unet")
    before = (tmp_path / "unet" / "config.json").read_text()
    with pytest.raises(OSError, match="no space"):
        save_part(Broken(), tmp_path / "unet")
    assert (tmp_path / "unet" / "config.json").read_text() == before


def written_card(tmp_path: Path, *flags: str) -> str:
    folder = tmp_path / "starter" / "inpaint"
    folder.mkdir(parents=True)
    command = parse("inpaint", "", ["--recipe", "cpu", "--work", str(tmp_path / "run"), *flags])
    command.work.mkdir()
    save_checkpoint(command.work / CHECKPOINT, TextToImageSettings(), step=1234, seconds=56.7)
    Image.new("RGB", (64, 32), (200, 40, 40)).save(command.work / "samples.png")
    write_card(folder, CARD, command, torch.nn.Linear(10, 10))
    with Image.open(folder / "samples.webp") as shown:
        assert (shown.format, shown.size) == ("WEBP", (64, 32))
    return (folder / "README.md").read_text()


def test_a_card_says_what_was_done_and_by_which_command(tmp_path: Path) -> None:
    text = written_card(tmp_path)
    assert text.startswith(
        "---\nlicense: apache-2.0\ntags: [a-tag, latent-diffusion, easel]\n---\n"
    )
    assert "`python launch.py train inpaint --recipe cpu`" in text
    assert "| 57 s | 1234 | 32 |" in text
    assert "python launch.py evaluate starter/inpaint" in text
    assert "no other data is in it" in text
    assert str(tmp_path) not in text


def test_a_model_of_a_users_pictures_is_not_licensed_for_the_user(tmp_path: Path) -> None:
    data = tmp_path / "holidays"
    data.mkdir()
    text = written_card(tmp_path, "--data", str(data))
    assert "license: other" in text
    assert "Apache" not in text
    assert "no other data" not in text


def test_a_measured_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    before = written_card(tmp_path)
    folder = tmp_path / "starter" / "inpaint"
    write_table(folder, "| first |")
    write_table(folder, "| second |\n")
    text = (folder / "README.md").read_text()
    assert "| second |" in text
    assert "| first |" not in text
    assert "Not measured yet" not in text
    assert text.split("## Limits")[1] == before.split("## Limits")[1]
    (folder / "README.md").write_text("# Another card\n")
    with pytest.raises(ValueError, match="to put a table between"):
        write_table(folder, "| third |")


def test_memory_is_counted_in_gigabytes() -> None:
    assert 0.1 < peak_memory() < 100
