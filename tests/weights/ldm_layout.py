"""Names and shapes of checkpoints in the layout of the latent-diffusion code, of any size.

Written from that code's structure and apart from what reads it, so that tests compare two statements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Unet:
    """Sizes of a denoising network, under the names of the original configuration."""

    model_channels: int = 320
    channel_mult: Sequence[int] = (1, 2, 4, 4)
    num_res_blocks: int = 2
    attention_levels: Sequence[int] = (0, 1, 2)
    context_dim: int | None = 768
    in_channels: int = 4
    out_channels: int = 4
    transformer_depth: int | Sequence[int] = 1
    """Of all levels, or of each."""
    use_linear: bool = False
    num_classes: int | None = None
    """Entries of a table of labels."""
    adm: int | None = None
    """Numbers of a vector beside the timestep."""
    without_self_attention: Sequence[int] = ()
    """Levels where the first attention looks at the context too."""
    up_depth: Sequence[int] = ()
    """Of each block of the way up, in order; empty: as on the way down."""
    middle: Literal["whole", "first block", "nothing"] = "whole"
    extra: Shapes = field(default_factory=dict)


def unet_shapes(unet: Unet, prefix: str = "model.diffusion_model.") -> Shapes:
    """Names and shapes of a denoising network."""
    c = unet.model_channels
    time = 4 * c
    shapes: Shapes = {**_linear("time_embed.0", c, time), **_linear("time_embed.2", time, time)}
    if unet.num_classes is not None:
        shapes["label_emb.weight"] = (unet.num_classes, time)
    if unet.adm is not None:
        shapes |= _linear("label_emb.0.0", unet.adm, time) | _linear("label_emb.0.2", time, time)
    shapes |= _conv("input_blocks.0.0", unet.in_channels, c)
    widths, now, at = [c], c, 1
    for level, times in enumerate(unet.channel_mult):
        for _ in range(unet.num_res_blocks):
            shapes |= _residual(f"input_blocks.{at}.0", now, c * times, time)
            now = c * times
            shapes |= _attention(f"input_blocks.{at}.1", now, level, unet)
            widths.append(now)
            at += 1
        if level < len(unet.channel_mult) - 1:
            shapes |= _conv(f"input_blocks.{at}.0.op", now, now)
            widths.append(now)
            at += 1
    last = len(unet.channel_mult) - 1
    shapes |= _middle(now, last, time, unet)
    at = 0
    for level in reversed(range(len(unet.channel_mult))):
        for i in range(unet.num_res_blocks + 1):
            wide = c * unet.channel_mult[level]
            shapes |= _residual(f"output_blocks.{at}.0", now + widths.pop(), wide, time)
            depth = unet.up_depth[at] if unet.up_depth else unet.transformer_depth
            own = replace(unet, transformer_depth=depth)
            now, attention = wide, _attention(f"output_blocks.{at}.1", wide, level, own)
            shapes |= attention
            if level and i == unet.num_res_blocks:
                shapes |= _conv(f"output_blocks.{at}.{2 if attention else 1}.conv", now, now)
            at += 1
    shapes |= _norm("out.0", now) | _conv("out.2", now, unet.out_channels) | unet.extra
    return {prefix + name: shape for name, shape in shapes.items()}


def first_stage_shapes(
    channels: int = 128,
    mult: Sequence[int] = (1, 2, 4, 4),
    latent: int = 4,
    prefix: str = "first_stage_model.",
    blocks: int = 2,
) -> Shapes:
    """Names and shapes of a KL first stage without attention but in the middle."""
    wide = channels * mult[-1]
    shapes = _conv("encoder.conv_in", 3, channels)
    now = channels
    for level, times in enumerate(mult):
        for i in range(blocks):
            shapes |= _plain_residual(f"encoder.down.{level}.block.{i}", now, channels * times)
            now = channels * times
        if level < len(mult) - 1:
            shapes |= _conv(f"encoder.down.{level}.downsample.conv", now, now)
    shapes |= _stage_middle("encoder", wide) | _norm("encoder.norm_out", wide)
    shapes |= _conv("encoder.conv_out", wide, 2 * latent)
    shapes |= _conv("decoder.conv_in", latent, wide) | _stage_middle("decoder", wide)
    now = wide
    for level in reversed(range(len(mult))):
        for i in range(blocks + 1):
            shapes |= _plain_residual(f"decoder.up.{level}.block.{i}", now, channels * mult[level])
            now = channels * mult[level]
        if level:
            shapes |= _conv(f"decoder.up.{level}.upsample.conv", now, now)
    shapes |= _norm("decoder.norm_out", now) | _conv("decoder.conv_out", now, 3)
    shapes |= _conv("quant_conv", 2 * latent, 2 * latent, 1)
    shapes |= _conv("post_quant_conv", latent, latent, 1)
    return {prefix + name: shape for name, shape in shapes.items()}


def clip_shapes(
    width: int = 768,
    layers: int = 12,
    words: int = 49408,
    prefix: str = "cond_stage_model.transformer.text_model.",
    wide: int | None = None,
) -> Shapes:
    """Names and shapes of CLIP's text encoder as transformers has it."""
    shapes: Shapes = {
        "embeddings.token_embedding.weight": (words, width),
        "embeddings.position_embedding.weight": (77, width),
        "embeddings.position_ids": (1, 77),
        **_norm("final_layer_norm", width),
    }
    for i in range(layers):
        layer = f"encoder.layers.{i}."
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= _linear(f"{layer}self_attn.{name}", width, width)
        shapes |= _norm(f"{layer}layer_norm1", width) | _norm(f"{layer}layer_norm2", width)
        shapes |= _linear(f"{layer}mlp.fc1", width, wide or 4 * width)
        shapes |= _linear(f"{layer}mlp.fc2", wide or 4 * width, width)
    return {prefix + name: shape for name, shape in shapes.items()}


def open_clip_shapes(
    width: int = 1024, layers: int = 24, words: int = 49408, prefix: str = "cond_stage_model.model."
) -> Shapes:
    """Names and shapes of OpenCLIP's text encoder."""
    shapes: Shapes = {
        "token_embedding.weight": (words, width), "positional_embedding": (77, width),
        "text_projection": (width, width), "logit_scale": (), **_norm("ln_final", width),
    }  # fmt: skip
    for i in range(layers):
        shapes |= _open_clip_block(f"transformer.resblocks.{i}.", width)
    return {prefix + name: shape for name, shape in shapes.items()}


def _open_clip_block(block: str, width: int, wide: int = 4) -> Shapes:
    return {
        f"{block}attn.in_proj_weight": (3 * width, width), f"{block}attn.in_proj_bias": (3 * width,),
        **_linear(f"{block}attn.out_proj", width, width),
        **_norm(f"{block}ln_1", width), **_norm(f"{block}ln_2", width),
        **_linear(f"{block}mlp.c_fc", width, wide * width),
        **_linear(f"{block}mlp.c_proj", wide * width, width),
    }  # fmt: skip


def buffer_shapes(steps: int = 1000) -> Shapes:
    """Some of the noise schedule's numbers, which the original files carry along."""
    names = ("betas", "alphas_cumprod", "sqrt_alphas_cumprod", "posterior_variance")
    return {**dict.fromkeys(names, (steps,))}


def sd1_shapes(in_channels: int = 4) -> Shapes:
    """Stable Diffusion 1 in full size."""
    parts: Sequence[Mapping[str, tuple[int, ...]]] = (
        unet_shapes(Unet(in_channels=in_channels)),
        first_stage_shapes(),
        clip_shapes(),
        buffer_shapes(),
    )
    return {name: shape for part in parts for name, shape in part.items()}


def sd2_shapes(in_channels: int = 4) -> Shapes:
    """Stable Diffusion 2 in full size."""
    unet = Unet(in_channels=in_channels, context_dim=1024, use_linear=True)
    return {**unet_shapes(unet), **first_stage_shapes(), **open_clip_shapes()}


def unclip_shapes(width: int = 1280, says: int = 1024, layers: int = 32) -> Shapes:
    """Stable Diffusion 2.1 unCLIP in full size; the noise schedules' numbers of its embeddings beside."""
    unet = Unet(context_dim=1024, use_linear=True, adm=2 * says)
    return {
        **unet_shapes(unet), **first_stage_shapes(), **open_clip_shapes(),
        **open_clip_vision_shapes(width, layers, says),
        "embedder.model.positional_embedding": (77, 1024), "noise_augmentor.betas": (1000,),
    }  # fmt: skip


def open_clip_vision_shapes(
    width: int, layers: int, says: int, patch: int = 14, side: int = 224, wide: int = 4
) -> Shapes:
    """Names and shapes of OpenCLIP's image encoder as unCLIP has it."""
    places = (side // patch) ** 2 + 1
    shapes: Shapes = {
        "class_embedding": (width,), "positional_embedding": (places, width), "proj": (width, says),
        "conv1.weight": (width, 3, patch, patch), **_norm("ln_pre", width), **_norm("ln_post", width),
    }  # fmt: skip
    for i in range(layers):
        shapes |= _open_clip_block(f"transformer.resblocks.{i}.", width, wide)
    return {f"embedder.model.visual.{name}": shape for name, shape in shapes.items()}


def x4_shapes() -> Shapes:
    """Stable Diffusion's x4 upscaler in full size."""
    unet = Unet(
        256, (1, 2, 2, 4), 2, (1, 2, 3), 1024, 7, use_linear=True, num_classes=1000,
        without_self_attention=(0, 1, 2),
    )  # fmt: skip
    return {**unet_shapes(unet), **first_stage_shapes(mult=(1, 2, 4)), **open_clip_shapes()}


XL = Unet(
    320, (1, 2, 4), 2, (1, 2), 2048, transformer_depth=(0, 2, 10), use_linear=True,
    adm=1280 + 6 * 256,
)  # fmt: skip
SSD_1B = replace(
    XL, transformer_depth=(0, 2, 4), up_depth=(4, 4, 10, 2, 1, 1, 0, 0, 0), middle="first block"
)
VEGA = replace(
    XL, transformer_depth=(0, 1, 2), up_depth=(2, 2, 2, 1, 1, 1, 0, 0, 0), middle="first block"
)
KOALA_700M = replace(XL, num_res_blocks=1, transformer_depth=(0, 2, 5), middle="nothing")
"""Of segmind/SSD-1B, segmind/Segmind-Vega and etri-vilab/koala-700m."""


def xl_shapes(in_channels: int = 4, unet: Unet = XL) -> Shapes:
    """Stable Diffusion XL's base in full size, or one with another denoising network."""
    unet = replace(unet, in_channels=in_channels)
    return {
        **unet_shapes(unet),
        **first_stage_shapes(),
        **clip_shapes(prefix="conditioner.embedders.0.transformer.text_model."),
        **open_clip_shapes(1280, 32, prefix="conditioner.embedders.1.model."),
    }


def xl_refiner_shapes() -> Shapes:
    """Stable Diffusion XL's refiner in full size."""
    unet = Unet(
        384, (1, 2, 4, 4), 2, (1, 2), 1280,
        transformer_depth=4, use_linear=True, adm=1280 + 5 * 256,
    )  # fmt: skip
    return {
        **unet_shapes(unet),
        **first_stage_shapes(),
        **open_clip_shapes(1280, 32, prefix="conditioner.embedders.0.model."),
    }


def _conv(name: str, taken: int, given: int, size: int = 3) -> Shapes:
    return {f"{name}.weight": (given, taken, size, size), f"{name}.bias": (given,)}


def _linear(name: str, taken: int, given: int) -> Shapes:
    return {f"{name}.weight": (given, taken), f"{name}.bias": (given,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _residual(name: str, taken: int, given: int, time: int) -> Shapes:
    shapes = _norm(f"{name}.in_layers.0", taken) | _conv(f"{name}.in_layers.2", taken, given)
    shapes |= _linear(f"{name}.emb_layers.1", time, given)
    shapes |= _norm(f"{name}.out_layers.0", given) | _conv(f"{name}.out_layers.3", given, given)
    return shapes | (_conv(f"{name}.skip_connection", taken, given, 1) if taken != given else {})


def _middle(width: int, level: int, time: int, unet: Unet) -> Shapes:
    if unet.middle == "nothing":
        return {}
    first = _residual("middle_block.0", width, width, time)
    if unet.middle == "first block":
        return first
    rest = _residual("middle_block.2", width, width, time)
    return first | _transformer("middle_block.1", width, level, unet) | rest


def _attention(name: str, width: int, level: int, unet: Unet) -> Shapes:
    return _transformer(name, width, level, unet) if level in unet.attention_levels else {}


def _transformer(name: str, width: int, level: int, unet: Unet) -> Shapes:
    if unet.context_dim is None:
        return {
            **_norm(f"{name}.norm", width),
            f"{name}.qkv.weight": (3 * width, width, 1), f"{name}.qkv.bias": (3 * width,),
            f"{name}.proj_out.weight": (width, width, 1), f"{name}.proj_out.bias": (width,),
        }  # fmt: skip
    project = _linear if unet.use_linear else lambda n, a, b: _conv(n, a, b, 1)
    shapes = _norm(f"{name}.norm", width) | project(f"{name}.proj_in", width, width)
    depths = unet.transformer_depth
    for depth in range(depths if isinstance(depths, int) else depths[level]):
        block = f"{name}.transformer_blocks.{depth}"
        for attention in ("attn1", "attn2"):
            crossed = attention == "attn2" or level in unet.without_self_attention
            for part in ("to_q", "to_k", "to_v"):
                read = unet.context_dim if crossed and part != "to_q" else width
                shapes[f"{block}.{attention}.{part}.weight"] = (width, read)
            shapes |= _linear(f"{block}.{attention}.to_out.0", width, width)
        shapes |= _linear(f"{block}.ff.net.0.proj", width, 8 * width)
        shapes |= _linear(f"{block}.ff.net.2", 4 * width, width)
        for i in (1, 2, 3):
            shapes |= _norm(f"{block}.norm{i}", width)
    return shapes | project(f"{name}.proj_out", width, width)


def _plain_residual(name: str, taken: int, given: int) -> Shapes:
    shapes = _norm(f"{name}.norm1", taken) | _conv(f"{name}.conv1", taken, given)
    shapes |= _norm(f"{name}.norm2", given) | _conv(f"{name}.conv2", given, given)
    return shapes | (_conv(f"{name}.nin_shortcut", taken, given, 1) if taken != given else {})


def _stage_middle(half: str, wide: int) -> Shapes:
    shapes = _plain_residual(f"{half}.mid.block_1", wide, wide)
    shapes |= _norm(f"{half}.mid.attn_1.norm", wide)
    for part in ("q", "k", "v", "proj_out"):
        shapes |= _conv(f"{half}.mid.attn_1.{part}", wide, wide, 1)
    return shapes | _plain_residual(f"{half}.mid.block_2", wide, wide)
