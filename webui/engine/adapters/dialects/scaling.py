"""(IA)^3 (Liu et al. 2022): each input or output of a layer is multiplied by a learned number."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from webui.engine.adapters.dialects.change import Pieces, on


@dataclass(frozen=True, eq=False)
class Scaling:
    """weight * factors, along its inputs or its outputs; the factors are those beside 1."""

    factors: Tensor
    """(n,)."""
    on_input: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight that it changes; the other side may be any."""
        count = self.factors.shape[0]
        return (0, count) if self.on_input else (count, 0)

    def change(self, weight: Tensor) -> Tensor:
        """What is added to a weight at full strength, float32 of its shape."""
        factors = on(weight, self.factors)[0]
        along = [1] * weight.dim()
        along[1 if self.on_input else 0] = -1
        return weight.float() * factors.view(along)

    def first_ranks(self, rank: int) -> Scaling:  # noqa: ARG002 - it has none
        """Itself."""
        return self


@dataclass(frozen=True, eq=False)
class ScalingOfBias(Scaling):
    """Of the outputs of a layer, and so of its bias; one without a bias stays as it is."""


def read_bias(pieces: Pieces) -> ScalingOfBias | None:
    """Of PEFT's that multiply outputs; AUTOMATIC1111 leaves the bias as it is with LyCORIS'."""
    if "ia3_l" not in pieces.tensors:
        return None
    scaling = read(pieces)
    return None if scaling.on_input else ScalingOfBias(scaling.factors, on_input=False)


def _of_peft(pieces: Pieces) -> Scaling:
    (factors,) = pieces.need("ia3_l")
    shape = tuple(factors.shape)
    is_kernel = len(shape) > 2 and shape[0] == 1 and set(shape[2:]) == {1}
    if not is_kernel and (len(shape) != 2 or 1 not in shape):
        raise ValueError(
            f"the ia3_l of {pieces.where!r} is of shape {shape}; (outputs, 1), (1, inputs) or of a convolution (1, n, 1, 1) was "
            "expected."
        )
    on_input = pieces.on_input if is_kernel else shape[1] != 1
    if on_input is None:
        raise ValueError(
            f"nothing says whether {pieces.where!r} is scaled at its inputs or outputs"
        )
    return Scaling(factors.float().flatten() - 1, on_input)


def read(pieces: Pieces) -> Scaling:
    """From weight and on_input (LyCORIS), or from ia3_l (PEFT), whose numbers multiply and are not beside 1.

    Raises:
        ValueError: one is missing, or of another shape.
    """
    if "ia3_l" in pieces.tensors:
        return _of_peft(pieces)
    factors, on_input = pieces.need("weight", "on_input")
    return Scaling(factors.flatten(), bool(on_input.flatten()[0]))
