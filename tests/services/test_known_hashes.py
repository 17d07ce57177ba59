"""Hashes from the record, in the texts of pictures and in what is pasted."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from tests.services.models import write_lora, write_model, write_weights
from webui.contracts.adapter import AdapterKind
from webui.contracts.ids import AdapterId, ModelId
from webui.contracts.infotext import NO_HASHES, FileHashes
from webui.contracts.request import GenerationRequest
from webui.hooks.host import HookHost
from webui.hooks.studio import StudioExtensions
from webui.services.catalog import Catalog
from webui.services.database import open_database, writing
from webui.services.images import ImageStore
from webui.services.known_hashes import KnownHashes
from webui.services.pasting import ParameterReader
from webui.services.styles import StyleStore
from webui.services.tables import FILES
from webui.services.wording import WordSources, worded

MODEL, INK, FOG = "ab" * 32, "cd" * 32, "ef" * 32


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    models = tmp_path / "models"
    write_model(models / "sd" / "tiny")
    write_lora(models / "loras" / "ink.safetensors")
    write_lora(models / "loras" / "chalk.safetensors")
    write_weights(models / "embeddings" / "fog.safetensors", {"emb_params": [3, 8]})
    return Catalog([models])


@pytest.fixture
def database(tmp_path: Path, catalog: Catalog) -> Engine:
    """A record in which the background has hashed all but one LoRA."""
    made = open_database(tmp_path / "easel.sqlite")

    def path_of(kind: AdapterKind, name: str) -> str:
        return catalog.adapter(kind, AdapterId(name)).path

    rows = [
        (catalog.get(ModelId("sd/tiny")).path, MODEL, None),
        (path_of("lora", "ink"), "00" * 32, INK),
        (path_of("embedding", "fog"), FOG, None),
    ]
    with writing(made) as connection:
        for path, sha256, tensors in rows:
            stat = Path(path).stat()
            connection.execute(
                insert(FILES).values(
                    path=path, bytes=stat.st_size, changed=stat.st_mtime_ns, sha256=sha256,
                    tensors_sha256=tensors,
                )
            )  # fmt: skip
    return made


def order(catalog: Catalog, folder: Path) -> GenerationRequest:
    request = GenerationRequest(
        prompt="a fog <lora:ink:1><lora:chalk:1>", model=ModelId("sd/tiny"), seed=1
    )
    return worded(request, catalog, WordSources.below(folder))


def test_short_hashes_are_as_sites_know_them(
    catalog: Catalog, database: Engine, tmp_path: Path
) -> None:
    known = KnownHashes(database, catalog).of_picture(order(catalog, tmp_path), 0)
    assert known == FileHashes(MODEL[:10], {"ink": INK[:12]}, {"fog": FOG[:12]})


def test_a_file_that_changed_has_no_hash_and_nobody_waits(
    catalog: Catalog, database: Engine, tmp_path: Path
) -> None:
    request = order(catalog, tmp_path)
    write_lora(tmp_path / "models" / "loras" / "ink.safetensors", extra="longer")
    known = KnownHashes(database, catalog).of_picture(request, 0)
    assert known == FileHashes(MODEL[:10], {}, {"fog": FOG[:12]})


def test_what_is_not_here_any_more_has_none(database: Engine, tmp_path: Path) -> None:
    request = order(Catalog([tmp_path / "models"]), tmp_path)
    assert KnownHashes(database, Catalog([])).of_picture(request, 0) == NO_HASHES


def test_a_pasted_model_is_found_by_its_hash_whatever_it_is_called(
    catalog: Catalog, database: Engine, tmp_path: Path
) -> None:
    reader = ParameterReader(
        catalog,
        StyleStore(tmp_path),
        ImageStore(tmp_path / "images"),
        KnownHashes(database, catalog),
        StudioExtensions(HookHost()),
    )
    line = "Steps: 9, Sampler: Euler, Seed: 4, Model: renamed, Model hash: "
    assert reader.read_text(f"a fox\n{line}{MODEL[:10]}").fields["model"] == "sd/tiny"
    assert "model" not in reader.read_text(f"a fox\n{line}{FOG[:10]}").fields
