"""Folders of other programs are used as they lie."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

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


def test_a_folder_whose_name_tells_its_kind_is_used_by_itself(tmp_path: Path) -> None:
    write_lora(tmp_path / "Lora" / "chalk.safetensors")
    write_model(tmp_path / "Lora" / "m")
    catalog = Catalog([tmp_path / "Lora"])
    assert [(a.id, a.kind) for a in catalog.adapters()] == [("Lora/chalk", "lora")]
    assert [info.id for info in catalog.models()] == ["Lora/m"]
    assert catalog.problems() == ()


def test_a_disk_that_is_called_as_a_few_upscalers_are_is_one_of_models(tmp_path: Path) -> None:
    write_lora(tmp_path / "dat" / "chalk.safetensors")
    ((_, reason),) = Catalog([tmp_path / "dat"]).problems()
    assert reason.startswith("It is a LoRA, and lies where models do.")


def test_embeddings_beside_another_webuis_models_may_be_of_any_form(tmp_path: Path) -> None:
    (tmp_path / "models" / "Stable-diffusion").mkdir(parents=True)
    (tmp_path / "embeddings").mkdir()
    picture = PngInfo()
    picture.add_text("sd-ti-embedding", base64.b64encode(b"{}").decode())
    Image.new("RGB", (8, 8)).save(tmp_path / "embeddings" / "ink.png", pnginfo=picture)
    catalog = Catalog([tmp_path])
    assert [Path(path).name for path, _ in catalog.problems()] == ["ink.png"]  # it holds no vectors


def test_comfyuis_list_of_further_paths_is_followed(tmp_path: Path) -> None:
    comfy, other = tmp_path / "ComfyUI", tmp_path / "webui"
    write_model(comfy / "models" / "checkpoints" / "m")
    write_model(other / "models" / "Stable-diffusion" / "n")
    write_lora(other / "models" / "Lora" / "chalk.safetensors")
    write_weights(other / "embeddings" / "ink.safetensors", {"emb_params": [2, 8]})
    listed = comfy / "extra_model_paths.yaml"
    listed.write_text(
        f"a111:\n  base_path: {other}/\n  checkpoints: models/Stable-diffusion\n"
        "  loras: |\n    models/Lora\n    models/LyCORIS\n  custom_nodes: elsewhere\n"
    )
    catalog = Catalog([comfy])
    assert [info.id for info in catalog.models()] == ["checkpoints/m", "checkpoints/n"]
    assert [info.id for info in catalog.adapters()] == ["loras/chalk"]
    listed.write_text("here:\n  base_path: ../webui\n  embeddings: embeddings\nodd: 3\n")
    assert [(info.id, info.kind) for info in catalog.adapters()] == [
        ("embeddings/ink", "embedding")
    ]
    assert [info.id for info in catalog.models()] == ["checkpoints/m"]


def test_what_lies_in_a_folder_of_before_is_found_once(tmp_path: Path) -> None:
    write_model(tmp_path / "models" / "checkpoints" / "m")
    (tmp_path / "extra_model_paths.yaml").write_text("own:\n  checkpoints: models/checkpoints\n")
    assert [info.id for info in Catalog([tmp_path]).models()] == ["checkpoints/m"]


@pytest.mark.parametrize("text", ["a: [", "- 1", "x" * 200_000, "a:\n  checkpoints: /\n"])
def test_a_list_that_is_none_names_no_folder(tmp_path: Path, text: str) -> None:
    write_model(tmp_path / "models" / "checkpoints" / "m")
    (tmp_path / "extra_model_paths.yaml").write_text(text)
    assert [info.id for info in Catalog([tmp_path]).models()] == ["checkpoints/m"]
