"""LoHa (Hyeon-Woo et al. 2021, FedPara): the product, number by number, of two low-rank matrices."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from webui.engine.adapters.dialects.change import Pieces, on
from webui.engine.adapters.dialects.tucker import product


@dataclass(frozen=True, eq=False)
class Hadamard:
    """(w1_a @ w1_b) * (w2_a @ w2_b) * alpha / r."""

    first: tuple[Tensor, Tensor]
    """(out, r) and (r, in * kh * kw); (r, out) and (r, in) with a core."""
    second: tuple[Tensor, Tensor]
    cores: tuple[Tensor, Tensor] | None
    """(r, r, kh, kw) each, of a convolution in Tucker form."""
    scale: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight that it changes, its kernel laid into its inputs where it has no core."""
        out, inner = self.first
        if self.cores is None:
            return out.shape[0], inner.flatten(1).shape[1]
        return out.shape[1], inner.shape[1], *self.cores[0].shape[2:]

    def change(self, weight: Tensor) -> Tensor:
        """What is added to a weight at full strength, float32 of its shape."""
        cores = (None, None) if self.cores is None else tuple(on(weight, *self.cores))
        one, two = (
            _product(weight, pair, core)
            for pair, core in zip((self.first, self.second), cores, strict=True)
        )
        return (one * two).reshape(weight.shape) * self.scale

    def first_ranks(self, rank: int) -> Hadamard:  # noqa: ARG002 - its ranks are mixed
        """Itself, as in AUTOMATIC1111."""
        return self


def _product(weight: Tensor, pair: tuple[Tensor, Tensor], core: Tensor | None) -> Tensor:
    a, b = on(weight, *pair)
    return product(a, b, core)


def read(pieces: Pieces) -> Hadamard:
    """From hada_w1_a, hada_w1_b, hada_w2_a, hada_w2_b, and maybe hada_t1 and hada_t2.

    Raises:
        ValueError: one is missing.
    """
    out1, in1, out2, in2 = pieces.need("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
    cores = None
    if "hada_t1" in pieces.tensors:
        one, two = pieces.need("hada_t1", "hada_t2")
        cores = (one, two)
    return Hadamard((out1, in1), (out2, in2), cores, pieces.scale(in1.shape[0]))
