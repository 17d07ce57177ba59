"""The first stage (autoencoder) of the original latent-diffusion code, by names and shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "first_stage_model."


@dataclass(frozen=True)
class FirstStageShape:
    """Sizes of a first stage."""

    latent_channels: int
    channels: tuple[int, ...]
    """Of each level, from the finest."""
    layers: int
    """Residual blocks of a level of the encoder; the decoder has one more."""
    attends: tuple[bool, ...]
    """Whether a level attends to itself."""
    middle_attends: bool
    codes: int | None
    """Entries of the codebook; None for one that is regularised by a Kullback-Leibler divergence."""
    mixes: bool
    """Whether layers of their own mix the channels of latents, at either end; those of SD 3 and FLUX have none."""

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> FirstStageShape:
        """Read it from the shapes of its weights, names without `first_stage_model.`.

        Raises:
            ValueError: they are not those of such a first stage.
        """
        try:
            return _read(shapes)
        except LookupError as error:
            raise ValueError(f"its first stage has no weight {error}") from error

    @property
    def factor(self) -> int:
        """Pixels per latent cell along a side."""
        return int(2 ** (len(self.channels) - 1))


def _read(shapes: Mapping[str, tuple[int, ...]]) -> FirstStageShape:
    levels = _count(shapes, "encoder.down.{}.block.0.conv1.weight")
    layers = _count(shapes, "encoder.down.0.block.{}.conv1.weight")
    latent = shapes["decoder.conv_in.weight"][1]
    mixes = "quant_conv.weight" in shapes
    embedded = shapes["post_quant_conv.weight"][1] if mixes else latent
    if not levels or embedded != latent:
        raise ValueError(
            f"its first stage has {levels} levels and latents of {embedded} channels that become {latent}; "
            "the same number was expected"
        )
    each = [f"encoder.down.{level}" for level in range(levels)]
    codebook = shapes.get("quantize.embedding.weight")
    return FirstStageShape(
        latent_channels=latent,
        channels=tuple(shapes[f"{name}.block.0.conv1.weight"][0] for name in each),
        layers=layers,
        attends=tuple(f"{name}.attn.0.norm.weight" in shapes for name in each),
        middle_attends="encoder.mid.attn_1.norm.weight" in shapes,
        codes=None if codebook is None else codebook[0],
        mixes=mixes,
    )


def _count(shapes: Mapping[str, tuple[int, ...]], name: str) -> int:
    count = 0
    while name.format(count) in shapes:
        count += 1
    return count
