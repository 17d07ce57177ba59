"""A style adapter's tokens stand behind the text: what diffusers draws of the same tokens is what is drawn here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection

from tests.engine.adapters.ip_files import PATCH, SIDE, write_encoder
from tests.engine.adapters.test_ip_adapter import STEPS, drawn
from tests.engine.library import save_picture
from tests.engine.rig import Rig, image_id, order
from tests.engine.tiny import TinySizes, write_tiny
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import AdapterId
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.work import Predict
from webui.services.control_files import describe_control_file

CPU = torch.device("cpu")
TEXT, TOKENS, LAYERS, HEADS = 16, 3, 2, 8
State = dict[str, Tensor]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("style")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> AdapterInfo:
    return write_encoder(folder / "image_encoders" / "tiny")


@pytest.fixture(scope="module")
def model(folder: Path) -> LoadedModel:
    sizes = TinySizes(unet_channels=(16, 32, 32), hidden=TEXT)
    return load_model(write_tiny(folder / "sd", sizes), CPU)


@pytest.fixture(scope="module")
def picture(folder: Path) -> Path:
    return save_picture(folder / "picture.png", 90, 61)


def style_state(text: int = TEXT) -> State:
    """Random weights under the published names."""
    shapes: dict[str, tuple[int, ...]] = {
        "style_embedding": (1, TOKENS, PATCH), "proj": (PATCH, text),
        **{f"ln_{end}.{what}": (PATCH,) for end in ("pre", "post") for what in ("weight", "bias")},
    }  # fmt: skip
    for layer in range(LAYERS):
        at = f"transformer_layes.{layer}."
        shapes |= {
            f"{at}attn.in_proj_weight": (3 * PATCH, PATCH), f"{at}attn.in_proj_bias": (3 * PATCH,),
            f"{at}attn.out_proj.weight": (PATCH, PATCH), f"{at}attn.out_proj.bias": (PATCH,),
            f"{at}mlp.c_fc.weight": (4 * PATCH, PATCH), f"{at}mlp.c_fc.bias": (4 * PATCH,),
            f"{at}mlp.c_proj.weight": (PATCH, 4 * PATCH), f"{at}mlp.c_proj.bias": (PATCH,),
            **{f"{at}ln_{i}.{what}": (PATCH,) for i in (1, 2) for what in ("weight", "bias")},
        }  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    return {name: 0.4 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.fixture
def info(tmp_path: Path) -> AdapterInfo:
    return written(tmp_path / "t2iadapter_style.safetensors", style_state())


def written(file: Path, state: State) -> AdapterInfo:
    save_file(state, file)
    return describe_control_file(file, AdapterId(f"controlnet/{file.stem}"))


def norm(x: Tensor, state: State, name: str) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"])


def by_hand(seen: Tensor, state: State) -> Tensor:
    """The tokens of what CLIP's last layer says (T, width), written out head by head."""
    x = norm(torch.cat((seen, state["style_embedding"][0])), state, "ln_pre")
    for layer in range(LAYERS):
        own = {n.removeprefix(f"transformer_layes.{layer}."): t for n, t in state.items()}
        told = norm(x, own, "ln_1") @ own["attn.in_proj_weight"].T + own["attn.in_proj_bias"]
        heads = []
        for head in range(HEADS):
            own_part = slice(head * PATCH // HEADS, (head + 1) * PATCH // HEADS)
            q, k, v = (part[:, own_part] for part in told.chunk(3, 1))
            heads.append((q @ k.T / (PATCH // HEADS) ** 0.5).softmax(1) @ v)
        x = x + torch.cat(heads, 1) @ own["attn.out_proj.weight"].T + own["attn.out_proj.bias"]
        wide = norm(x, own, "ln_2") @ own["mlp.c_fc.weight"].T + own["mlp.c_fc.bias"]
        wide = wide / (1 + torch.exp(-1.702 * wide))
        x = x + wide @ own["mlp.c_proj.weight"].T + own["mlp.c_proj.bias"]
    return norm(x[-TOKENS:], state, "ln_post") @ state["proj"]


# Any, here and below: fields of a control and of a request.
def command(
    model: LoadedModel,
    picture: Path,
    infos: tuple[AdapterInfo, ...],
    job: str = "job",
    **fields: Any,
) -> Any:
    use = {"adapter": infos[0].id, "image": image_id(picture), **fields.pop("use", {})}
    usual = {"sampler": "Euler", "schedule": "Uniform", "steps": STEPS, "guidance_scale": 3.0}
    return order(
        model.checkpoint, job, files={"picture": picture, **fields.pop("files", {})},
        adapters=infos, controls=[use], **{**usual, **fields},
    )  # fmt: skip


def theirs(model: LoadedModel, picture: Path, encoder: AdapterInfo, weight: float) -> Tensor:
    """The latent that diffusers draws, with tokens behind the text's that are made by hand."""
    vision: Any = CLIPVisionModelWithProjection.from_pretrained(encoder.path)
    processor: Any = CLIPImageProcessorPil(size=SIDE, crop_size=SIDE)
    pixels = processor(Image.open(picture).convert("RGB"), return_tensors="pt").pixel_values
    pipeline: Any = StableDiffusionPipeline.from_pretrained(
        model.checkpoint.path, torch_dtype=torch.float32, safety_checker=None, requires_safety_checker=False
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = EulerDiscreteScheduler.from_config(
        {**pipeline.scheduler.config, "timestep_spacing": "linspace"}
    )
    with torch.inference_mode():
        style = weight * by_hand(vision(pixels).last_hidden_state[0], style_state())
        words, nothing = pipeline.encode_prompt("a house", CPU, 1, True, "")
        latent: Tensor = pipeline(
            prompt_embeds=torch.cat((words, style[None]), 1),
            negative_prompt_embeds=torch.cat((nothing, 0 * style[None]), 1),
            height=32, width=32, num_inference_steps=STEPS, guidance_scale=3.0, output_type="latent",
            latents=NoiseStream(7, model.latent_shape(32, 32), CPU)(),
        ).images  # fmt: skip
    return latent


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_diffusers_arrives_at_the_same_latent(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, info: AdapterInfo, weight: float
) -> None:
    assert (info.is_style_adapter, info.is_ip_adapter, info.patch_width) == (True, False, PATCH)
    assert info.is_told_by(encoder)
    (ours,) = drawn(Rig(model), command(model, picture, (info, encoder), use={"weight": weight}))
    assert torch.allclose(ours, theirs(model, picture, encoder, weight), atol=1e-4)


def test_it_acts_from_its_begin_to_its_end(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, info: AdapterInfo
) -> None:
    rig = Rig(model)
    drawn(rig, command(model, picture, (info, encoder), use={"start": 0.2, "end": 0.6}))
    assert [len(work.controls) for work in rig.works(Predict)] == [0, 1, 1, 0, 0]


def test_texts_of_one_and_two_rows_take_turns_beside_it(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, info: AdapterInfo
) -> None:
    prompts = {"short": "a house", "long": "hill " * 90}
    orders = [
        command(model, picture, (info, encoder), job, prompt=text) for job, text in prompts.items()
    ]
    together, alone = drawn(Rig(model), *orders), [drawn(Rig(model), each)[0] for each in orders]
    for latent in alone:
        assert any(torch.allclose(latent, other, atol=1e-5) for other in together)


def test_a_mask_and_another_model_are_refused_with_a_sentence(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, info: AdapterInfo, tmp_path: Path
) -> None:
    rig, use = Rig(model), {"mask": image_id(picture)}
    wide = written(tmp_path / "wide.safetensors", style_state(24))
    rig.finish(
        command(model, picture, (info, encoder), "masked", use=use),
        command(model, picture, (wide, encoder), "wide"),
    )
    assert "was given a mask, and what it says stands behind the whole prompt" in rig.error(
        "masked"
    )
    assert "its tokens are 24 wide, those of this model's text 16" in rig.error("wide")


@pytest.mark.parametrize("lacks", ["in_proj_weight", "1.ln_2.bias"])
def test_an_incomplete_file_is_broken(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, tmp_path: Path, lacks: str
) -> None:
    state = {name: t for name, t in style_state().items() if not name.endswith(lacks)}
    if lacks == "in_proj_weight":
        with pytest.raises(BrokenModel, match="incomplete"):
            written(tmp_path / "a.safetensors", state)
        return
    info, rig = written(tmp_path / "a.safetensors", state), Rig(model)
    rig.finish(command(model, picture, (info, encoder)))
    assert "cannot be loaded" in rig.error("job")
