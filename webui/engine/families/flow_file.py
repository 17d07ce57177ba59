"""Stable Diffusion 3 and FLUX from a single file that holds their text encoders and first stage too.

What the file does not say (heads, scale of latents, noise schedule, CLIP's vocabulary) is that of the published models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.lora_keys import TEXT, TEXT_2, TEXT_3
from webui.engine.clip import ClipTower
from webui.engine.families.clip_parts import token_frame, token_ids
from webui.engine.families.denoiser_file import made_of
from webui.engine.families.flow_parts import FlowParts
from webui.engine.families.parts import FileParts, ReadFirstStage, fitted_first_stage
from webui.engine.families.sd1_file import known_clip_tokenizer
from webui.engine.families.t5_parts import T5Tower, t5_tower
from webui.engine.flow_layout import flux, sd3
from webui.engine.flow_layout.text_encoders import read_t5_encoder
from webui.engine.ldm_layout.first_stage import read_first_stage
from webui.engine.ldm_layout.text_encoder import read_clip, read_clip_with_projection
from webui.engine.packed.weight import Stored
from webui.engine.shared_networks import Place
from webui.engine.weights import Weights, open_weights
from webui.weights.flow_files import CLIP_G, CLIP_L, T5, T5_WORDS, first_stage_of
from webui.weights.ldm_unet import UNET
from webui.weights.signatures.flow import DEV, TOKENIZERS, WITHOUT_TOKENIZER

SD3_LATENTS, FLUX_LATENTS = (1.5305, 0.0609), (0.3611, 0.1159)
"""Scale and shift."""
SD3_SCHEDULE: Mapping[str, Any] = {"shift": 3.0}
DEV_SCHEDULE: Mapping[str, Any] = {"use_dynamic_shifting": True}
SCHNELL_SCHEDULE: Mapping[str, Any] = {"shift": 1.0}
SECOND_PADDING = 0
"""Token behind a text of SD 3's second encoder."""
_EIGHT_BITS = (torch.float8_e4m3fn, torch.float8_e5m2)


# Any, here and below: diffusers' and transformers' classes are typed loosely.
def sd3_of_file(
    checkpoint: CheckpointInfo, place: Place, dtype: torch.dtype, kind: Any, length: int
) -> FlowParts:
    """Read the file of Stable Diffusion 3.

    Args:
        checkpoint: Whose.
        place: Where it is put.
        dtype: In which precision.
        kind: What its transformer becomes.
        length: Tokens of T5's row.

    Raises:
        ValueError: weights are missing, or of other shapes than the networks'.
        EaselError: the file cannot be read.
    """
    file = _WholeFile.of(checkpoint, place, dtype)
    first = file.clip(TEXT, lambda: read_clip(file.below(CLIP_L)))
    second = file.clip(
        TEXT_2, lambda: read_clip_with_projection(file.below(CLIP_G), "gelu"), SECOND_PADDING
    )
    has_t5 = checkpoint.part(TOKENIZERS["sd3"]) is not None
    return FlowParts(
        transformer=file.transformer(kind, sd3.configuration, sd3.converted),
        first_stage=file.first_stage(*SD3_LATENTS),
        towers=(first, second),
        t5=file.t5(TOKENIZERS["sd3"], length, (TEXT_3,)) if has_t5 else None,
        schedule=SD3_SCHEDULE,
        lacks=_lacks(checkpoint, file.weights),
    )


def flux_of_file(
    checkpoint: CheckpointInfo, place: Place, dtype: torch.dtype, kind: Any, length: int
) -> FlowParts:
    """Read the file of FLUX; as `sd3_of_file`."""
    file = _WholeFile.of(checkpoint, place, dtype)
    return FlowParts(
        transformer=file.transformer(kind, flux.configuration, flux.converted),
        first_stage=file.first_stage(*FLUX_LATENTS),
        towers=(file.clip(TEXT, lambda: read_clip(file.below(CLIP_L))),),
        t5=file.t5(TOKENIZERS["flux"], length, (TEXT_2, TEXT_3)),
        schedule=DEV_SCHEDULE if checkpoint.variant == DEV else SCHNELL_SCHEDULE,
    )


def _lacks(checkpoint: CheckpointInfo, weights: Weights) -> str | None:
    """Why T5 is not read; empty where it is."""
    if checkpoint.part(TOKENIZERS["sd3"]) is not None:
        return ""
    folder = checkpoint.part(WITHOUT_TOKENIZER)
    if T5 + T5_WORDS not in weights or folder is None:
        return None
    return (
        "The model's third text encoder (T5) is not read, for its words are in no weights: it draws by the other two, and "
        f"knows less of long prompts and of writing. Put tokenizer.json of google/{Path(folder).name} into {folder!r}."
    )


@dataclass(frozen=True)
class _WholeFile:
    """A file that holds all parts."""

    weights: Weights
    parts: FileParts

    @classmethod
    def of(cls, checkpoint: CheckpointInfo, place: Place, dtype: torch.dtype) -> _WholeFile:
        """The file of a checkpoint."""
        return cls(open_weights(Path(checkpoint.path)), FileParts(checkpoint, place, dtype))

    def below(self, prefix: str) -> dict[str, Tensor]:
        """A text encoder's weights. Where the half precision of a file stays, eight bits become that."""
        return {name: self._half(weight) for name, weight in self.weights.below(prefix).items()}

    def transformer(
        self,
        kind: Any,
        configuration: Callable[[Mapping[str, Stored]], dict[str, Any]],
        converted: Callable[[Mapping[str, Stored]], Mapping[str, Stored]],
    ) -> Any:
        """The denoising network, of what its layout's two functions make of the weights."""

        def read() -> Any:
            stored = {n: self._half(w) for n, w in self.weights.stored_below(UNET).items()}
            return made_of(kind, configuration(stored), converted(stored))

        return self.parts.network("transformer", read, by_content=False)

    def first_stage(self, scale: float, shift: float) -> ReadFirstStage:
        """The first stage, and what is known of its latents."""
        prefix = first_stage_of(self.weights.header.shapes) or ""

        def read() -> Any:
            vae: Any = read_first_stage(self.weights.below(prefix))
            vae.register_to_config(scaling_factor=scale, shift_factor=shift)
            return vae

        return fitted_first_stage(self.parts.network("vae", read), self.parts.place.device)

    def clip(self, part: str, read: Callable[[], Any], padding: int | None = None) -> ClipTower:
        """A text encoder of CLIP that is read at its last layer but one."""
        encoder, tokenizer = self.parts.network(part, read), known_clip_tokenizer()
        frame = token_frame(tokenizer, int(encoder.config.max_position_embeddings))
        return ClipTower(
            encoder, lambda text: token_ids(tokenizer, text),
            frame if padding is None else replace(frame, padding=padding),
            part, least_skip=2, normalised=False,
        )  # fmt: skip

    def t5(self, tokenizer: str, length: int, names: tuple[str, ...]) -> T5Tower:
        """T5, with the tokenizer that lies in a part's folder."""
        folder = Path(self.parts.checkpoint.part(tokenizer) or "")
        encoder = self.parts.network("t5", lambda: read_t5_encoder(self.below(T5)))
        return t5_tower(encoder, folder, length, names)

    def _half(self, weight: Any) -> Any:
        lean = self.parts.place.lean
        eight = isinstance(weight, Tensor) and weight.dtype in _EIGHT_BITS
        return weight.to(torch.bfloat16) if lean and eight else weight
