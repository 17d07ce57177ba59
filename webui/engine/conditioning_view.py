"""What extensions see of a picture's conditioning, and may change: stable, whatever the engine makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from webui.engine.guidance import Conditioning, Steering
from webui.engine.prompting import TextRows


@dataclass(frozen=True, eq=False)
class TextView:
    """What the rows of each prediction are told in words, from a noise level on."""

    level: float
    """Noise level from which it holds, going down; infinite for what holds from the start."""
    tokens: Tensor
    """(R, T, D): parts of the prompt, regions, and last the negative prompt; R is 1 without guidance."""
    pooled: Tensor | None
    """(R, P): each text as a whole; None where the network takes no such thing."""


@dataclass(frozen=True, eq=False)
class ControlView:
    """A ControlNet, T2I-Adapter or IP-Adapter at work."""

    hint: Tensor
    """(1, 3, H, W) in [0, 1]: the control picture at the size that the network reads. Of an IP-Adapter (2, T, D): what an
    image encoder says of its picture, and what it is told in the place of one beside the negative prompt."""
    weight: float
    """What its say is multiplied by."""
    highest: float
    """Noise level at which it begins."""
    lowest: float
    """Noise level at which it ends."""


@dataclass(frozen=True, eq=False)
class ConditioningView:
    """What the network follows in one pass of a picture; `with_` methods give changed copies."""

    texts: tuple[TextView, ...]
    """In the order in which they hold; empty for a network that reads nothing."""
    weights: tuple[float | Tensor, ...]
    """Of the prompt's parts and regions: one for all places, or one for each, (1, 1, h, w)."""
    planes: Tensor | None
    """(1, K, h, w): what lies beside the latent as further channels (mask, class map, depth, picture)."""
    label: float | None
    """What the network embeds beside the timestep (noise augmentation, distilled guidance)."""
    sizes: Tensor | None
    """(R, N): numbers about the picture that each row is told."""
    controls: tuple[ControlView, ...]

    def with_tokens(self, change: Callable[[Tensor], Tensor]) -> ConditioningView:
        """With every text's tokens (R, T, D) put through a function; it may change T alone."""
        texts = tuple(replace(text, tokens=change(text.tokens)) for text in self.texts)
        return replace(self, texts=texts)

    def with_weights(self, *weights: float | Tensor) -> ConditioningView:
        """With other weights of the prompt's parts, as many as there are."""
        return replace(self, weights=weights)

    def with_planes(self, planes: Tensor) -> ConditioningView:
        """With other channels beside the latent, of the same shape."""
        return replace(self, planes=planes)

    def with_label(self, label: float) -> ConditioningView:
        """With another label."""
        return replace(self, label=label)

    def with_control(self, index: int, **changes: float | Tensor) -> ConditioningView:
        """With other values of the fields of the control at `index`."""
        controls = list(self.controls)
        controls[index] = replace(controls[index], **changes)  # type: ignore[arg-type]  # by name
        return replace(self, controls=tuple(controls))


def view_of(conditioning: Conditioning) -> ConditioningView:
    """What extensions see of it."""
    first = () if conditioning.text is None else ((float("inf"), conditioning.text),)
    return ConditioningView(
        tuple(TextView(level, t.tokens, t.pooled) for level, t in (*first, *conditioning.later)),
        conditioning.weights,
        conditioning.planes,
        conditioning.label,
        conditioning.sizes,
        tuple(
            ControlView(each.control.hint, each.control.weight, each.highest, each.lowest)
            for each in conditioning.controls
        ),
    )


def applied(view: ConditioningView, conditioning: Conditioning) -> Conditioning:
    """The conditioning as an extension left what it saw of it, on its own device.

    Raises:
        ValueError: something has another shape than the network takes; the message says what.
    """
    own = view_of(conditioning)
    _check(view, own)
    texts = [
        (given.level, TextRows(given.tokens.to(old.tokens), _like(given.pooled, old.pooled)))
        for given, old in zip(view.texts, own.texts, strict=True)
    ]
    controls = tuple(
        _steering(given, old)
        for given, old in zip(view.controls, conditioning.controls, strict=True)
    )
    return replace(
        conditioning,
        text=texts[0][1] if texts else None,
        later=tuple(texts[1:]),
        weights=view.weights,
        planes=_like(view.planes, own.planes),
        label=view.label,
        sizes=_like(view.sizes, own.sizes),
        controls=controls,
    )


def _steering(given: ControlView, old: Steering) -> Steering:
    hint = given.hint.to(old.control.hint)
    control = replace(old.control, hint=hint, weight=given.weight)
    return replace(old, control=control, highest=given.highest, lowest=given.lowest)


def _like(given: Tensor | None, old: Tensor | None) -> Tensor | None:
    """Of the device and type of what stood there."""
    return given if given is None or old is None else given.to(old)


def _check(given: ConditioningView, own: ConditioningView) -> None:
    """See that what was given can stand in place of what was shown."""
    for what in ("texts", "weights", "controls"):
        counts = len(getattr(given, what)), len(getattr(own, what))
        if counts[0] != counts[1]:
            raise ValueError(f"{counts[0]} {what} were given; {counts[1]} were expected")
    pairs: list[tuple[str, Tensor | None, Tensor | None, int | None]] = [
        ("planes", given.planes, own.planes, None),
        ("sizes", given.sizes, own.sizes, None),
    ]
    for said, shown in zip(given.texts, own.texts, strict=True):
        pairs.append(("tokens", said.tokens, shown.tokens, 1))
        pairs.append(("pooled", said.pooled, shown.pooled, None))
    for steers, steered in zip(given.controls, own.controls, strict=True):
        pairs.append(("hint", steers.hint, steered.hint, None))
    for what, values, wanted, free in pairs:
        if _shape(values, free) != _shape(wanted, free):
            raise ValueError(
                f"{what} of shape {_shape(values)} were given; {_shape(wanted)} was expected"
            )
    if (given.label is None) != (own.label is None):
        raise ValueError(f"the label {given.label} was given in place of {own.label}")


def _shape(values: Tensor | None, free: int | None = None) -> tuple[int, ...] | None:
    """Of the sides that must stay, all but `free`."""
    if values is None:
        return None
    return tuple(side for place, side in enumerate(values.shape) if place != free)
