"""Running pieces of work of one group in one forward pass.

Each function takes works of equal `group_key` and returns their results in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from webui.contracts.errors import JobFailed
from webui.contracts.lora_keys import UNET
from webui.engine.adapters.control import looking_at_pictures, picture_prompts, residuals
from webui.engine.adapters.controlnet import Inputs
from webui.engine.adapters.flow_control import flow_residuals
from webui.engine.adapters.hypernetwork import LoadedHypernetwork, in_the_way
from webui.engine.adapters.style_adapter import styled
from webui.engine.adapters.upscaler import upscale_pixels
from webui.engine.alterations import UNALTERED, altered, watched, wrapped_round
from webui.engine.deep_cache import deep_cache
from webui.engine.encoding import encode_texts
from webui.engine.first_stage import decode_latents, encode_pixels
from webui.engine.model import LoadedModel
from webui.engine.packed.eight_bits import in_eight_bits
from webui.engine.pixels import to_pixels
from webui.engine.placing import looking_by_place
from webui.engine.token_merging import merged_tokens
from webui.engine.work import (
    Answer,
    DecodeLatent,
    EncodeBoxes,
    EncodeImage,
    EncodeText,
    Predict,
    ReadPicture,
    UpscalePixels,
    Work,
)


@torch.inference_mode()
def execute(works: Sequence[Work]) -> list[Answer]:
    """Run works of one group; one answer each."""
    predicts = [work for work in works if isinstance(work, Predict)]
    if predicts:
        return [*predict(predicts)]
    decodes = [work for work in works if isinstance(work, DecodeLatent)]
    if decodes:
        return decode(decodes)
    images = [work for work in works if isinstance(work, EncodeImage)]
    if images:
        return [*encode_images(images)]
    enlarged = [work for work in works if isinstance(work, UpscalePixels)]
    if enlarged:
        return [upscale_pixels(work.net, work.pixels) for work in enlarged]
    pictures = [work for work in works if isinstance(work, ReadPicture)]
    if pictures:
        return [w.net.says(w.pixels, patches=w.patches, last=w.last) for w in pictures]
    texts = [work for work in works if isinstance(work, EncodeText)]
    if texts:
        return [*encode_texts(texts)]
    return [_encode_boxes(work) for work in works if isinstance(work, EncodeBoxes)]


def predict(works: Sequence[Predict]) -> list[Tensor]:
    """One evaluation of the denoising network for the rows of all works."""
    model = works[0].model
    model.merged.use(UNET, model.unet, works[0].patches)
    rows = [work.x.shape[0] for work in works]
    x = _joined([work.x for work in works])  # (R, C, h, w)
    x = x.to(model.dtype, memory_format=torch.channels_last)
    t = _of_rows([work.t for work in works], rows, model)
    given: dict[str, Any] = {}
    if works[0].label is not None:
        given["class_labels"] = _of_rows([work.label or 0.0 for work in works], rows, model)
    tokens = _tokens(works)
    if tokens is not None:
        if works[0].controls:
            tokens = styled(tokens, [work.controls for work in works], _negative(works, rows))
        given["encoder_hidden_states"] = tokens.to(model.dtype)
    pooled, sizes = (_rows_of(works, name) for name in ("pooled", "sizes"))
    given |= {} if pooled is None else {"pooled": pooled.to(model.dtype)}
    given |= {} if sizes is None else {"sizes": sizes}
    if works[0].controls and tokens is not None:
        controls = [work.controls for work in works]
        shown = Inputs(x, t, tokens, pooled, sizes, given.get("class_labels"))
        negative, reuses = _negative(works, rows), works[0].reuse is not None
        given |= residuals(controls, negative, shown, model.dtype, reuses)
        behind = flow_residuals(controls, rows, shown, model.unet)
        given |= {"behind": behind} if behind else {}
    plain = _is_plain(works)
    output = _plain(model, x, t, given) if plain else _changed(works, rows, x, t, given)
    # Back to the layout of x, so that a lone row's arithmetic is that of a row in a crowd.
    output = output.to(torch.float32, memory_format=torch.contiguous_format)
    return [output] if len(works) == 1 else list(torch.split(output, rows))


def _plain(model: LoadedModel, x: Tensor, t: Tensor, given: dict[str, Any]) -> Tensor:
    """The output of the network as it is, compiled or recorded where it is."""
    return _network(model, x, t, given) if model.fast is None else model.fast(x, t, given)


def _network(model: LoadedModel, x: Tensor, t: Tensor, given: dict[str, Any]) -> Tensor:
    output: Tensor = model.unet(x, t, return_dict=False, **given)[0]
    return output


def _changed(
    works: Sequence[Predict],
    rows: Sequence[int],
    x: Tensor,
    t: Tensor,
    given: dict[str, Any],
) -> Tensor:
    """The output of the network with all that the works want changed in it meanwhile."""
    model, first = works[0].model, works[0]
    prompts = picture_prompts([work.controls for work in works], _negative(works, rows), x)
    merging = merged_tokens(model.unet, first.merging, x.shape[-2], x.shape[-1])
    perturbed = _perturbed(works, rows)
    alterations = altered(model.unet, first.alterations, perturbed, first.patchings)
    hypernetworks = in_the_way(model.unet, first.patches)
    pictures = looking_at_pictures(model.unet, prompts)
    placing = looking_by_place(model.unet, first.places)
    counting = in_eight_bits(model.unet, first.eight_bits)
    with (
        counting,
        deep_cache(model.unet, works),
        merging,
        alterations,
        hypernetworks,
        pictures,
        placing,
    ):
        return _looking(model, first.shows_looks, x, t, given)


def _looking(
    model: LoadedModel, shows: bool, x: Tensor, t: Tensor, given: dict[str, Any]
) -> Tensor:
    """The network's output; with what it looks at as a further channel where that is asked for."""
    if not shows:
        return _network(model, x, t, given)
    with watched(model.unet) as looks:
        output = _network(model, x, t, given)
    seen = looks.seen(len(output), *output.shape[-2:])
    return torch.cat((output, seen.to(output.dtype)), 1)


def _is_plain(works: Sequence[Predict]) -> bool:
    """Whether a pass is that of the network alone, as it was compiled or recorded."""
    first = works[0]
    keeps = any(work.keep is not None or any(work.perturbed) for work in works)
    changed = (
        first.controls or first.merging or first.eight_bits or first.shows_looks or first.patchings
    )
    steered = any(isinstance(patch, LoadedHypernetwork) for patch, _ in first.patches)
    return not (
        changed
        or keeps
        or steered
        or first.reuse is not None
        or first.places is not None
        or first.alterations != UNALTERED
    )


def decode(works: Sequence[DecodeLatent]) -> list[Answer]:
    """Pictures of latents; a picture that is not a number anywhere fails its program."""
    model = works[0].model
    latents = _joined([work.latent for work in works])  # (N, C, h, w)
    unscaled = latents / model.latent_scale + model.latent_shift
    with wrapped_round(model.vae) if works[0].tiling else nullcontext():
        pictures = decode_latents(model.vae, unscaled, model.remark)
    finite = pictures.isfinite().flatten(1).all(1).tolist()
    return [
        to_pixels(picture, work.width, work.height) if good else JobFailed(_not_finite(model))
        for picture, work, good in zip(pictures, works, finite, strict=True)
    ]


def encode_images(works: Sequence[EncodeImage]) -> list[Tensor]:
    """Scaled latents of pictures, each run by itself, for the reason that texts are."""
    return [_encode_image(work) for work in works]


def _encode_image(work: EncodeImage) -> Tensor:
    model = work.model
    pixels = work.pixels.contiguous(memory_format=torch.channels_last)
    latents = encode_pixels(model.vae, pixels, model.remark)
    latents = (latents - model.latent_shift) * model.latent_scale
    return latents.to(torch.float32, memory_format=torch.contiguous_format)


def _encode_boxes(work: EncodeBoxes) -> Tensor:
    encoder = work.model.layout_encoder
    if encoder is None:
        raise JobFailed(f"The model {work.model.checkpoint.id!r} takes no boxes. Leave them out.")
    encoded: Tensor = encoder(work.boxes)  # (1, L, D)
    return encoded.float()


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat([*parts])


def _tokens(works: Sequence[Predict]) -> Tensor | None:
    """(R, T, D) of works that all have tokens, or all have none; shorter ones are repeated."""
    parts = [work.tokens for work in works if work.tokens is not None]
    if not parts:
        return None
    longest = max(part.shape[1] for part in parts)
    return _joined([_repeated(part, longest // part.shape[1]) for part in parts])


def _repeated(tokens: Tensor, times: int) -> Tensor:
    return tokens if times == 1 else tokens.repeat(1, times, 1)


def _rows_of(works: Sequence[Predict], name: str) -> Tensor | None:
    """(R, N) of works that all have a field, or all have none."""
    parts = [part for work in works if (part := getattr(work, name)) is not None]
    return _joined(parts) if parts else None


def _perturbed(works: Sequence[Predict], rows: Sequence[int]) -> list[bool]:
    """(R,): which rows of all works are perturbed."""
    counted = zip(works, rows, strict=True)
    return [flag for work, count in counted for flag in _flags(work.perturbed, count)]


def _negative(works: Sequence[Predict], rows: Sequence[int]) -> list[tuple[bool, ...]]:
    """Of each work, which of its rows are the negative prompt's."""
    return [_flags(work.negative, count) for work, count in zip(works, rows, strict=True)]


def _flags(said: tuple[bool, ...], rows: int) -> tuple[bool, ...]:
    """Of each row of a work."""
    return said or (False,) * rows


def _of_rows(values: Sequence[float], rows: Sequence[int], model: LoadedModel) -> Tensor:
    """(R,): each work's value for each of its rows."""
    if len(rows) == 1:
        return torch.full((rows[0],), values[0], dtype=torch.float32, device=model.device)
    repeated = [value for value, count in zip(values, rows, strict=True) for _ in range(count)]
    return torch.tensor(repeated, dtype=torch.float32, device=model.device)


def _not_finite(model: LoadedModel) -> str:
    return (
        f"The model {model.checkpoint.id!r} produced values that are no numbers in {model.dtype}, "
        "where a picture was expected. Try another sampler, a lower guidance scale, or --cpu."
    )
