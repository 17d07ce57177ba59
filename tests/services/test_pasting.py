"""Taking over how pictures from elsewhere were made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.hooks.writing import write_extension
from tests.services.models import write_controlnet, write_lora
from tests.services.written import png_with
from webui.contracts.errors import BadRequest
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ModelId
from webui.contracts.infotext import write_infotext
from webui.contracts.request import GenerationRequest
from webui.hooks.host import HookHost
from webui.hooks.manifest import read_manifest
from webui.hooks.studio import StudioExtensions
from webui.prompt.styles import Style
from webui.services.catalog import Catalog
from webui.services.database import open_database
from webui.services.images import ImageStore
from webui.services.known_hashes import KnownHashes
from webui.services.pasting import ParameterReader
from webui.services.styles import StyleStore

LINE = "Steps: 9, Sampler: Euler, CFG scale: 3, Seed: 4"


@pytest.fixture
def reader(tmp_path: Path) -> ParameterReader:
    write_lora(tmp_path / "models" / "loras" / "chalk.safetensors")
    styles = StyleStore(tmp_path)
    styles.save(Style("oil", "an oil painting of {prompt}", "photo"))
    named = replace(FAKE_CHECKPOINT, id=ModelId("sd/Dream-8"), title="Dream Shaper")
    catalog = Catalog([tmp_path / "models"], [FAKE_CHECKPOINT, named])
    hashes = KnownHashes(open_database(tmp_path / "easel.sqlite"), catalog)
    return ParameterReader(
        catalog, styles, ImageStore(tmp_path / "images"), hashes, StudioExtensions(HookHost())
    )


def test_what_is_told_is_taken_and_the_rest_is_usual_or_stays(reader: ParameterReader) -> None:
    fields = reader.read_text(f"a fox\n{LINE}").fields
    assert {n: fields[n] for n in ("prompt", "steps", "sampler", "guidance_scale", "seed")} == {
        "prompt": "a fox", "steps": 9, "sampler": "Euler", "guidance_scale": 3, "seed": 4,
    }  # fmt: skip
    assert (fields["clip_skip"], fields["hires_scale"], fields["negative_prompt"]) == (1, 1, "")
    assert {"width", "schedule", "model", "denoising_strength", "image", "count"} & set(
        fields
    ) == set()


def test_styles_are_found_in_the_prompts(reader: ParameterReader) -> None:
    text = f"an oil painting of a fox\nNegative prompt: rain, photo\n{LINE}"
    fields = reader.read_text(text).fields
    assert (fields["prompt"], fields["negative_prompt"]) == ("a fox", "rain")
    assert fields["styles"] == ["oil"]


@pytest.mark.parametrize("name", ["sd/Dream-8", "dream-8.safetensors", "Dream-8", "dream shaper"])
def test_a_model_is_found_by_its_id_file_or_title(reader: ParameterReader, name: str) -> None:
    read = reader.read_text(f"a fox\n{LINE}, Model: {name}")
    assert (read.fields["model"], read.notes) == ("sd/Dream-8", ())


def test_what_is_not_here_is_told(reader: ParameterReader) -> None:
    read = reader.read_text(
        f"a fox <lora:chalk:1> <lora:chulk:1>\n{LINE}, Model: v1-5, Refiner: xl [0123456789], "
        "Face restoration: CodeFormer"
    )
    assert "model" not in read.fields
    assert "refiner" not in read.fields
    model, refiner, unknown, lora = read.notes
    assert model == "The model 'v1-5' is not here, so the form keeps its own."
    assert refiner == "The refiner 'xl' is not here, so it was left out."
    assert unknown == "Not used, as it means nothing here: Face restoration: CodeFormer."
    assert "no lora 'chulk'" in lora
    assert read.others == {"Face restoration": "CodeFormer"}


def test_a_picture_of_ours_is_taken_over_exactly(reader: ParameterReader, tmp_path: Path) -> None:
    here = ImageStore(tmp_path / "images").put(png_with())
    request = GenerationRequest(
        prompt="a fox", model=ModelId("sd/Dream-8"), image=here, priority="High", width=64, seed=7
    )
    read = reader.read_picture(png_with(easel=request.model_dump_json(), parameters="other"))
    assert read.notes == ()
    assert "priority" not in read.fields
    assert GenerationRequest.model_validate(read.fields) == request.model_copy(
        update={"priority": "Normal"}
    )


def test_a_control_of_a_text_waits_for_its_picture_and_is_no_unknown_key(
    reader: ParameterReader, tmp_path: Path
) -> None:
    write_controlnet(tmp_path / "models" / "canny_net", "edges")
    unit = "Module: canny, Model: canny_net [d14c016b], Weight: 0.5"
    read = reader.read_text(f'a fox\n{LINE}, ControlNet 0: "{unit}"')
    (waiting,) = read.waiting
    assert (waiting.preprocessor, waiting.weight) == ("canny", 0.5)
    assert ("controls" in read.fields, read.others) == (False, {})
    (note,) = read.notes
    assert note.endswith("waits for one; choose it under Control.")


def test_a_control_whose_mask_is_not_here_steers_everywhere_and_that_is_told(
    reader: ParameterReader, tmp_path: Path
) -> None:
    here = ImageStore(tmp_path / "images").put(png_with())
    use = {"adapter": "edges", "image": here, "mask": "c" * 64}
    request = GenerationRequest.model_validate({"prompt": "a fox", "controls": [use]})
    read = reader.read_picture(png_with(easel=request.model_dump_json()))
    (kept,) = read.fields["controls"]
    assert (kept["image"], kept["mask"]) == (here, None)
    assert "Pictures that it was drawn from are not here, so they were left out." in read.notes


def test_pictures_that_are_not_here_are_left_out_and_told(reader: ParameterReader) -> None:
    use = {"adapter": "edges", "image": "c" * 64}
    request = GenerationRequest.model_validate(
        {"prompt": "a fox", "image": "a" * 64, "controls": [use]}
    )
    read = reader.read_picture(png_with(easel=request.model_dump_json()))
    assert (read.fields["image"], read.fields["controls"]) == (None, [])
    assert read.notes == ("Pictures that it was drawn from are not here, so they were left out.",)


def test_a_picture_of_another_program_is_read_by_its_text(reader: ParameterReader) -> None:
    assert reader.read_picture(png_with(parameters=f"a fox\n{LINE}")).fields["seed"] == 4


@pytest.mark.parametrize("data", [b"no picture", png_with()])
def test_a_file_that_tells_nothing_is_a_sentence(reader: ParameterReader, data: bytes) -> None:
    with pytest.raises(BadRequest, match="Nothing in this file says how it was made"):
        reader.read_picture(data)


def test_an_empty_text_is_a_sentence(reader: ParameterReader) -> None:
    with pytest.raises(BadRequest, match="tells of no picture"):
        reader.read_text("  ")


def test_what_no_extension_here_offers_is_said_and_the_usual_is_taken(
    reader: ParameterReader,
) -> None:
    request = GenerationRequest(
        prompt="a fox", sampler="ralston/Ralston", hires_upscaler="upscalers/4x",
        extensions={"detailer": {}},
    )  # fmt: skip
    read = reader.read_picture(png_with(easel=request.model_dump_json()))
    assert (read.fields["sampler"], read.fields["hires_upscaler"]) == ("DPM++ 2M", "Latent")
    assert read.fields["extensions"] == {"detailer": {}}
    assert read.notes == reader.absent(request)
    sampler, upscaler, extension = sorted(read.notes, key=lambda said: "Sampler" not in said)
    assert sampler == (
        "Sampler 'ralston/Ralston' is of the extension 'ralston', which is not in use here or offers it no more; "
        "'DPM++ 2M' takes its place."
    )
    assert (
        upscaler == "Hires upscaler 'upscalers/4x' is not installed here; 'Latent' takes its place."
    )
    assert "extensions 'detailer', which are not in use here" in extension
    told = reader.read_text("a fox\nSteps: 9, Sampler: ralston/Ralston, Seed: 4")
    assert (told.fields["sampler"], told.notes) == ("DPM++ 2M", (sampler,))


READS = """
from webui.contracts.access import Pasted
from webui.hooks.specs import hookimpl

@hookimpl
def pasted(others):
    return Pasted({"steps": int(others["Book steps"])}, ("Book steps",)) if "Book steps" in others else None
"""
MODEL = "from pydantic import BaseModel\n\nclass Model(BaseModel):\n    steps: int = 1\n    tone: str = 'dark'\n"


def test_what_an_extension_reads_of_a_text_is_in_the_form_and_no_longer_unknown(
    reader: ParameterReader, tmp_path: Path
) -> None:
    text = f"a fox\n{LINE}, Book steps: 7, Odd: 3"
    before = reader.read_text(text)
    assert "extensions" not in before.fields
    assert set(before.others) == {"Book steps", "Odd"}
    folder = write_extension(tmp_path / "extensions", "book", studio=READS, arguments=MODEL)
    reader._hooks.load(read_manifest(folder))
    read = reader.read_text(text)
    assert read.fields["extensions"] == {"book": {"steps": 7, "tone": "dark"}}
    assert set(read.others) == {"Odd"}
    assert [note for note in read.notes if "Book steps" in note] == []
    reader._hooks.unload("book")
    assert reader.read_text(text) == before


def test_arguments_of_extensions_come_back_from_the_text_of_a_picture(
    reader: ParameterReader, tmp_path: Path
) -> None:
    arguments = {"book": {"steps": 3, "tone": 'a "dark", cold: one'}}
    request = GenerationRequest(prompt="a fox", steps=9, seed=4, extensions=arguments)
    text = write_infotext(request, 4, "Dream")
    assert "Extensions" not in write_infotext(request.model_copy(update={"extensions": {}}), 4, "")
    read = reader.read_text(text)
    assert read.fields["extensions"] == arguments
    assert any("drawn with the extensions 'book', which are not in use" in n for n in read.notes)
    folder = write_extension(tmp_path / "extensions", "book", studio=READS, arguments=MODEL)
    reader._hooks.load(read_manifest(folder))
    again = reader.read_text(f"{text}, Book steps: 7")
    assert again.fields["extensions"] == arguments  # what Easel wrote goes before what is guessed
    assert [note for note in again.notes if "extensions" in note] == []
    reader._hooks.unload("book")


@pytest.mark.parametrize("value", ['"[1, 2]"', '"{"', "none", '"{\\"Bad Name\\": {}}"'])
def test_a_key_of_that_name_with_something_else_is_said_to_mean_nothing(
    reader: ParameterReader, value: str
) -> None:
    read = reader.read_text(f"a fox\n{LINE}, Extensions: {value}")
    assert "extensions" not in read.fields
    assert "Extensions" in read.others


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("upscale_width", 512),
        ("hires_height", 512),
        ("seed_width", 128),
        ("noise_augmentation", 0.25),
        ("boxes", [{"label": "boat", "left": 0.1, "top": 0.2, "right": 0.5, "bottom": 0.9}]),
        ("regions", [{"value": 3, "name": "sea", "prompt": "waves, foam", "weight": 1.5}]),
    ],
)
def test_what_is_a_list_or_half_a_size_is_taken_over_too(
    reader: ParameterReader, name: str, value: object
) -> None:
    request = GenerationRequest.model_validate({"prompt": "a fox", name: value})
    assert reader.read_text(write_infotext(request, 4, "")).fields[name] == value
