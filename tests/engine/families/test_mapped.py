"""Encoders of a folder stand over its mapped files, and say to the bit what the library's say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection
from transformers.models.t5.configuration_t5 import T5Config
from transformers.models.t5.modeling_t5 import T5EncoderModel

from tests.engine.families.tiny_xl import clip_config
from webui.engine.families.mapped import TRANSFORMERS_FILE, mapped_encoder
from webui.engine.families.parts import load_part
from webui.engine.packed.late import LateWeight
from webui.engine.shared_networks import Place

IDS = torch.tensor([[1, 5, 9, 2, 1]])
CPU = Place(torch.device("cpu"))


def _t5() -> Any:
    return T5EncoderModel(
        T5Config(
            vocab_size=50, d_model=16, num_layers=2, num_heads=2, d_kv=8, d_ff=24,
            feed_forward_proj="gated-gelu",
        )
    )  # fmt: skip


# Any, here and below: transformers' encoders are typed loosely.
MADE: dict[Any, Any] = {
    CLIPTextModel: lambda: CLIPTextModel(clip_config(16, "quick_gelu")),
    CLIPTextModelWithProjection: lambda: CLIPTextModelWithProjection(clip_config(16, "gelu")),
    T5EncoderModel: _t5,
}


def _folder(kind: Any, folder: Path, dtype: torch.dtype = torch.float16) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        MADE[kind]().to(dtype).save_pretrained(folder)
    return folder


def _file(folder: Path) -> Path:
    return folder / f"{TRANSFORMERS_FILE}.safetensors"


def _said(encoder: Any) -> Tensor:
    with torch.inference_mode():
        said: Tensor = encoder(IDS).last_hidden_state
    return said


def _of_library(kind: Any, folder: Path) -> Tensor:
    return _said(kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa"))


def _late(encoder: Any) -> list[Any]:
    return [m for m in encoder.modules() if isinstance(m, LateWeight)]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", MADE)
def test_nothing_is_converted_before_it_is_read_and_it_says_the_same(
    kind: Any, dtype: torch.dtype, tmp_path: Path
) -> None:
    folder = _folder(kind, tmp_path / "encoder", dtype)
    encoder: Any = load_part(kind, folder, CPU, dtype=torch.float32)
    late = _late(encoder)
    assert len(late) == sum(isinstance(m, torch.nn.Linear) for m in encoder.modules())
    assert len({m.held.untyped_storage().data_ptr() for m in late}) == 1
    assert late[0].held.untyped_storage().nbytes() == _file(folder).stat().st_size
    assert torch.equal(_said(encoder), _of_library(kind, folder))
    assert not _late(encoder)


@pytest.mark.parametrize("kind", [CLIPTextModel, CLIPTextModelWithProjection])
def test_names_of_older_versions_of_the_library_are_known(kind: Any, tmp_path: Path) -> None:
    folder = _folder(kind, tmp_path / "encoder")
    wanted = _of_library(kind, folder)
    older = {
        name if "text_" in name else f"text_model.{name}": weight
        for name, weight in load_file(_file(folder)).items()
    }
    older["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    save_file(older, _file(folder), {"format": "pt"})
    encoder: Any = load_part(kind, folder, CPU, dtype=torch.float32)
    assert _late(encoder)
    assert torch.equal(_said(encoder), wanted)


@pytest.mark.parametrize("name", ["shared.weight", "encoder.embed_tokens.weight"])
def test_t5s_words_are_one_table_by_either_name(name: str, tmp_path: Path) -> None:
    folder = _folder(T5EncoderModel, tmp_path / "encoder")
    wanted = _of_library(T5EncoderModel, folder)
    weights = load_file(_file(folder))
    weights[name] = weights.pop("shared.weight")
    save_file(weights, _file(folder), {"format": "pt"})
    encoder = mapped_encoder(T5EncoderModel, folder)
    assert encoder.shared.weight is encoder.encoder.embed_tokens.weight
    assert torch.equal(_said(encoder.float().eval()), wanted)


def test_a_folder_that_lacks_a_weight_is_left_to_the_library(tmp_path: Path) -> None:
    folder = _folder(CLIPTextModel, tmp_path / "encoder")
    weights = load_file(_file(folder))
    del weights["encoder.layers.0.mlp.fc1.weight"]
    save_file(weights, _file(folder), {"format": "pt"})
    assert mapped_encoder(CLIPTextModel, folder) is None


def test_in_float16_the_library_keeps_the_precision_of_the_layers_that_need_it(
    tmp_path: Path,
) -> None:
    folder = _folder(T5EncoderModel, tmp_path / "encoder")
    encoder: Any = load_part(T5EncoderModel, folder, CPU, dtype=torch.float16)
    outputs = [m.weight.dtype for n, m in encoder.named_modules() if n.endswith(".wo")]
    assert outputs == [torch.float32] * 2
