"""Models are found, named, and left out with a reason."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.services.models import (
    write_controlnet,
    write_json,
    write_lora,
    write_model,
    write_sharing_model,
    write_weights,
)
from tests.weights.files import write_sparse
from tests.weights.ldm_layout import sd1_shapes
from tests.weights.ldm_released import shapes_of
from webui.contracts.errors import UnknownAdapter, UnknownModel
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import AdapterId, ModelId
from webui.services import catalog_scan
from webui.services.catalog import Catalog


def _ids(catalog: Catalog) -> list[str]:
    return [info.id for info in catalog.models()]


def test_a_models_id_is_its_path_below_the_folder(tmp_path: Path) -> None:
    write_model(tmp_path / "starter" / "text")
    write_model(tmp_path / "mine")
    assert _ids(Catalog([tmp_path])) == ["mine", "starter/text"]


def test_the_starter_is_the_default(tmp_path: Path) -> None:
    write_model(tmp_path / "a")
    first = Catalog([tmp_path]).default()
    write_model(tmp_path / "starter" / "text")
    starter = Catalog([tmp_path]).default()
    assert first is not None
    assert starter is not None
    assert (first.id, starter.id) == ("a", "starter/text")


def test_without_models_there_is_no_default(tmp_path: Path) -> None:
    catalog = Catalog([tmp_path / "nowhere"])
    assert (catalog.models(), catalog.default(), catalog.problems()) == ((), None, ())


def test_an_unknown_model_names_the_near_ones(tmp_path: Path) -> None:
    write_model(tmp_path / "starter" / "text")
    write_model(tmp_path / "zebra")
    with pytest.raises(UnknownModel, match="Did you mean 'starter/text'") as caught:
        Catalog([tmp_path]).get(ModelId("starter/txt"))
    assert caught.value.near == ("starter/text",)


def test_an_unknown_model_without_near_ones_names_some(tmp_path: Path) -> None:
    write_model(tmp_path / "zebra")
    with pytest.raises(UnknownModel, match="'zebra'"):
        Catalog([tmp_path]).get(ModelId("1234567890"))


def test_a_model_that_was_added_is_found_without_a_refresh(tmp_path: Path) -> None:
    catalog = Catalog([tmp_path / "models"])
    assert _ids(catalog) == []
    write_model(tmp_path / "models" / "deep" / "er")
    assert _ids(catalog) == ["deep/er"]
    shutil.rmtree(tmp_path / "models" / "deep" / "er")
    assert _ids(catalog) == []


def test_a_model_that_came_while_others_were_looked_at_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(tmp_path / "a")
    described = catalog_scan._described

    def copied_meanwhile(*known: Any) -> catalog_scan.Entry:
        write_model(tmp_path / "b")
        return described(*known)

    monkeypatch.setattr(catalog_scan, "_described", copied_meanwhile)
    catalog = Catalog([tmp_path])
    assert _ids(catalog) == ["a"]
    monkeypatch.undo()
    assert _ids(catalog) == ["a", "b"]


@pytest.mark.parametrize("changed", ["", "a/vae"])
def test_what_came_within_one_step_of_the_clock_is_seen(tmp_path: Path, changed: str) -> None:
    write_model(tmp_path / "a")
    catalog, folder = Catalog([tmp_path]), tmp_path / changed
    first, time = catalog.change(), folder.stat().st_mtime_ns
    write_model(folder / "b")
    os.utime(folder, ns=(time, time))
    assert catalog.change() == first + 1
    assert catalog.change() == first + 1


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    catalog = Catalog([write_model(tmp_path / "m").parent])
    before = catalog.get(ModelId("m")).native_width
    write_json(
        tmp_path / "m" / "unet" / "config.json",
        {"sample_size": 64, "in_channels": 8, "x": "longer"},
    )
    assert (before, catalog.get(ModelId("m")).native_width) == (128, 256)


def test_a_broken_model_is_listed_with_its_reason_and_hides_no_other(tmp_path: Path) -> None:
    write_model(tmp_path / "good")
    write_model(tmp_path / "bad")
    (tmp_path / "bad" / "vae" / "config.json").write_text("{")
    catalog = Catalog([tmp_path])
    assert _ids(catalog) == ["good"]
    ((path, reason),) = catalog.problems()
    assert path == str(tmp_path / "bad")
    assert "config.json" in reason


def test_of_two_models_with_one_id_the_first_folder_wins(tmp_path: Path) -> None:
    write_model(tmp_path / "own" / "m", sample_size=16)
    write_model(tmp_path / "boxed" / "m")
    assert Catalog([tmp_path / "own", tmp_path / "boxed"]).get(ModelId("m")).native_width == 64


def test_a_built_in_model_needs_no_files(tmp_path: Path) -> None:
    catalog = Catalog([tmp_path], built_in=[FAKE_CHECKPOINT])
    assert catalog.get(FAKE_CHECKPOINT.id) == FAKE_CHECKPOINT


def test_models_are_listed_by_task_and_the_default_draws_from_text(tmp_path: Path) -> None:
    write_model(tmp_path / "a", in_channels=17)
    only = Catalog([tmp_path]).default()
    write_model(tmp_path / "b")
    catalog = Catalog([tmp_path])
    default = catalog.default()
    assert only is not None
    assert default is not None
    assert (only.id, default.id) == ("a", "b")
    assert [info.id for info in catalog.models("text")] == ["b"]
    assert [info.id for info in catalog.models("inpaint")] == ["a"]


def test_a_change_of_a_shared_part_is_seen(tmp_path: Path) -> None:
    write_model(tmp_path / "parts" / "text")
    (tmp_path / "parts" / "text" / "model_index.json").unlink()  # no model by itself
    shared = {part: f"../text/{part}" for part in ("vae", "text_encoder", "tokenizer")}
    write_sharing_model(tmp_path / "parts" / "m", {"shared": shared})
    catalog = Catalog([tmp_path])
    before = catalog.get(ModelId("parts/m")).latent_factor
    config = {"latent_channels": 8, "block_out_channels": [32, 64, 64, 64]}
    write_json(tmp_path / "parts" / "text" / "vae" / "config.json", config)
    assert (before, catalog.get(ModelId("parts/m")).latent_factor) == (4, 8)


def test_controlnets_and_loras_are_found(tmp_path: Path) -> None:
    write_controlnet(tmp_path / "starter" / "controlnet-edges", reads="edges")
    write_lora(tmp_path / "starter" / "loras" / "chalk.safetensors")
    write_lora(tmp_path / "Lora" / "deep" / "v1.5.safetensors", "lora_down")
    catalog = Catalog([tmp_path])
    assert [(a.id, a.kind) for a in catalog.adapters()] == [
        ("Lora/deep/v1.5", "lora"),
        ("starter/controlnet-edges", "controlnet"),
        ("starter/loras/chalk", "lora"),
    ]
    assert [a.reads for a in catalog.adapters("controlnet")] == ["edges"]
    assert (catalog.models(), catalog.problems()) == ((), ())


def test_embeddings_are_found_and_the_innermost_folder_says_what_a_file_is(tmp_path: Path) -> None:
    vectors = {"emb_params": [2, 8]}
    write_weights(tmp_path / "embeddings" / "Chalk.safetensors", vectors)
    write_weights(tmp_path / "loras" / "embeddings" / "ink.safetensors", vectors)
    write_lora(tmp_path / "embeddings" / "loras" / "oil.safetensors")
    (tmp_path / "embeddings" / "old.pt").write_bytes(b"pickled")
    (tmp_path / "embeddings" / "Chalk.png").write_bytes(b"a preview")
    catalog = Catalog([tmp_path])
    assert [(a.id, a.kind, a.vectors) for a in catalog.adapters()] == [
        ("embeddings/Chalk", "embedding", 2),
        ("embeddings/loras/oil", "lora", 0),
        ("loras/embeddings/ink", "embedding", 2),
    ]
    ((path, reason),) = catalog.problems()
    assert path.endswith("old.pt")
    assert "no whole header" in reason


def test_weights_elsewhere_and_other_networks_are_no_adapters(tmp_path: Path) -> None:
    write_lora(tmp_path / "starter" / "judge.safetensors")
    write_controlnet(tmp_path / "starter" / "vae", kind="AutoencoderKL")
    catalog = Catalog([tmp_path])
    assert catalog.adapters() == ()
    ((path, reason),) = catalog.problems()
    assert path.endswith("judge.safetensors")
    assert reason == "It is a LoRA, and lies where models do. Put it into a folder 'loras'."
    write_json(tmp_path / "starter" / "judge.json", {"ignore": True})
    assert catalog.problems() == ()


def test_a_single_file_is_a_model_under_its_whole_name(tmp_path: Path) -> None:
    write_sparse(tmp_path / "Stable-diffusion" / "v1.safetensors", sd1_shapes())
    catalog = Catalog([tmp_path])
    assert (_ids(catalog), catalog.problems()) == (["Stable-diffusion/v1.safetensors"], ())
    beside = tmp_path / "Stable-diffusion" / "v1.json"
    write_json(beside, {"native_size": 768})
    assert catalog.models()[0].native_width == 768


def test_weights_that_are_parts_of_a_folder_are_no_models(tmp_path: Path) -> None:
    write_sparse(tmp_path / "unet" / "diffusion.safetensors", sd1_shapes())
    write_json(tmp_path / "unet" / "config.json", {})
    catalog = Catalog([tmp_path])
    assert (catalog.models(), catalog.problems()) == ((), ())


def test_a_file_among_loras_that_is_none_is_listed_with_its_reason(tmp_path: Path) -> None:
    write_lora(tmp_path / "loras" / "good.safetensors")
    write_lora(tmp_path / "loras" / "bad.safetensors", "weight")
    catalog = Catalog([tmp_path])
    assert [a.id for a in catalog.adapters()] == ["loras/good"]
    ((path, reason),) = catalog.problems()
    assert path.endswith("bad.safetensors")
    assert "lora_A" in reason


def test_a_model_that_lacked_a_file_is_found_once_it_is_there(tmp_path: Path) -> None:
    write_sparse(tmp_path / "paper" / "text2img256.safetensors", shapes_of("text2img256"), "F32")
    catalog = Catalog([tmp_path])
    assert _ids(catalog) == []
    [(path, reason)] = catalog.problems()
    assert path.endswith("text2img256.safetensors")
    assert "vocab.txt" in reason
    (tmp_path / "bert-base-uncased").mkdir()
    pieces = "".join(f"{i}\n" for i in range(30522))
    (tmp_path / "bert-base-uncased" / "vocab.txt").write_text(pieces, "utf-8")
    assert _ids(catalog) == ["paper/text2img256.safetensors"]
    assert catalog.problems() == ()


def test_an_adapter_that_was_added_is_found_without_a_refresh(tmp_path: Path) -> None:
    (tmp_path / "loras").mkdir()
    catalog = Catalog([tmp_path])
    assert catalog.adapters() == ()
    file = write_lora(tmp_path / "loras" / "chalk.safetensors")
    assert len(catalog.adapters()) == 1
    file.unlink()
    assert catalog.adapters() == ()


def test_an_adapter_is_found_by_its_id_or_by_a_name_that_no_other_has(tmp_path: Path) -> None:
    for name in ("a/loras/chalk", "b/loras/ink", "c/loras/ink"):
        write_lora(tmp_path / f"{name}.safetensors")
    catalog = Catalog([tmp_path])
    assert catalog.adapter("lora", AdapterId("b/loras/ink")).id == "b/loras/ink"
    assert catalog.adapter("lora", AdapterId("chalk")).id == "a/loras/chalk"
    with pytest.raises(UnknownAdapter, match="'b/loras/ink' or 'c/loras/ink'"):
        catalog.adapter("lora", AdapterId("ink"))


def test_an_unknown_adapter_names_the_near_ones_of_its_kind(tmp_path: Path) -> None:
    write_controlnet(tmp_path / "edges")
    write_lora(tmp_path / "loras" / "edges2.safetensors")
    catalog = Catalog([tmp_path])
    with pytest.raises(UnknownAdapter, match=r"no controlnet 'edge'.*Did you mean 'edges'\?"):
        catalog.adapter("controlnet", AdapterId("edge"))
    with pytest.raises(UnknownAdapter, match="no lora 'edges'"):
        catalog.adapter("lora", AdapterId("edges"))


def test_without_adapters_the_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnknownAdapter, match="No lora is installed"):
        Catalog([tmp_path]).adapter("lora", AdapterId("chalk"))


def test_the_garbage_collector_is_at_work_again_after_a_look(tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"junk")
    assert len(Catalog([tmp_path]).problems()) == 1
    assert gc.isenabled()
