"""Tiny Stable Diffusion 3 and FLUX models on disk, saved by diffusers' own pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from diffusers.pipelines.flux.pipeline_flux import FluxPipeline
from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import (
    StableDiffusion3Pipeline,
)
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection
from transformers.models.t5.configuration_t5 import T5Config
from transformers.models.t5.modeling_t5 import T5EncoderModel
from transformers.models.t5.tokenization_t5 import T5Tokenizer

from tests.engine.families.tiny_xl import FIRST, SECOND, clip_config
from tests.engine.tiny import TinySizes, tiny_vae, tokenizer
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import ModelId
from webui.services.diffusers_folder import describe_folder

WIDTH = 48
"""Of T5, and of the tokens that the transformers read."""
LETTERS = "abcdefghijklmnopqrstuvwxyz,.()0123456789"
VAE = (8, 16, 16)


def write_tiny_flow(folder: Path, pipeline: Any) -> CheckpointInfo:
    """Write the folder, in float32."""
    pipeline.save_pretrained(folder)
    return describe_folder(folder, ModelId(f"tiny/{folder.name}"))


# Any, here and below: diffusers' and transformers' classes are typed loosely.
def tiny_sd3(with_t5: bool = True, layers: int = 2, channels: int = 4) -> Any:
    """A pipeline of random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return StableDiffusion3Pipeline(
            transformer=SD3Transformer2DModel(
                sample_size=16,
                in_channels=channels,
                out_channels=channels,
                num_layers=layers,
                attention_head_dim=8,
                num_attention_heads=2,
                caption_projection_dim=16,
                joint_attention_dim=WIDTH,
                pooled_projection_dim=FIRST + SECOND,
                pos_embed_max_size=32,
                dual_attention_layers=(0,),
                qk_norm="rms_norm",
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
            vae=tiny_vae_of(VAE, channels),
            text_encoder=CLIPTextModelWithProjection(clip_config(FIRST, "quick_gelu")),
            text_encoder_2=CLIPTextModelWithProjection(clip_config(SECOND, "gelu")),
            text_encoder_3=_t5() if with_t5 else None,
            tokenizer=tokenizer(),
            tokenizer_2=tokenizer(),
            tokenizer_3=t5_tokenizer() if with_t5 else None,
        )


def tiny_flux(told: bool = True, layers: tuple[int, int] = (1, 1), vae: Any = None) -> Any:
    """A pipeline of random weights, told the scale of its guidance as dev is, or not, as schnell."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return FluxPipeline(
            transformer=FluxTransformer2DModel(
                in_channels=16,
                num_layers=layers[0],
                num_single_layers=layers[1],
                attention_head_dim=8,
                num_attention_heads=2,
                joint_attention_dim=WIDTH,
                pooled_projection_dim=FIRST,
                guidance_embeds=told,
                axes_dims_rope=(2, 2, 4),
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(
                shift=3.0 if told else 1.0, use_dynamic_shifting=told
            ),
            vae=_vae() if vae is None else vae,
            text_encoder=CLIPTextModel(clip_config(FIRST, "quick_gelu")),
            text_encoder_2=_t5(),
            tokenizer=tokenizer(),
            tokenizer_2=t5_tokenizer(),
        )


def t5_tokenizer() -> Any:
    """Letters only."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    return T5Tokenizer(vocab=[*special, *((letter, -3.0) for letter in LETTERS)], extra_ids=0)


def tiny_vae_of(channels: tuple[int, ...], latent: int = 4) -> Any:
    """A first stage of so many channels by level and in its latents, which are shifted."""
    vae: Any = tiny_vae(TinySizes(vae_channels=channels, latent_channels=latent))
    vae.register_to_config(shift_factor=0.1)
    return vae


def _vae() -> Any:
    return tiny_vae_of(VAE)


def _t5() -> Any:
    return T5EncoderModel(
        T5Config(
            vocab_size=64, d_model=WIDTH, d_kv=8, d_ff=64, num_layers=2, num_heads=2,
            feed_forward_proj="gated-gelu",
        )
    )  # fmt: skip
