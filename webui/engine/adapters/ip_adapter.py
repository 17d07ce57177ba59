"""IP-Adapters (Ye et al. 2023): a picture is a prompt, by attention of its own beside that to the text.

Each cross-attention of the UNet looks at the picture's tokens with the question that it has for the text, and what it
finds is added, weighed. That happens between the layers of an attention, by hooks that are gone after the pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.weak import WeakTensorKeyDictionary

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import JobFailed
from webui.engine.damage import told_as_damage
from webui.engine.precision import compute_dtype
from webui.engine.weights import Weights, open_weights
from webui.weights.ip_adapter_files import (
    HEAD,
    PROJECTION,
    IpShape,
    ip_adapter_shape,
    resampler_name,
)


@dataclass(frozen=True, eq=False)
class Place:
    """What makes keys and values of a picture's tokens for one attention."""

    to_k: Tensor
    """(inner, text width), as `to_v`."""
    to_v: Tensor
    k_bias: Tensor | None = None
    """(inner,), as `v_bias`."""
    v_bias: Tensor | None = None

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        parts = (self.to_k, self.to_v, self.k_bias, self.v_bias)
        return sum(part.nbytes for part in parts if part is not None)


def cross_widths(unet: nn.Module) -> list[tuple[int, int]]:
    """(inner, text width) of each cross-attention of a UNet."""
    return [(each.inner_dim, each.cross_attention_dim) for each in cross_attentions(unet)]


@dataclass(frozen=True, eq=False)
class LoadedIpAdapter:
    """An IP-Adapter in memory."""

    info: AdapterInfo
    projection: nn.Module
    """From what an image encoder says to tokens."""
    places: tuple[Place, ...]
    """Of the attentions that look at pictures, in the network's order."""
    dtype: torch.dtype
    bytes: int
    widths: Callable[[nn.Module], list[tuple[int, int]]] = cross_widths
    """(inner, text width) of the attentions that look at pictures in a network."""
    factor: int = 0
    """Pixels of the hint per latent cell, of which there are none: a part of the latent follows the whole picture."""
    key: object = field(default_factory=object)
    """Its identity where it is not to be kept alive."""
    _made: WeakTensorKeyDictionary = field(default_factory=WeakTensorKeyDictionary)

    def check_fits(self, unet: nn.Module, latent_channels: int) -> None:  # noqa: ARG002 - as a controlnet's
        """See that its keys and values have the widths of this network's attentions.

        Raises:
            JobFailed: it is made for another.
        """
        wanted = self.widths(unet)
        own = [tuple(place.to_k.shape) for place in self.places]
        if own != wanted:
            raise JobFailed(
                f"The IP-Adapter {self.info.id!r} is made for another model: it has {len(own)} attentions, for "
                f"text of width {own[0][1]}; this model has {len(wanted)}"
                f"{f', for text of width {wanted[0][1]}' if wanted else ''}. Take it out, or choose the model that it "
                "was trained on."
            )

    def tokens(self, said: Tensor) -> Tensor:
        """What an image encoder says (2, T, D) as tokens (2, N, text width). Computed once a picture."""
        if said not in self._made:
            self._made[said] = self.projection(said.to(self.dtype))
        made: Tensor = self._made[said]
        return made


@dataclass(frozen=True, eq=False)
class PicturePrompt:
    """One IP-Adapter in a pass over all rows of some works."""

    net: LoadedIpAdapter
    tokens: Tensor
    """(R, N, text width)."""
    weights: Tensor
    """(R, 1, 1)."""
    masks: Tensor | None = None
    """(R, 1, h, w), of the latent's cells: how much of what is seen counts there; None: all of it everywhere."""

    def share(self, cells: int) -> Tensor:
        """How much counts at each place of an attention over so many, (R, 1 or cells, 1)."""
        if self.masks is None:
            return self.weights
        height, width = self.masks.shape[-2:]
        while height * width > cells:  # a UNet halves both sides, up to whole cells
            height, width = -(-height // 2), -(-width // 2)
        there = functional.adaptive_avg_pool2d(self.masks, (height, width)).flatten(2).mT
        return self.weights * there.to(self.weights.dtype)


# Any: diffusers' attentions are typed loosely.
def cross_attentions(unet: nn.Module) -> list[Any]:
    """The cross-attentions of a UNet of diffusers, in the order in which IP-Adapters number them."""
    return [module for name, module in unet.named_modules() if name.endswith(".attn2")]


@contextmanager
def beside_the_text(unet: nn.Module, prompts: Sequence[PicturePrompt]) -> Iterator[None]:
    """Within the block every cross-attention looks at pictures too."""
    with ExitStack() as stack:
        for number, attention in enumerate(cross_attentions(unet) if prompts else ()):
            questions: list[Tensor] = []
            ask, answer = _hooks(attention.heads, number, prompts, questions)
            stack.callback(attention.to_q.register_forward_hook(ask).remove)
            stack.callback(attention.to_out[0].register_forward_pre_hook(answer).remove)
        yield


def _hooks(
    heads: int, number: int, prompts: Sequence[PicturePrompt], questions: list[Tensor]
) -> tuple[Callable[..., None], Callable[..., tuple[Tensor, ...]]]:
    """What is called behind the layer that asks, and before the one that mixes the heads' answers."""

    def ask(_: nn.Module, __: object, question: Tensor) -> None:
        questions.append(question)

    def answer(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        found, question = inputs[0], questions.pop()  # (R, cells, inner)
        for prompt in prompts:
            share = prompt.share(question.shape[1]).to(found.dtype)
            found = found + seen(prompt, number, question, heads) * share
        return found, *inputs[1:]

    return ask, answer


def seen(prompt: PicturePrompt, number: int, question: Tensor, heads: int) -> Tensor:
    """What the attention of this number finds in the picture, (R, cells, inner)."""
    place = prompt.net.places[number]
    keys = functional.linear(prompt.tokens, place.to_k, place.k_bias)
    values = functional.linear(prompt.tokens, place.to_v, place.v_bias)
    q, k, v = (
        each.to(question.dtype).view(*each.shape[:2], heads, -1).transpose(1, 2)
        for each in (question, keys, values)
    )
    return functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def load_ip_adapter(info: AdapterInfo, device: torch.device) -> LoadedIpAdapter:
    """Read an IP-Adapter's file.

    Raises:
        BrokenModel: it is missing, damaged, of impossible shapes or of a kind that is not drawn with.
    """
    dtype = compute_dtype(device)
    with told_as_damage(f"The IP-Adapter {info.id!r}", info.path):
        file = open_weights(Path(info.path))
        shape = ip_adapter_shape(file.header.shapes)
        projection = _projection(shape, file.below(PROJECTION))
        named = [f"ip_adapter.{number}.to_{{}}_ip.weight" for number in shape.places]
        places = tuple(
            Place(_taken(file, name.format("k"), device), _taken(file, name.format("v"), device))
            for name in named
        )
    projection = projection.eval().requires_grad_(False).to(device, dtype)
    size = sum(p.nbytes for p in projection.parameters())
    size += sum(place.bytes for place in places)
    return LoadedIpAdapter(info, projection, places, dtype, size)


def _taken(file: Weights, name: str, device: torch.device) -> Tensor:
    """A tensor of our own: a file may be replaced while it is mapped."""
    return file[name].to(device, compute_dtype(device), copy=True)


def _projection(shape: IpShape, weights: dict[str, Tensor]) -> nn.Module:
    # With the first IP-Adapter: diffusers takes seconds to import.
    from diffusers.models import embeddings  # noqa: PLC0415

    # Any: diffusers' classes are typed loosely.
    net: Any
    if shape.layout == "plain":
        return plain_projection(shape.told_width, shape.text_width, shape.tokens, weights)
    if shape.layout == "full":
        net = embeddings.IPAdapterFullImageProjection(shape.told_width, shape.text_width)
        layers = {"proj.0.": "ff.net.0.proj.", "proj.2.": "ff.net.2.", "proj.3.": "norm."}
        state = {layers[name[:7]] + name[7:]: weight for name, weight in weights.items()}
    else:
        net, state = _resampler(shape, weights, embeddings.IPAdapterPlusImageProjection)
    net.load_state_dict(state, strict=True)
    return net.float()  # type: ignore[no-any-return]


def plain_projection(told: int, text: int, tokens: int, weights: dict[str, Tensor]) -> nn.Module:
    """From what an encoder says of a picture as a whole, (R, 1, told), to so many tokens."""
    # With the first IP-Adapter: diffusers takes seconds to import.
    from diffusers.models.embeddings import ImageProjection  # noqa: PLC0415

    # Any: as above.
    net: Any = ImageProjection(told, text, tokens)
    state = {
        name.replace("proj.", "image_embeds.") if name.startswith("proj.") else name: weight
        for name, weight in weights.items()
    }
    # What an encoder says comes as a row of one.
    net.register_forward_pre_hook(lambda _, inputs: (inputs[0][:, 0], *inputs[1:]))
    net.load_state_dict(state, strict=True)
    return net.float()  # type: ignore[no-any-return]


def _resampler(
    shape: IpShape, weights: dict[str, Tensor], kind: Any
) -> tuple[Any, dict[str, Tensor]]:
    """The network of a 'plus' one, and its weights by diffusers' names."""
    width = weights["latents"].shape[2]
    net = kind(
        embed_dims=shape.told_width,
        output_dims=shape.text_width,
        hidden_dims=width,
        depth=shape.layers,
        dim_head=HEAD,
        heads=weights["layers.0.0.to_q.weight"].shape[0] // HEAD,
        num_queries=shape.tokens,
        ffn_ratio=weights["layers.0.1.1.weight"].shape[0] / width,
    )
    state: dict[str, Tensor] = {}
    for name, weight in weights.items():
        ours = resampler_name(name)
        if ".to_kv." in ours:
            for part, half in zip(("to_k", "to_v"), weight.chunk(2), strict=True):
                state[ours.replace("to_kv", part)] = half
        else:
            state[ours] = weight
    return net, state
