"""IP-Adapters of FLUX (XLabs): a picture is a prompt, by attention of its own in each block of both streams.

A block asks with the question that its picture's places have for one another, before these are told where they are; what is
found is added behind the block, by hooks that are gone after the pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from webui.contracts.adapter import AdapterInfo
from webui.engine.adapters.ip_adapter import (
    LoadedIpAdapter,
    PicturePrompt,
    Place,
    plain_projection,
    seen,
)
from webui.engine.damage import told_as_damage
from webui.engine.precision import compute_dtype
from webui.engine.weights import open_weights
from webui.weights.flux_ip_files import FLUX_PROJECTION, flux_ip_shape, place_name


def load_flux_ip_adapter(info: AdapterInfo, device: torch.device) -> LoadedIpAdapter:
    """Read an IP-Adapter's file.

    Raises:
        BrokenModel: it is missing, damaged or of impossible shapes.
    """
    dtype = compute_dtype(device)
    with told_as_damage(f"The IP-Adapter {info.id!r}", info.path):
        file = open_weights(Path(info.path))
        shape = flux_ip_shape(file.header.shapes)
        sizes = shape.told_width, shape.text_width, shape.tokens
        projection = plain_projection(*sizes, file.below(FLUX_PROJECTION))

        def taken(block: int, part: str, parameter: str) -> Tensor:
            # Of our own: a file may be replaced while it is mapped.
            return file[place_name(block, part, parameter)].to(device, dtype, copy=True)

        places = tuple(
            Place(*(taken(block, part, what) for what in ("weight", "bias") for part in "kv"))
            for block in range(shape.blocks)
        )
    projection = projection.eval().requires_grad_(False).to(device, dtype)
    size = sum(p.nbytes for p in projection.parameters()) + sum(p.bytes for p in places)
    return LoadedIpAdapter(info, projection, places, dtype, size, widths=_widths)


# Any: diffusers' blocks are typed loosely.
def _blocks(transformer: Any) -> list[Any]:
    """The blocks of both streams of a transformer of FLUX; none of other networks."""
    if transformer.config.get("axes_dims_rope") is None:
        return []
    return list(transformer.transformer_blocks)


def _widths(transformer: nn.Module) -> list[tuple[int, int]]:
    config: Any = transformer.config
    return [(block.attn.inner_dim, config["joint_attention_dim"]) for block in _blocks(transformer)]


@contextmanager
def behind_the_blocks(transformer: nn.Module, prompts: Sequence[PicturePrompt]) -> Iterator[None]:
    """Within the block of code every block of both streams looks at pictures too."""
    with ExitStack() as stack:
        for number, block in enumerate(_blocks(transformer) if prompts else ()):
            questions: list[Tensor] = []
            ask, answer = _hooks(number, prompts, questions)
            stack.callback(block.attn.norm_q.register_forward_hook(ask).remove)
            stack.callback(block.register_forward_hook(answer).remove)
        yield


def _hooks(
    number: int, prompts: Sequence[PicturePrompt], questions: list[Tensor]
) -> tuple[Callable[..., None], Callable[..., tuple[Tensor, Tensor]]]:
    """What is called behind the norm of the questions, and behind the whole block."""

    def ask(_: nn.Module, __: object, question: Tensor) -> None:
        questions.append(question)  # (R, tokens, heads, head width)

    def answer(_: nn.Module, __: object, output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        (text, found), question = output, questions.pop()
        heads = question.shape[2]
        for prompt in prompts:
            share = prompt.share(question.shape[1]).to(found.dtype)
            found = found + seen(prompt, number, question.flatten(2), heads) * share
        return text, found

    return ask, answer
