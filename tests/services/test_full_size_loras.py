"""LoRAs of whole networks, in each dialect and under each maker's names, are known by headers of the true size."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services import lora_layout as layout
from tests.services.lora_layout import clip, file_of, of_diffusers, of_original, t5
from tests.weights.files import write_sparse
from tests.weights.ldm_layout import Shapes
from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.contracts.lora_keys import TEXT, TEXT_2, TEXT_3, UNET, split_keys
from webui.services.catalog import Catalog
from webui.weights.peft_config import CONFIG

ATTENTION = r"attentions\."
"""What kohya's scripts change of a UNet: transformers with what is before and behind them."""
ORIGINAL = r"transformer_blocks|proj_in|proj_out"
"""The same under the original names."""
KEYS = r"attn\d\.to_[kv]\.|ff\.net\.2"
FLUX_BLOCKS = "double_blocks|single_blocks"
SD3_BLOCKS = "joint_blocks"
TURNS = {
    "peft_type": "OFT",
    "use_cayley_neumann": False,
    "num_cayley_neumann_terms": 5,
    "eps": 6e-5,
}
TRAINED = {
    "ss_network_module": "networks.lora", "ss_network_dim": str(layout.RANK), "ss_network_alpha": "8",
    "ss_sd_model_name": "v1-5.safetensors", "ss_tag_frequency": json.dumps({"10_x": {"slate": 9, "tree": 2}}),
    "modelspec.trigger_phrase": "chalk style, on slate", "modelspec.title": "Chalk",
    "sshs_model_hash": "ab" * 32,
}  # fmt: skip
"""As trainers write it into the header, beside what the LoRA is made for."""
TOLD = (("Base model", "v1-5.safetensors"), ("Network", "networks.lora"), ("Rank", "16"), ("Alpha", "8"))  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A file, and what its header says."""

    shapes: Callable[[], Shapes]
    base: str
    places: Mapping[str, int]
    """Of each part: how many layers are changed."""
    stated: str = ""
    """`ss_base_model_version`; empty: a file without metadata."""
    beside: Mapping[str, object] | None = None
    """`adapter_config.json`."""


def _sd1(pieces: layout.Pieces, pattern: str = ATTENTION) -> Callable[[], Shapes]:
    """Names of kohya's scripts and LyCORIS."""
    return lambda: file_of({"lora_unet_": of_diffusers("sd1", pattern), "lora_te_": clip()}, pieces)


def _xl(pieces: layout.Pieces, pattern: str = ORIGINAL) -> Callable[[], Shapes]:
    parts = {"lora_te1_": clip(), "lora_te2_": clip(1280, 32)}
    return lambda: file_of({"lora_unet_": of_original("xl", pattern), **parts}, pieces)


def _dotted(pieces: layout.Pieces, **parts: layout.Part) -> Shapes:
    return file_of({f"{name}.": part for name, part in parts.items()}, pieces, dotted=True)


SD1 = {UNET: 192, TEXT: 72}
XL = {UNET: 722, TEXT: 72, TEXT_2: 192}
FLUX = {UNET: 304, TEXT: 72}
"""As kohya's scripts count the layers that they train."""
WHOLE_SD1 = {UNET: 282, TEXT: 72}
WHOLE_XL = {UNET: 794, TEXT: 72, TEXT_2: 192}
"""278 and 788 of kohya's that have kernels too, and what stands before, behind and beside the blocks."""

CASES: Mapping[str, Case] = {
    "kohya SD 1": Case(_sd1(layout.kohya), "SD 1", SD1, "sd_v1"),
    "kohya SD 1 without metadata": Case(_sd1(layout.kohya), "SD 1", SD1),
    "kohya SD 2": Case(
        lambda: file_of({"lora_unet_": of_diffusers("sd2", ATTENTION), "lora_te_": clip(1024, 23)}, layout.kohya),
        "SD 2", {UNET: 192, TEXT: 138}, "sd_v2_768_v",
    ),
    "kohya SDXL": Case(_xl(layout.kohya), "SDXL", XL, "sdxl_base_v1-0"),
    "kohya SDXL without metadata": Case(_xl(layout.kohya), "SDXL", XL),
    "kohya SDXL of the UNet alone": Case(
        lambda: file_of({"lora_unet_": of_original("xl", ORIGINAL)}, layout.kohya), "SDXL", {UNET: 722},
    ),
    "kohya FLUX": Case(
        lambda: file_of({"lora_unet_": of_original("flux", f"({FLUX_BLOCKS})"), "lora_te1_": clip()}, layout.kohya),
        "FLUX", FLUX, "flux1",
    ),
    "kohya SD 3": Case(
        lambda: file_of(
            {
                "lora_unet_": of_original("sd3", SD3_BLOCKS), "lora_te1_": clip(),
                "lora_te2_": clip(1280, 32), "lora_te3_": t5(),
            },
            layout.kohya,
        ),
        "SD 3", {UNET: 237, TEXT: 72, TEXT_2: 192, TEXT_3: 168}, "sd3",
    ),
    "LoCon SD 1": Case(_sd1(layout.kohya, ATTENTION + "|conv|time_emb_proj"), "SD 1", {UNET: 280, TEXT: 72}, "sd_v1"),
    "LoCon SD 1, whole and by Tucker": Case(_sd1(layout.tucker, ""), "SD 1", WHOLE_SD1, "sd_v1"),
    "LoCon SDXL": Case(_xl(layout.tucker, ""), "SDXL", WHOLE_XL, "sdxl_base_v1-0"),
    "LoHa SD 1": Case(_sd1(layout.loha, ""), "SD 1", WHOLE_SD1, "sd_v1"),
    "LoHa SDXL": Case(_xl(layout.loha), "SDXL", XL),
    "LoKr SD 1": Case(_sd1(layout.lokr, ""), "SD 1", WHOLE_SD1, "sd_v1"),
    "LoKr SDXL": Case(_xl(layout.lokr), "SDXL", XL),
    "LoKr FLUX by SimpleTuner": Case(
        lambda: file_of({"lycoris_": of_diffusers("flux", r"transformer_blocks\.")}, layout.lokr), "FLUX", {UNET: 494},
    ),
    "DoRA SD 1": Case(_sd1(layout.dora), "SD 1", SD1, "sd_v1"),
    "DoRA SDXL": Case(_xl(layout.dora), "SDXL", XL),
    "GLoRA SD 1": Case(_sd1(layout.glora), "SD 1", SD1, "sd_v1"),
    "GLoRA SDXL of the UNet alone": Case(
        lambda: file_of({"lora_unet_": of_original("xl", ORIGINAL)}, layout.glora), "SDXL", {UNET: 722},
    ),
    "full SD 1": Case(_sd1(layout.full, ""), "SD 1", WHOLE_SD1),
    "full SDXL": Case(_xl(layout.full, ""), "SDXL", WHOLE_XL),
    "OFT SD 1 by kohya": Case(
        lambda: file_of({"oft_unet_": of_diffusers("sd1", ATTENTION)}, layout.oft), "SD 1", {UNET: 192}, "sd_v1",
    ),
    "OFT SDXL by kohya": Case(
        lambda: file_of({"oft_unet_": of_original("xl", ORIGINAL)}, layout.oft), "SDXL", {UNET: 722}, "sdxl_base_v1-0",
    ),
    "OFT SD 1 by LyCORIS": Case(_sd1(layout.diagonal_oft), "SD 1", SD1, "sd_v1"),
    "BOFT SDXL by LyCORIS": Case(_xl(layout.boft), "SDXL", XL, "sdxl_base_v1-0"),
    "(IA)^3 SD 1 by LyCORIS": Case(
        lambda: file_of({"lora_unet_": of_diffusers("sd1", KEYS)}, layout.ia3), "SD 1", {UNET: 80}, "sd_v1",
    ),
    "diffusers SD 1": Case(
        lambda: _dotted(layout.peft, unet=of_diffusers("sd1", ATTENTION), text_encoder=clip()), "SD 1", SD1,
    ),
    "diffusers SDXL": Case(
        lambda: _dotted(
            layout.peft, unet=of_diffusers("xl", ATTENTION), text_encoder=clip(), text_encoder_2=clip(1280, 32)
        ),
        "SDXL", XL,
    ),
    "diffusers' first names SD 1": Case(
        lambda: _dotted(layout.first_diffusers, unet=layout.processors_of(of_diffusers("sd1", r"attn\d"))),
        "SD 1", {UNET: 128},
    ),
    "PEFT SD 1 DoRA": Case(
        lambda: file_of({"base_model.model.": of_diffusers("sd1", ATTENTION)}, layout.peft_dora, dotted=True),
        "SD 1", {UNET: 192},
    ),
    "PEFT SD 1 OFT": Case(
        lambda: file_of({"base_model.model.": of_diffusers("sd1", r"attn\d")}, layout.peft_oft, dotted=True),
        "SD 1", {UNET: 128}, beside=TURNS,
    ),
    "PEFT SD 1 (IA)^3": Case(
        lambda: file_of({"base_model.model.": of_diffusers("sd1", KEYS)}, layout.peft_ia3, dotted=True),
        "", {UNET: 80},
    ),
    "diffusers FLUX": Case(
        lambda: _dotted(layout.peft, transformer=of_diffusers("flux", r"transformer_blocks\."), text_encoder=clip()),
        "FLUX", {UNET: 494, TEXT: 72},
    ),
    "diffusers SD 3": Case(
        lambda: _dotted(layout.peft, transformer=of_diffusers("sd3", r"transformer_blocks\.")), "SD 3", {UNET: 333},
    ),
    "published names FLUX": Case(
        lambda: _dotted(layout.peft, diffusion_model=of_original("flux", f"({FLUX_BLOCKS})")), "FLUX", {UNET: 304},
    ),
    "XLabs FLUX": Case(layout.xlabs, "FLUX", {UNET: 152}),
    "OneTrainer SDXL": Case(
        lambda: file_of(
            {"lora_unet_": of_diffusers("xl", ATTENTION), "lora_te1_": clip(), "lora_te2_": clip(1280, 32)}, layout.kohya
        ),
        "SDXL", XL,
    ),
    "OneTrainer FLUX": Case(
        lambda: file_of(
            {"lora_transformer_": of_diffusers("flux", r"transformer_blocks\."), "lora_te1_": clip(), "lora_te2_": t5()},
            layout.kohya,
        ),
        "FLUX", {UNET: 494, TEXT: 72, TEXT_2: 168},
    ),
    "OneTrainer SDXL, newer": Case(
        lambda: _dotted(
            layout.kohya, unet=of_original("xl", ORIGINAL), clip_l=clip(), clip_g=clip(1280, 32)
        ),
        "SDXL", XL,
    ),
    "OneTrainer FLUX, newer": Case(
        lambda: _dotted(
            layout.dora, transformer=layout.numbered(of_original("flux", f"({FLUX_BLOCKS})")), clip_l=clip(), t5=t5()
        ),
        "FLUX", {UNET: 494, TEXT: 72, TEXT_2: 168},
    ),
    "OneTrainer SD 3, newer": Case(
        lambda: _dotted(
            layout.kohya, transformer=layout.numbered(of_original("sd3", SD3_BLOCKS)), clip_l=clip(),
            clip_g=clip(1280, 32), t5=t5(),
        ),
        "SD 3", {UNET: 333, TEXT: 72, TEXT_2: 192, TEXT_3: 168},
    ),
}  # fmt: skip
WIDTHS = {"SD 1": 768, "SD 2": 1024, "SDXL": 2048, "SD 3": 4096, "FLUX": 4096, "": 0}


@pytest.mark.parametrize("name", CASES)
def test_each_layer_of_a_whole_network_is_found(name: str) -> None:
    case = CASES[name]
    places = {place for place, _ in split_keys(case.shapes()).values()}
    counts = {part: sum(of == part for of, _ in places) for part, _ in places}
    assert counts == case.places


@pytest.mark.parametrize("name", CASES)
def test_the_catalog_describes_a_file_of_true_size_by_its_header(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    said = {**TRAINED, "ss_base_model_version": case.stated} if case.stated else {}
    file = write_sparse(tmp_path / "loras" / "a" / "x.safetensors", case.shapes(), metadata=said)
    if case.beside is not None:
        file.with_name(CONFIG).write_text(json.dumps(case.beside))
    catalog = Catalog([tmp_path])
    read, (info,) = bytes_read(catalog.adapters)
    assert (info.id, info.kind) == (AdapterId("loras/a/x"), "lora")
    assert (info.base, info.text_width) == (case.base, WIDTHS[case.base])
    assert info.bytes == file.stat().st_size
    assert info.title == ("Chalk" if case.stated else "x")
    assert info.trigger_words == (("chalk style", "on slate") if case.stated else ())
    assert info.tags == (("slate", "tree") if case.stated else ())
    assert info.training == (TOLD if case.stated else ())
    assert info.hash == ("ab" * 32 if case.stated else "")
    assert read < 2 * header_bytes(file)


def bytes_read(run: Callable[[], tuple[AdapterInfo, ...]]) -> tuple[int, tuple[AdapterInfo, ...]]:
    """How many bytes this process asks files for meanwhile, 0 where the system does not count them; and the answer."""
    before = _asked_for()
    answer = run()
    return _asked_for() - before, answer


def _asked_for() -> int:
    try:
        return int(Path("/proc/self/io").read_text().split("rchar:")[1].split()[0])
    except FileNotFoundError:
        return 0


def header_bytes(file: Path) -> int:
    with file.open("rb") as stream:
        return 8 + int.from_bytes(stream.read(8), "little")
