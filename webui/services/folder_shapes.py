"""The kinds of diffusers folders that a family can load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webui.contracts.checkpoint import FLUX_DEFAULTS, SD3_DEFAULTS, X4_DEFAULTS

Defaults = tuple[tuple[str, str | int | float], ...]


@dataclass(frozen=True)
class FolderShape:
    """One kind."""

    family: str
    pipelines: tuple[str, ...]
    """Names in `model_index.json`."""
    networks: Mapping[str, str]
    """Part to class, of all parts that have weights."""
    first_stage: str = "vae"
    """Which part it is."""
    denoiser: str = "unet"
    """Which part it is."""
    beside: str | None = None
    """A further part without weights."""
    optional: tuple[str, ...] = ()
    """Networks that a folder may be without."""
    latent_channels: int = 4
    """Where the first stage's config does not say."""
    patch: int = 1
    """Latent cells along a side that are one place of the denoiser's input."""
    sample_size: int = 64
    """Latent cells along a side, where the denoiser's config does not say."""
    defaults: Defaults = ()
    """What suits models of this kind, where `easel.json` says nothing."""

    @property
    def is_flow(self) -> bool:
        """Whether the denoiser is a flow-matching network."""
        return self.denoiser == "transformer"

    @property
    def enlarges(self) -> bool:
        """Whether it draws under a small picture, whose three channels stand beside the latent."""
        return self.family == "ldm-sr" or self.beside == "low_res_scheduler"

    @property
    def varies(self) -> bool:
        """Whether it draws what is like a picture, which an encoder of its own looks at."""
        return "image_encoder" in self.networks

    def plain_parts(self, networks: tuple[str, ...]) -> tuple[str, ...]:
        """Parts without weights, beside these networks."""
        texts = [name for name in networks if name.startswith("text_encoder")]
        return (
            *(name.replace("text_encoder", "tokenizer") for name in texts),
            "scheduler",
            *filter(None, [self.beside]),
        )


SHAPES = (
    FolderShape(
        "sd1",
        (
            "StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline",
            "StableDiffusionInpaintPipeline", "StableDiffusionDepth2ImgPipeline",
            "StableDiffusionInstructPix2PixPipeline",
        ),
        {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel"},
    ),
    FolderShape(
        "sd1",
        ("StableDiffusionUpscalePipeline",),
        {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel"},
        beside="low_res_scheduler",
        sample_size=128,
        defaults=X4_DEFAULTS,
    ),
    FolderShape(
        "sd1",
        ("StableUnCLIPImg2ImgPipeline",),
        {
            "unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel",
            "image_encoder": "CLIPVisionModelWithProjection",
            "image_normalizer": "StableUnCLIPImageNormalizer",
        },
        beside="image_noising_scheduler",
    ),
    FolderShape(
        "sd1",
        ("LatentConsistencyModelPipeline", "LatentConsistencyModelImg2ImgPipeline"),
        {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel"},
        defaults=(
            ("sampler", "LCM"), ("schedule", "LCM"), ("steps", 5), ("guidance_scale", 1.0),
        ),
    ),
    FolderShape(
        "sdxl",
        (
            "StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline",
            "StableDiffusionXLInpaintPipeline",
        ),
        {
            "unet": "UNet2DConditionModel", "vae": "AutoencoderKL",
            "text_encoder": "CLIPTextModel", "text_encoder_2": "CLIPTextModelWithProjection",
        },
        optional=("text_encoder",),
        sample_size=128,
    ),
    FolderShape(
        "sd3",
        ("StableDiffusion3Pipeline", "StableDiffusion3Img2ImgPipeline"),
        {
            "transformer": "SD3Transformer2DModel", "vae": "AutoencoderKL",
            "text_encoder": "CLIPTextModelWithProjection",
            "text_encoder_2": "CLIPTextModelWithProjection", "text_encoder_3": "T5EncoderModel",
        },
        denoiser="transformer",
        optional=("text_encoder_3",),
        latent_channels=16,
        sample_size=128,
        defaults=SD3_DEFAULTS,
    ),
    FolderShape(
        "flux",
        ("FluxPipeline", "FluxImg2ImgPipeline"),
        {
            "transformer": "FluxTransformer2DModel", "vae": "AutoencoderKL",
            "text_encoder": "CLIPTextModel", "text_encoder_2": "T5EncoderModel",
        },
        denoiser="transformer",
        latent_channels=16,
        patch=2,
        sample_size=128,
        defaults=FLUX_DEFAULTS,
    ),
    FolderShape(
        "ldm-sr",
        ("LDMSuperResolutionPipeline",),
        {"unet": "UNet2DModel", "vqvae": "VQModel"},
        first_stage="vqvae",
        latent_channels=3,
    ),
)  # fmt: skip
