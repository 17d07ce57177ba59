"""What a program is given beside its model: one picture of a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from webui.contracts.conditions import ControlUse, LoraUse
from webui.contracts.errors import BadImage, BadRequest
from webui.contracts.ids import AdapterId, ImageId, ModelId
from webui.contracts.request import GenerationRequest
from webui.engine.adapters.control import Unit
from webui.engine.adapters.embedding import LoadedEmbedding
from webui.engine.adapters.hypernetwork import LoadedHypernetwork
from webui.engine.adapters.image_encoder import LoadedImageEncoder
from webui.engine.adapters.ip_adapter import LoadedIpAdapter
from webui.engine.adapters.lora import LoadedLora, Patch, PatchStages, stages_from
from webui.engine.adapters.store import Adapter
from webui.engine.adapters.style_adapter import LoadedStyleAdapter
from webui.engine.adapters.upscaler import LoadedUpscaler
from webui.engine.alterations import Alterations, FreeU
from webui.engine.extending import UNEXTENDED, Extending
from webui.engine.model import LoadedModel
from webui.engine.noise import NoisePlan, NoiseStream
from webui.engine.programs.part import Part
from webui.engine.reading import Reading
from webui.engine.tiles import USUAL_TILES, Tiles
from webui.engine.work import Pixels


@dataclass(frozen=True)
class PictureOrder:
    """One picture of a request."""

    request: GenerationRequest
    """Its prompt is the picture's own, without comments and tags; its LoRAs are the picture's."""
    index: int
    """0-based place among the request's pictures."""
    images: Mapping[ImageId, Path] = field(default_factory=dict)
    """Files of the images that the request names."""
    adapters: Mapping[AdapterId, Adapter] = field(default_factory=dict)
    """Those that the request names, in memory."""
    embeddings: tuple[AdapterId, ...] = ()
    """Those that its words name."""
    models: Mapping[ModelId, LoadedModel] = field(default_factory=dict)
    """Further models that the request names."""
    after: int = 0
    """Denoising steps of the pass before this one, from which its prompt's timeline counts on."""
    hires_loras: tuple[LoraUse, ...] = ()
    """Those of a second pass that has a prompt of its own."""
    part: Part | None = None
    """What is drawn of its picture, where that is not the whole picture as it is."""
    masked: Pixels | None = None
    """(H, W) of what is drawn: more than 0 where it is redrawn, 0 where it is held; None without a mask."""
    extensions: Extending = UNEXTENDED
    """What takes part in it."""

    @property
    def seed(self) -> int:
        """The picture's own seed: it alone gives the same picture."""
        return self.request.seeds_of(self.index)[0]

    def noise(self, model: LoadedModel, shape: Sequence[int]) -> NoiseStream:
        """The picture's noise, of this shape (1, C, h, w), on the model's device."""
        request, factor = self.request, model.checkpoint.latent_factor
        strength = request.variation_strength
        seed, variation = request.seeds_of(self.index)
        resized = None
        if request.seed_width is not None and request.seed_height is not None:
            resized = request.seed_height // factor, request.seed_width // factor
        plan = NoisePlan(
            seed,
            request.noise_source,
            (variation, strength) if strength > 0 else None,
            resized,
            request.eta_noise_seed_delta,
        )
        return NoiseStream(plan, shape, model.device)

    def patches(self, steps: int) -> PatchStages:
        """The request's LoRAs over so many steps; those of weight 0 are left out: they change nothing."""
        return self._patches(steps, [use.weight for use in self.request.loras])

    def text_patches(self, steps: int) -> PatchStages:
        """The same for the text encoder, where they may weigh otherwise."""
        return self._patches(steps, [use.weight_of_text for use in self.request.loras])

    def _patches(self, steps: int, weights: Sequence[float]) -> PatchStages:
        loaded: list[tuple[LoraUse, Patch, float]] = []
        for use, weight in zip(self.request.loras, weights, strict=True):
            patch = self.adapters[use.adapter]
            if isinstance(patch, LoadedLora):
                patch = patch.first_ranks(use.rank).by_blocks(use.blocks)
            if weight != 0 and isinstance(patch, (LoadedLora, LoadedHypernetwork)):
                loaded.append((use, patch, weight))
        begun = 1 if self.after else 0  # passes before this one
        moments = ((step, begun + (step - 0.5) / steps) for step in range(1, steps + 1))
        return stages_from(
            (step, tuple((lora, weight) for use, lora, weight in loaded if use.acts_at(moment)))
            for step, moment in moments
        )

    @property
    def reading(self) -> Reading:
        """How its texts are read."""
        found = [self.adapters[name] for name in self.embeddings]
        embeddings = tuple(e for e in found if isinstance(e, LoadedEmbedding))
        return Reading(self.request.emphasis, embeddings, self.request.clip_skip)

    @property
    def alterations(self) -> Alterations:
        """How the networks work otherwise for it."""
        request = self.request
        freeu = FreeU(request.freeu_b1, request.freeu_b2, request.freeu_s1, request.freeu_s2)
        return Alterations(request.tiling, None if freeu == FreeU(1, 1, 1, 1) else freeu)

    @property
    def controls(self) -> tuple[tuple[Unit, ControlUse], ...]:
        """The request's controlnets, Control-LoRAs, T2I-Adapters and IP-Adapters; those of weight 0 are left out."""
        uses = [use for use in self.request.controls if use.weight != 0]
        pairs = [(self.adapters[use.adapter], use) for use in uses]
        return tuple((net, use) for net, use in pairs if isinstance(net, Unit))

    def image_encoder(self, net: LoadedIpAdapter | LoadedStyleAdapter) -> LoadedImageEncoder:
        """What tells an IP-Adapter or style adapter of pictures.

        Raises:
            BadRequest: the worker was given none that does.
        """
        for encoder in self.adapters.values():
            if isinstance(encoder, LoadedImageEncoder) and net.info.is_told_by(encoder.info):
                return encoder
        kind = "IP-Adapter" if isinstance(net, LoadedIpAdapter) else "style adapter"
        raise BadRequest(
            f"The worker was given no image encoder for the {kind} {net.info.id!r}. Look at the models folder and "
            "try again."
        )

    def upscaler(self, name: str) -> LoadedUpscaler:
        """An upscaler network that the request names.

        Raises:
            BadRequest: the worker was given none of this name.
        """
        net = self.adapters.get(AdapterId(name))
        if not isinstance(net, LoadedUpscaler):
            raise BadRequest(
                f"The worker was given no upscaler {name!r}, and no extension in use offers one. Look at the models "
                "folder and at the Extensions tab, or choose another."
            )
        return net

    def model(self, name: ModelId) -> LoadedModel:
        """A further model that the request names.

        Raises:
            BadRequest: the worker was given none of this name.
        """
        if name not in self.models:
            raise BadRequest(f"The worker was given no model {name!r} for this picture.")
        return self.models[name]

    def size(self, model: LoadedModel) -> tuple[int, int]:
        """Width and height in pixels; the model's own where the request leaves them open."""
        checkpoint = model.checkpoint
        width, height = self.request.width, self.request.height
        return width or checkpoint.native_width, height or checkpoint.native_height

    def tiles(self, model: LoadedModel) -> Tiles:
        """How its latent is cut where it is large."""
        request = self.request
        if not request.is_drawn_in_tiles:
            return USUAL_TILES
        side = (
            request.tile_size or model.checkpoint.native_width
        ) // model.checkpoint.latent_factor
        return Tiles(side, round(side * request.tile_overlap))

    def file(self, image: ImageId | None, what: str) -> Path:
        """The file of an image that the request names.

        Raises:
            BadImage: it names none, or the worker was given no file for it.
        """
        if image is None:
            raise BadImage(f"The request has no {what}, which this model needs. Add one.")
        if image not in self.images:
            raise BadImage(f"The worker was given no file for the {what} {image[:12]!r}.")
        return self.images[image]
