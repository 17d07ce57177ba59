"""What people note of models is kept, and wins."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine

from tests.services.models import write_lora, write_model
from webui.contracts.errors import NotFound
from webui.contracts.ids import ModelId
from webui.contracts.notes import Defaults, Notes
from webui.services import notes
from webui.services.catalog import Catalog
from webui.services.notes import NoteStore
from webui.services.picture_files import thumbnail

KEY = "lora:loras/chalk"


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> NoteStore:
    return NoteStore(database, tmp_path / "previews")


def _picture(file: Path, colour: str = "red") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (900, 600), colour).save(file)
    return file


def test_notes_outlive_a_restart(store: NoteStore, database: Engine, tmp_path: Path) -> None:
    said = Notes(text="soft", triggers=("chalk",), weight=0.7)
    assert store.get(KEY) == Notes()
    store.put(KEY, said)
    assert NoteStore(database, tmp_path).get(KEY) == said
    store.put(KEY, Notes())
    assert NoteStore(database, tmp_path).all() == {}


def test_noted_settings_win_over_those_of_the_file(store: NoteStore, tmp_path: Path) -> None:
    write_model(tmp_path / "models" / "m", {"defaults": {"steps": 30, "guidance_scale": 5.0}})
    catalog = Catalog([tmp_path / "models"], notes=store)
    assert dict(catalog.get(ModelId("m")).defaults) == {"steps": 30, "guidance_scale": 5.0}
    store.put("model:m", Notes(defaults=Defaults(steps=8, sampler="Euler")))
    told = {"steps": 8, "guidance_scale": 5.0, "sampler": "Euler"}
    assert dict(catalog.get(ModelId("m")).defaults) == told
    assert [dict(info.defaults) for info in catalog.models()] == [told]
    store.put("model:m", Notes())
    assert dict(catalog.get(ModelId("m")).defaults) == {"steps": 30, "guidance_scale": 5.0}


def test_a_picture_that_was_set_wins_over_one_that_lies_beside(
    store: NoteStore, tmp_path: Path
) -> None:
    file = tmp_path / "loras" / "v1.5.safetensors"
    write_lora(file)
    assert not store.has_preview(KEY, str(file))
    with pytest.raises(NotFound):
        store.preview(KEY, str(file))
    _picture(tmp_path / "loras" / "v1.5.preview.png")
    assert _shown(store, file) == (255, 0, 0)
    store.set_preview(KEY, _picture(tmp_path / "x.png", "blue"))
    assert _shown(store, file) == (0, 0, 255)
    store.clear_preview(KEY)
    assert _shown(store, file) == (255, 0, 0)


def test_a_models_folder_shows_the_samples_that_its_training_left(
    store: NoteStore, tmp_path: Path
) -> None:
    folder = tmp_path / "starter" / "text"
    folder.mkdir(parents=True)
    assert not store.has_preview(KEY, str(folder))
    _picture(folder / "samples.webp")
    assert max(abs(a - b) for a, b in zip(_shown(store, folder), (255, 0, 0), strict=True)) < 8
    _picture(tmp_path / "starter" / "text.png", "blue")
    assert _shown(store, folder) == (0, 0, 255)


def test_a_picture_beside_is_scaled_once_until_it_is_another(
    store: NoteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "loras" / "chalk.safetensors"
    write_lora(file)
    picture = _picture(tmp_path / "loras" / "chalk.png")
    asked: list[Path] = []

    def counted(picture: Path, side: int) -> bytes:
        asked.append(picture)
        return thumbnail(picture, side)

    monkeypatch.setattr(notes, "thumbnail", counted)
    assert [_shown(store, file) for _ in range(3)] == [(255, 0, 0)] * 3
    assert asked == [picture]
    _picture(picture, "blue")
    os.utime(picture, ns=(1, 1))
    assert [_shown(store, file) for _ in range(2)] == [(0, 0, 255)] * 2
    assert asked == [picture] * 2
    assert len(list((tmp_path / "previews").rglob("*.webp"))) == 1


@pytest.mark.parametrize("content", [b"no picture", b"", b"cut"])
def test_a_broken_picture_beside_is_passed_over_and_told_of_once(
    store: NoteStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    file = write_lora(tmp_path / "loras" / "chalk.safetensors")
    broken = _picture(tmp_path / "loras" / "chalk.png")
    broken.write_bytes(broken.read_bytes()[:60] if content == b"cut" else content)
    before = store.change()
    for _ in range(3):
        with pytest.raises(NotFound, match="preview picture"):
            store.preview(KEY, str(file))
    assert not store.has_preview(KEY, str(file))
    assert store.change() > before  # so that lists ask again
    (told,) = caplog.records
    assert str(broken) in told.message
    _picture(tmp_path / "loras" / "chalk.jpg", "blue")
    assert store.preview(KEY, str(file))[1] == "image/webp"
    broken.unlink()
    _picture(broken)
    os.utime(broken, ns=(5, 5))  # another picture of that name
    assert _shown(store, file) == (255, 0, 0)


def _shown(store: NoteStore, file: Path) -> tuple[int, ...]:
    assert store.has_preview(KEY, str(file))
    data, kind = store.preview(KEY, str(file))
    image = Image.open(io.BytesIO(data)).convert("RGB")
    assert (kind, max(image.size)) == ("image/webp", 512)
    pixel = image.getpixel((5, 5))
    assert isinstance(pixel, tuple)
    return tuple(round(value / 51) * 51 for value in pixel)
