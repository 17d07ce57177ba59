"""Extra networks in a prompt: <lora:name:0.8>, in all forms of AUTOMATIC1111.

    <lora:name>                          weight 1
    <lora:name:0.8>                      0.8 for the text encoder and the UNet
    <lora:name:0.8:0.5>                  0.8 for the text encoder, 0.5 for the UNet
    <lora:name:0.8:0.5:8>                ... of which the first 8 ranks only
    <lora:name:te=0.8:unet=0.5:dyn=8>    the same by name; names and places may be mixed
    <lora:name:0.8:lbw=OUTALL>           weights by block: a preset, or numbers with commas between
    <hypernet:name:0.8>                  a hypernetwork; `hypernetwork` is the same
    <lora:name:0.8:start=5:stop=0.8>     at work after step 5, up to 80 % of the steps; step=5-20 is both

A tag stands outside of weights. Within square brackets it is at work when its text would be read:
[<lora:name:1>:0.5], [<lora:a:1>::8], [<lora:a:1>|<lora:b:1>]. `lyco` is another word for `lora`. Any other <word:...> is text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from webui.contracts.errors import BadRequest
from webui.contracts.lora_blocks import parse_blocks

LORA_KINDS = ("lora", "lyco")
HYPERNETWORK_KINDS = ("hypernet", "hypernetwork")

TAG = re.compile(r"<(?P<kind>\w+):(?P<arguments>[^<>]{1,500})>")
"""Anything of the form of a tag, known or not."""
_PLACES = ("te", "unet", "dyn")
"""What the arguments behind the name are, in their order."""
_NAMED = (*_PLACES, "lbw", "start", "stop", "step")
"""Arguments that can be given by name."""
_MOMENT = re.compile(r"\d+\.?\d*|\.\d+")


@dataclass(frozen=True)
class NetworkTag:
    """A tag of a kind that we know, as it is written."""

    kind: str
    """Lower case."""
    arguments: tuple[str, ...]
    """What stands between the colons; the first is the name."""
    start: int
    """Place of its first character in the prompt."""
    text: str
    """All of it, brackets included."""


@dataclass(frozen=True)
class LoraTag:
    """A LoRA that a prompt names, or a hypernetwork."""

    name: str
    """As the prompt writes it."""
    unet: float = 1.0
    text_encoder: float = 1.0
    rank: int | None = None
    """How many ranks of it to use; None means all."""
    blocks: tuple[float, ...] = ()
    """Weights by block, as `contracts.lora_blocks` has them."""
    start: str = ""
    """After which step it is at work: a number as in a prompt's timeline; empty means from the first."""
    stop: str = ""
    """The last step at which it is."""
    kind: Literal["lora", "hypernetwork"] = "lora"


def network_tags(prompt: str) -> tuple[NetworkTag, ...]:
    """The tags of LoRAs and hypernetworks, in order."""
    return tuple(
        NetworkTag(found["kind"].lower(), _split(found["arguments"]), found.start(), found[0])
        for found in TAG.finditer(prompt)
        if _is_known(found)
    )


def without_networks(prompt: str) -> str:
    """The prompt without the tags that `network_tags` finds."""
    return TAG.sub(lambda found: "" if _is_known(found) else found[0], prompt)


def loras_in(prompt: str) -> tuple[LoraTag, ...]:
    """The LoRAs and hypernetworks that a prompt names, in order; one that is named twice is there twice.

    Raises:
        BadRequest: a tag cannot be read; says which and why.
    """
    return tuple(_lora(tag) for tag in network_tags(prompt))


def _is_known(found: re.Match[str]) -> bool:
    return found["kind"].lower() in (*LORA_KINDS, *HYPERNETWORK_KINDS)


def _split(arguments: str) -> tuple[str, ...]:
    return tuple(argument.strip() for argument in arguments.split(":"))


def _lora(tag: NetworkTag) -> LoraTag:
    if tag.kind in HYPERNETWORK_KINDS:
        return _hypernetwork(tag)
    name, *rest = tag.arguments
    if not name:
        raise _unreadable(tag, "names no LoRA", "<lora:name:0.8>")
    given = _placed(tag, rest)
    text_encoder = _number(tag, given.get("te", "1"))
    unet = _number(tag, given["unet"]) if "unet" in given else text_encoder
    start, stop = _span(tag, given)
    return LoraTag(
        name,
        unet,
        text_encoder,
        _rank(tag, given.get("dyn")),
        _blocks(tag, given.get("lbw")),
        start,
        stop,
    )


def _hypernetwork(tag: NetworkTag) -> LoraTag:
    name, *rest = tag.arguments
    if not name or len(rest) > 1:
        raise _unreadable(tag, "is no name with a weight", "<hypernet:name:0.8>")
    weight = _number(tag, rest[0]) if rest else 1.0
    return LoraTag(name, weight, weight, kind="hypernetwork")


def _placed(tag: NetworkTag, arguments: Sequence[str]) -> dict[str, str]:
    """Arguments by name, those without one by their place; a name wins over a place."""
    plain = [argument for argument in arguments if "=" not in argument]
    if len(plain) > len(_PLACES):
        raise _unreadable(tag, f"has {len(plain)} values", "at most three, te, unet and dyn")
    given = dict(zip(_PLACES, plain, strict=False))
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals and name.strip() not in _NAMED:
            raise _unreadable(tag, f"has an argument {name.strip()!r}", ", ".join(_NAMED))
        if equals:
            given[name.strip()] = value.strip()
    return given


def _number(tag: NetworkTag, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _unreadable(tag, f"has the weight {text!r}", "a number such as 0.8") from None


def _rank(tag: NetworkTag, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise _unreadable(tag, f"has dyn={text}", "a whole number of ranks such as 8")
    return int(text)


def _blocks(tag: NetworkTag, text: str | None) -> tuple[float, ...]:
    if text is None:
        return ()
    try:
        return parse_blocks(text)
    except ValueError as error:
        raise _unreadable(tag, f"has lbw={text}", str(error)) from None


def _span(tag: NetworkTag, given: Mapping[str, str]) -> tuple[str, str]:
    """After which step a LoRA is at work, and its last; empty where that is left open."""
    start, stop = given.get("start", ""), given.get("stop", "")
    if "step" in given:
        first, dash, last = given["step"].partition("-")
        if not dash:
            raise _unreadable(tag, f"has step={given['step']}", "two steps such as 5-20")
        start, stop = first.strip(), last.strip()
    for moment in (start, stop):
        if moment and not _MOMENT.fullmatch(moment):
            raise _unreadable(
                tag, f"has the step {moment!r}", "a step such as 8, or a share such as 0.4"
            )
    return start, stop


def _unreadable(tag: NetworkTag, what: str, expected: str) -> BadRequest:
    return BadRequest(f"The tag {tag.text[:100]!r} in the prompt {what}; expected was {expected}.")
