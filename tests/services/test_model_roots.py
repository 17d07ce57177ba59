"""Folders of other programs are used as they lie."""

from __future__ import annotations

from pathlib import Path

from tests.services.models import write_lora, write_model, write_weights
from webui.services.catalog import Catalog


def test_the_folder_of_another_webui_has_models_and_embeddings_beside_them(tmp_path: Path) -> None:
    write_model(tmp_path / "models" / "Stable-diffusion" / "m")
    write_lora(tmp_path / "models" / "Lora" / "chalk.safetensors")
    write_weights(tmp_path / "embeddings" / "ink.safetensors", {"emb_params": [2, 8]})
    catalog = Catalog([tmp_path])
    assert [info.id for info in catalog.models()] == ["Stable-diffusion/m"]
    assert [(a.id, a.kind) for a in catalog.adapters()] == [
        ("Lora/chalk", "lora"),
        ("embeddings/ink", "embedding"),
    ]
    assert catalog.problems() == ()


def test_the_folder_of_comfyui_has_them_in_models(tmp_path: Path) -> None:
    write_model(tmp_path / "models" / "checkpoints" / "m")
    write_model(tmp_path / "custom_nodes" / "other")
    assert [info.id for info in Catalog([tmp_path]).models()] == ["checkpoints/m"]


def test_any_other_folder_is_one_of_models(tmp_path: Path) -> None:
    write_model(tmp_path / "m")
    assert [info.id for info in Catalog([tmp_path, tmp_path / "nowhere"]).models()] == ["m"]
