"""Single files of SDXL draw what diffusers' own pipelines draw from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import (
    StableDiffusionXLPipeline,
)
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

from tests.engine.families.tiny_xl import SCHEDULER
from tests.engine.original import CHANNELS, MULT, STAGE_MULT, WIDTH, words_of_clip, write_original
from tests.engine.rig import Rig, order
from tests.engine.tiny import TinySizes, tiny_vae
from tests.weights.ldm_layout import (
    Shapes,
    Unet,
    clip_shapes,
    first_stage_shapes,
    open_clip_shapes,
    unet_shapes,
)
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.published_levels import STABLE_DIFFUSION_XL
from webui.engine.work import DecodeLatent

CPU = torch.device("cpu")
STEPS = 3
SAID: dict[str, Any] = {"prompt": "a red house", "negative_prompt": "fog", "guidance_scale": 4.0}


BASE = Unet(
    CHANNELS, MULT, 1, (1,), 2 * WIDTH,
    transformer_depth=(0, 2), use_linear=True, adm=WIDTH + 6 * 256,
)  # fmt: skip
PRUNED = replace(BASE, num_res_blocks=2, up_depth=(1, 1, 3, 0, 0, 0), middle="first block")
"""As SSD-1B."""
WITHOUT_MIDDLE = replace(BASE, up_depth=(2, 2, 0, 0), middle="nothing")
"""As KOALA-700M."""


def shapes_of(refiner: bool, unet: Unet = BASE) -> Shapes:
    """SDXL, very small."""
    place = 0 if refiner else 1
    if refiner:
        unet = replace(BASE, context_dim=WIDTH, adm=WIDTH + 5 * 256)
    shapes = {**unet_shapes(unet), **first_stage_shapes(CHANNELS, STAGE_MULT, blocks=1)}
    shapes |= open_clip_shapes(WIDTH, 3, prefix=f"conditioner.embedders.{place}.model.")
    if not refiner:
        shapes |= clip_shapes(WIDTH, 3, prefix="conditioner.embedders.0.transformer.text_model.")
    return shapes


# Any: diffusers' and transformers' classes are typed loosely.
def text_config(activation: str) -> Any:
    return CLIPTextConfig(
        vocab_size=49408, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=3,
        num_attention_heads=1, projection_dim=WIDTH, hidden_act=activation,
        bos_token_id=49406, eos_token_id=49407, pad_token_id=1,
    )  # fmt: skip


def write_configs(folder: Path, **network: Any) -> Path:
    """What diffusers' converter is told of the base: a pipeline of the same sizes; `network` is of its UNet."""
    sizes = {"layers_per_block": 1, "transformer_layers_per_block": (1, 2), **network}
    pipeline: Any = StableDiffusionXLPipeline(
        vae=tiny_vae(TinySizes(vae_channels=(CHANNELS,) * len(STAGE_MULT))),
        text_encoder=CLIPTextModel(text_config("quick_gelu")),
        text_encoder_2=CLIPTextModelWithProjection(text_config("gelu")),
        tokenizer=words_of_clip(),
        tokenizer_2=words_of_clip("!"),
        unet=UNet2DConditionModel(
            sample_size=16, in_channels=4, out_channels=4, block_out_channels=(32, 64),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **sizes,
            attention_head_dim=(1, 1), use_linear_projection=True, cross_attention_dim=2 * WIDTH,
            addition_embed_type="text_time", addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=WIDTH + 6 * 256,
        ),
        scheduler=EulerDiscreteScheduler(**SCHEDULER),
        add_watermarker=False,
    )  # fmt: skip
    pipeline.vae.register_to_config(scaling_factor=0.13025, norm_num_groups=32)
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "xl.safetensors"
    write_original(path, shapes_of(refiner=False))
    return path


@pytest.fixture(scope="module")
def model(file: Path) -> LoadedModel:
    return load_model(write_original(file, shapes_of(refiner=False)), CPU)


def second_of(model: LoadedModel) -> Any:
    """Our second text encoder."""
    reads: Any = model.reads
    return reads.towers[-1].encoder


def test_the_text_as_a_whole_is_projected_as_openclip_does_it(
    model: LoadedModel, file: Path
) -> None:
    encoder = second_of(model)
    ids = torch.tensor([[49406, 320, 736, 49407, 0, 0]])
    with torch.inference_mode():
        said = encoder(ids, output_hidden_states=True)
        last = encoder.text_model.final_layer_norm(said.hidden_states[-1])[0, 3]  # at the end token
    weights = safetensors.torch.load_file(file)
    projection = weights["conditioner.embedders.1.model.text_projection"]
    assert torch.allclose(said.text_embeds[0], last @ projection, atol=1e-5)


def test_the_levels_of_align_your_steps_are_those_of_sdxl(model: LoadedModel) -> None:
    assert model.levels.published is STABLE_DIFFUSION_XL


def test_a_picture_of_a_file_is_that_of_diffusers(
    model: LoadedModel, file: Path, tmp_path: Path
) -> None:
    check(model, file, write_configs(tmp_path / "configs"))
    assert model.latent_scale == 0.13025


@pytest.mark.parametrize(
    ("unet", "network"),
    [
        (
            PRUNED,
            {
                "layers_per_block": 2, "mid_block_type": "UNetMidBlock2D",
                "transformer_layers_per_block": [1, [2, 2]],
                "reverse_transformer_layers_per_block": [[1, 1, 3], 1],
            },
        ),
        (WITHOUT_MIDDLE, {"mid_block_type": None}),
    ],
    ids=["as SSD-1B", "as KOALA"],
)  # fmt: skip
def test_a_picture_of_a_pruned_file_is_that_of_diffusers(
    tmp_path: Path, unet: Unet, network: dict[str, Any]
) -> None:
    info = write_original(tmp_path / "pruned.safetensors", shapes_of(False, unet))
    configs = write_configs(tmp_path / "configs", **network)
    check(load_model(info, CPU), Path(info.path), configs)


@pytest.mark.parametrize("unet", [PRUNED, WITHOUT_MIDDLE], ids=["as SSD-1B", "as KOALA"])
def test_a_pruned_file_is_drawn_in_fewer_passes_too(tmp_path: Path, unet: Unet) -> None:
    info = write_original(tmp_path / "pruned.safetensors", shapes_of(False, unet))
    rig = Rig(load_model(info, CPU))
    rig.finish(order(info, steps=6, width=64, height=64, deep_cache_interval=3, **SAID))
    assert rig.ends() == {"job": "done"}, rig.error("job")


def check(model: LoadedModel, file: Path, configs: Path) -> None:
    """Their latent and ours agree to 1e-4."""
    theirs: Any = StableDiffusionXLPipeline.from_single_file(
        str(file), config=str(configs), local_files_only=True,
        text_encoder_2=second_of(model),  # its own converter leaves this one without weights
    )  # fmt: skip
    theirs.set_progress_bar_config(disable=True)
    size: dict[str, Any] = {"width": 64, "height": 64}
    noise = NoiseStream(7, model.latent_shape(64, 64), CPU)()
    expected = theirs(
        **SAID, **size, latents=noise, num_inference_steps=STEPS, output_type="latent"
    ).images
    rig = Rig(model)
    rig.finish(
        order(model.checkpoint, sampler="Euler", schedule="Uniform", steps=STEPS, **SAID, **size)
    )
    assert rig.ends() == {"job": "done"}, rig.error("job")
    (decoded,) = rig.works(DecodeLatent)
    spread = max(1.0, float(expected.std()))
    assert float((decoded.latent - expected).abs().max()) < 1e-4 * spread
    assert model.latent_scale == theirs.vae.config.scaling_factor


def test_a_refiner_in_a_file_finishes_what_a_base_began(model: LoadedModel, tmp_path: Path) -> None:
    info = write_original(tmp_path / "refiner.safetensors", shapes_of(refiner=True))
    refiner = load_model(info, CPU)
    assert refiner.traits.size_numbers == 5
    rig = Rig(model, refiner)
    command = order(
        model.checkpoint, sampler="Euler", refiner=info.id, refiner_switch_at=0.5,
        width=64, height=64, steps=STEPS, **SAID,
    )  # fmt: skip
    rig.finish(replace(command, others=(info,)))
    assert rig.ends() == {"job": "done"}, rig.error("job")


def test_a_student_in_a_file_is_told_its_guidance(tmp_path: Path) -> None:
    name = "model.diffusion_model.time_embed.cond_proj.weight"
    info = write_original(tmp_path / "a.safetensors", {**shapes_of(False), name: (CHANNELS, 16)})
    student = load_model(info, CPU)
    assert student.traits.takes_guidance
    rig = Rig(student)
    told = {"told": 7.0, "again": 7.0, "less": 2.0}
    for job, scale in told.items():
        rig.finish(
            order(info, job, steps=2, width=64, height=64, guidance_scale=1.0,
                  distilled_guidance_scale=scale)
        )  # fmt: skip
    first, again, less = (rig.pictures(job)[0] for job in told)
    assert (first == again).all()
    assert (first != less).any()
