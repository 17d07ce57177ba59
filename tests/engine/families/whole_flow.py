"""Stable Diffusion 3 and FLUX in one file, very small, and diffusers' own pipelines of the same weights.

Names are those of the published files; the first stage goes to diffusers through its own converter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from diffusers.pipelines.flux.pipeline_flux import FluxPipeline
from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import (
    StableDiffusion3Pipeline,
)
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from torch import Tensor
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection
from transformers.models.t5.configuration_t5 import T5Config
from transformers.models.t5.modeling_t5 import T5EncoderModel

from tests.engine.families.tiny_flow import t5_tokenizer
from tests.engine.flow_layout.published import FLUX, SD3, published
from tests.engine.original import random_weights, words_of_clip
from tests.weights.ldm_layout import first_stage_shapes

FIRST, SECOND, T5_WIDTH = 64, 128, 208
"""Widths of the text encoders."""
STAGE = 32, (1, 1, 1)
"""Channels of the first stage, and their multiples by level."""
MIXERS = ("quant_conv.", "post_quant_conv.")
"""What first stages of these families are without."""


# Any, here and below: diffusers' and transformers' classes are typed loosely.
def sd3(with_t5: bool = True) -> Any:
    """A pipeline of random weights; what CLIP's first encoder says of a text is not projected."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        first = CLIPTextModelWithProjection(_clip(FIRST, "quick_gelu"))
        first.text_projection.weight.data = torch.eye(FIRST)
        made: Any = StableDiffusion3Pipeline(
            transformer=SD3Transformer2DModel(
                sample_size=128, in_channels=4, out_channels=4, num_layers=2, attention_head_dim=64,
                num_attention_heads=1, caption_projection_dim=64, joint_attention_dim=T5_WIDTH,
                pooled_projection_dim=FIRST + SECOND, pos_embed_max_size=32,
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
            vae=_vae(1.5305, 0.0609),
            text_encoder=first,
            text_encoder_2=CLIPTextModelWithProjection(_clip(SECOND, "gelu")),
            text_encoder_3=_t5() if with_t5 else None,
            tokenizer=words_of_clip(), tokenizer_2=words_of_clip("!"),
            tokenizer_3=t5_tokenizer() if with_t5 else None,
        )  # fmt: skip
    return ready(made)


def flux(told: bool = True) -> Any:
    """A pipeline of random weights, told the scale of its guidance as dev is, or not, as schnell."""
    with torch.random.fork_rng():
        torch.manual_seed(6)
        made: Any = FluxPipeline(
            transformer=FluxTransformer2DModel(
                in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=128,
                num_attention_heads=1, joint_attention_dim=T5_WIDTH, pooled_projection_dim=FIRST,
                guidance_embeds=told,
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(
                shift=3.0 if told else 1.0, use_dynamic_shifting=told
            ),
            vae=_vae(0.3611, 0.1159),
            text_encoder=CLIPTextModel(_clip(FIRST, "quick_gelu")),
            text_encoder_2=_t5(), tokenizer=words_of_clip(), tokenizer_2=t5_tokenizer(),
        )  # fmt: skip
    return ready(made)


def ready(pipeline: Any) -> Any:
    """Quiet, and not to be trained."""
    pipeline.set_progress_bar_config(disable=True)
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    return pipeline


def stage_weights() -> dict[str, Tensor]:
    """The first stage's, by original names."""
    shapes = first_stage_shapes(*STAGE, latent=4, prefix="", blocks=1)
    return random_weights({n: s for n, s in shapes.items() if not n.startswith(MIXERS)}, seed=9)


def whole_weights(pipeline: Any) -> dict[str, Tensor]:
    """All weights of a pipeline, as the published files name them."""
    is_sd3 = isinstance(pipeline, StableDiffusion3Pipeline)
    parts = {
        "model.diffusion_model.": published(
            pipeline.transformer.state_dict(), SD3 if is_sd3 else FLUX
        ),
        "first_stage_model." if is_sd3 else "vae.": stage_weights(),
        "text_encoders.clip_l.transformer.": _as_transformers(pipeline.text_encoder),
        "text_encoders.clip_g.transformer.": _as_transformers(pipeline.text_encoder_2)
        if is_sd3
        else {},
        "text_encoders.t5xxl.transformer.": _t5_weights(
            pipeline.text_encoder_3 if is_sd3 else pipeline.text_encoder_2
        ),
    }
    return {prefix + name: w for prefix, part in parts.items() for name, w in part.items()}


def write_whole(file: Path, pipeline: Any) -> Path:
    """The file of a pipeline."""
    weights = {n: w.detach().clone().contiguous() for n, w in whole_weights(pipeline).items()}
    safetensors.torch.save_file(weights, file)
    return file


def _as_transformers(encoder: Any) -> dict[str, Tensor]:
    """By the names that files have: some versions of transformers leave `text_model.` out."""
    named = {}
    for name, weight in encoder.state_dict().items():
        inner = name.startswith(("text_model.", "text_projection."))
        named[name if inner else f"text_model.{name}"] = weight
    if isinstance(encoder, CLIPTextModelWithProjection) and encoder.config.hidden_size == FIRST:
        del named["text_projection.weight"]  # it is in no file: nothing is projected there
    return named


def _t5_weights(encoder: Any) -> dict[str, Tensor]:
    weights = {} if encoder is None else dict(encoder.state_dict())
    weights.pop("encoder.embed_tokens.weight", None)  # as in Comfy's files: the table is there once
    return weights


def _clip(width: int, activation: str) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=49408, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=3,
        num_attention_heads=width // 64, projection_dim=width, hidden_act=activation,
        bos_token_id=49406, eos_token_id=49407, pad_token_id=1,
    )  # fmt: skip


def _t5() -> Any:
    return T5EncoderModel(
        T5Config(
            vocab_size=64, d_model=T5_WIDTH, d_kv=8, d_ff=64, num_layers=2, num_heads=2,
            feed_forward_proj="gated-gelu",
        )
    )  # fmt: skip


def _vae(scale: float, shift: float) -> Any:
    channels, mult = STAGE
    levels = len(mult)
    vae: Any = AutoencoderKL(
        block_out_channels=(channels,) * levels, layers_per_block=1, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * levels, norm_num_groups=32,
        up_block_types=("UpDecoderBlock2D",) * levels, use_quant_conv=False,
        use_post_quant_conv=False, scaling_factor=scale, shift_factor=shift,
    )  # fmt: skip
    given = {f"first_stage_model.{name}": weight for name, weight in stage_weights().items()}
    vae.load_state_dict(convert_ldm_vae_checkpoint(given, vae.config))
    return vae
