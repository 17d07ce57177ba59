"""A picture as a prompt of FLUX: what diffusers draws with the same files is what is drawn here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.flux.pipeline_flux import FluxPipeline
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection

from tests.engine.adapters.ip_files import POOLED, write_encoder
from tests.engine.adapters.ip_files import SIDE as SEEN
from tests.engine.families.test_flow_families import (
    NEGATIVE,
    SIDE,
    Pair,
    assert_close,
    drawn,
    expected,
    noise,
    packed,
    pair,
)
from tests.engine.families.tiny_flow import WIDTH, tiny_flux
from tests.engine.library import save_picture
from tests.engine.rig import Rig, image_id, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import AdapterId
from webui.services.control_files import describe_control_file

BLOCKS, INNER, TOKENS = 2, 16, 4
State = dict[str, Tensor]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flux-ip")


@pytest.fixture(scope="module")
def flux(folder: Path) -> Pair:
    return pair(folder / "flux", tiny_flux(layers=(BLOCKS, 1)))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> AdapterInfo:
    return write_encoder(folder / "image_encoders" / "tiny")


@pytest.fixture(scope="module")
def picture(folder: Path) -> Path:
    return save_picture(folder / "picture.png", 90, 61)


def ip_state(seed: int = 0) -> State:
    """Random weights under XLabs' names."""
    wide = TOKENS * WIDTH
    shapes: dict[str, tuple[int, ...]] = {
        "ip_adapter_proj_model.proj.weight": (wide, POOLED), "ip_adapter_proj_model.proj.bias": (wide,),
        "ip_adapter_proj_model.norm.weight": (WIDTH,), "ip_adapter_proj_model.norm.bias": (WIDTH,),
    }  # fmt: skip
    for block in range(BLOCKS):
        for part in "kv":
            name = f"double_blocks.{block}.processor.ip_adapter_double_stream_{part}_proj"
            shapes |= {f"{name}.weight": (INNER, WIDTH), f"{name}.bias": (INNER,)}
    generator = torch.Generator().manual_seed(seed)
    return {name: 0.4 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def written(file: Path, state: State) -> AdapterInfo:
    save_file(state, file)
    return describe_control_file(file, AdapterId(f"ipadapter/{file.stem}"))


# Any: fields of a control, and diffusers' options.
def ours(
    flux: Pair, encoder: AdapterInfo, picture: Path, *uses: tuple[AdapterInfo, Any], **fields: Any
) -> Tensor:
    controls = [{"adapter": info.id, "image": image_id(picture), **use} for info, use in uses]
    infos = (*(info for info, _ in uses), encoder)
    latent = drawn(
        flux[0], adapters=infos, files={"picture": picture}, controls=controls,
        distilled_guidance_scale=2.5, **fields,
    )  # fmt: skip
    return packed(latent)


def theirs(
    flux: Pair, encoder: AdapterInfo, picture: Path, uses: dict[Path, float], **options: Any
) -> Tensor:
    parts = tiny_flux(layers=(BLOCKS, 1)).components  # of its own: it is changed
    parts["transformer"].load_state_dict(flux[1].transformer.state_dict())
    parts |= {
        "image_encoder": CLIPVisionModelWithProjection.from_pretrained(encoder.path),
        "feature_extractor": CLIPImageProcessorPil(size=SEEN, crop_size=SEEN),
    }
    for name in ("vae", "text_encoder", "text_encoder_2"):
        parts[name] = getattr(flux[1], name)
    pipeline: Any = FluxPipeline(**parts)
    pipeline.set_progress_bar_config(disable=True)
    files = list(uses)
    pipeline.load_ip_adapter(
        [str(file.parent) for file in files], weight_name=[file.name for file in files], subfolder=[""] * len(files),
        image_encoder_pretrained_model_name_or_path=None, local_files_only=True,
    )  # fmt: skip
    pipeline.set_ip_adapter_scale(list(uses.values()) if len(uses) > 1 else uses[files[0]])
    image = Image.open(picture).convert("RGB")
    return expected(
        pipeline, latents=packed(noise(flux[0])), guidance_scale=2.5,
        ip_adapter_image=[image] * len(uses), **options,
    )  # fmt: skip


@pytest.mark.parametrize("weight", [1.0, 0.6])
def test_diffusers_arrives_at_the_same_latent(
    flux: Pair, encoder: AdapterInfo, picture: Path, tmp_path: Path, weight: float
) -> None:
    info = written(tmp_path / "a.safetensors", ip_state())
    assert (info.network, info.base, info.pooled_width, info.reads) == (
        "flux",
        "FLUX",
        POOLED,
        "look",
    )
    latent = ours(flux, encoder, picture, (info, {"weight": weight}))
    assert_close(latent, theirs(flux, encoder, picture, {Path(info.path): weight}))
    plain = packed(drawn(flux[0], distilled_guidance_scale=2.5))
    assert not torch.allclose(latent, plain, atol=1e-2)


def test_two_add_up_and_the_negative_prompt_is_shown_black(
    flux: Pair, encoder: AdapterInfo, picture: Path, tmp_path: Path
) -> None:
    first, second = (written(tmp_path / f"{i}.safetensors", ip_state(i)) for i in range(2))
    latent = ours(
        flux,
        encoder,
        picture,
        (first, {"weight": 0.7}),
        (second, {"weight": 0.4}),
        guidance_scale=3.0,
    )
    uses = {Path(first.path): 0.7, Path(second.path): 0.4}
    options: Any = {"negative_prompt": NEGATIVE, "true_cfg_scale": 3.0}
    assert_close(latent, theirs(flux, encoder, picture, uses, **options))


def test_the_model_is_as_it_was_afterwards_and_a_mask_says_where(
    flux: Pair, encoder: AdapterInfo, picture: Path, tmp_path: Path
) -> None:
    info = written(tmp_path / "a.safetensors", ip_state())
    before = drawn(flux[0])
    Image.new("L", (SIDE, SIDE), 0).save(tmp_path / "nowhere.png")
    files = {"picture": picture, "nowhere": tmp_path / "nowhere.png"}
    use = {"adapter": info.id, "image": image_id(picture), "mask": image_id(files["nowhere"])}
    nowhere = drawn(flux[0], adapters=(info, encoder), files=files, controls=[use])
    assert torch.allclose(nowhere, before, atol=1e-5)
    assert torch.equal(drawn(flux[0]), before)


def test_one_for_another_number_of_blocks_fails_with_a_sentence(
    flux: Pair, encoder: AdapterInfo, picture: Path, tmp_path: Path
) -> None:
    state = {name: t for name, t in ip_state().items() if "double_blocks.1." not in name}
    info = written(tmp_path / "a.safetensors", state)
    rig = Rig(flux[0])
    use = {"adapter": info.id, "image": image_id(picture)}
    rig.finish(order(flux[0].checkpoint, adapters=(info, encoder), files={"p": picture}, controls=[use]))  # fmt: skip
    assert "is made for another model: it has 1 attentions" in rig.error("job")


@pytest.mark.parametrize("lacks", ["ip_adapter_proj_model.proj.weight", "v_proj.weight"])
def test_an_incomplete_file_is_broken(tmp_path: Path, lacks: str) -> None:
    state = {name: t for name, t in ip_state().items() if not name.endswith(lacks)}
    with pytest.raises(BrokenModel, match="incomplete"):
        written(tmp_path / "a.safetensors", state)
