"""Modules of diffusers' networks that a processor computes in fewer operations and fewer passes over memory.

What is enlarged by repeating each pixel and then convolved needs no enlarging: of the nine weights of a 3x3 kernel, those
that meet the same pixel are added up once, which leaves four products for each number instead of nine (Shi et al. 2016,
"Is the deconvolution layer the same as a convolutional layer?", read backwards). And a residual block writes its
activations where they are, adds in place and divides by no 1.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn
from torch.nn import functional

from webui.engine.packed.place import HoldsWeight
from webui.engine.packed.product import NOTHING_MORE

MOST_BYTES = 32 * 2**20
"""Of summed weights: those of wider layers take more memory than their few places are worth."""


class PhasedUpsample2D(Upsample2D, HoldsWeight):  # type: ignore[misc]
    """`Upsample2D` whose convolution runs on what is not enlarged yet; made of a plain one in place."""

    _source: Tensor | None = None
    """The convolution's weight that the summed ones were made of."""
    _summed: Tensor | None = None
    """(4 out, in, 2, 2), in oneDNN's layout."""
    _biases: Tensor | None = None
    """(4 out,)."""

    @property
    def kept_bytes(self) -> int:
        """Memory that the summed weights take: none before they are needed."""
        return 0 if self._summed is None else _summed_bytes(self.conv.shape)

    # Any, here and below: diffusers' and torch's own signatures.
    def forward(
        self, hidden_states: Tensor, output_size: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        """As `Upsample2D`, of which it differs by rounding."""
        x, conv = hidden_states, self.conv
        double = [2 * side for side in x.shape[-2:]]
        twice = output_size is None or [*output_size] == double
        if not (twice and _is_simple(conv) and _is_exact(x)):
            return super().forward(x, output_size, *args, **kwargs)
        if self._source is None or self._source is not conv._now:
            self._summed, self._biases = _put_together(conv)
            self._source = conv._now
        return _interleaved(
            torch.ops.mkldnn._convolution_pointwise(
                x.contiguous(memory_format=torch.channels_last), self._summed, self._biases,
                (1, 1), (1, 1), (1, 1), 1, *NOTHING_MORE,
            ), *double
        )  # fmt: skip

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which oneDNN's layout cannot be in."""
        return vars(self) | {"_source": None, "_summed": None, "_biases": None}

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """What was made of the weight is forgotten with it."""
        self._source = self._summed = self._biases = None
        return super()._apply(fn, recurse)


class LeanResnetBlock2D(ResnetBlock2D):  # type: ignore[misc]
    """`ResnetBlock2D` of the usual kind, to the bit; made of a plain one in place."""

    def forward(self, input_tensor: Tensor, temb: Tensor | None, *args: Any, **kwargs: Any) -> Any:
        """As `ResnetBlock2D`."""
        timeless = self.time_embedding_norm == "group" and temb is not None
        if self.training or timeless or torch.is_grad_enabled():
            return super().forward(input_tensor, temb, *args, **kwargs)
        x = functional.silu(self.norm1(input_tensor), inplace=True)
        x = self.conv1(x)
        if temb is not None and self.time_emb_proj is not None:
            temb = self.time_emb_proj(functional.silu(temb))[:, :, None, None]
        if temb is not None:
            x += temb
        x = functional.silu(self.norm2(x), inplace=True)
        x = self.conv2(x)
        x += input_tensor if self.conv_shortcut is None else self.conv_shortcut(input_tensor)
        return x


def make_lean(network: nn.Module) -> None:
    """Put such modules in the place of a network's own where they say the same. Names and layers stay."""
    for module in network.modules():
        if type(module) is ResnetBlock2D and _is_usual(module):
            module.__class__ = LeanResnetBlock2D
        elif type(module) is Upsample2D and _doubles(module):
            module.__class__ = PhasedUpsample2D


def _is_usual(block: ResnetBlock2D) -> bool:
    kind = block.time_embedding_norm  # "group" is a first stage's, which knows no time
    usual = kind == "default" or (kind == "group" and block.time_emb_proj is None)
    plain = block.output_scale_factor == 1 and isinstance(block.nonlinearity, nn.SiLU)
    usual = usual and not block.skip_time_act
    return usual and plain and block.upsample is None and block.downsample is None


def _doubles(module: Upsample2D) -> bool:
    """Whether it repeats pixels and convolves them by 3x3, in a layer that is not too wide."""
    if module.name != "conv" or not module.interpolate or module.norm is not None:
        return False
    conv = module.conv
    if not isinstance(conv, nn.Conv2d) or conv.kernel_size != (3, 3) or conv.padding != (1, 1):
        return False
    return _summed_bytes((conv.out_channels, conv.in_channels, 3, 3)) <= MOST_BYTES


def _summed_bytes(shape: tuple[int, ...]) -> int:
    """Of the summed weights of a layer whose own have this shape."""
    return 4 * 4 * 4 * shape[0] * shape[1]


def _is_simple(conv: Any) -> bool:
    """Whether it is a layer of `on_processor.py`, which it may become by being opened, and does not wrap round."""
    if hasattr(conv, "held"):
        _ = conv.weight  # opens a layer of `late.py`
    return hasattr(conv, "_now") and conv.padding_mode == "zeros"


def _is_exact(x: Tensor) -> bool:
    """Whether sums of weights are as good as their products: not in half precision. None for gradients."""
    return x.dtype == torch.float32 and x.device.type == "cpu" and not torch.is_grad_enabled()


def _put_together(conv: nn.Conv2d) -> tuple[Tensor, Tensor | None]:
    """Weights (4 out, in, 2, 2) in oneDNN's layout and biases (4 out,), for the four places in a pixel."""
    weight = conv.weight.detach()
    summed = [_halves(down, 3)[right] for down in _halves(weight, 2) for right in (0, 1)]
    reordered: Tensor = torch._C._nn.mkldnn_reorder_conv2d_weight(
        torch.cat(summed).contiguous().to_mkldnn(), [1, 1], [1, 1], [1, 1], 1
    )
    return reordered, None if conv.bias is None else conv.bias.detach().repeat(4)


def _halves(weight: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Of three weights along an axis two, for the first and for the second of two equal pixels."""
    before, here, after = weight.unbind(axis)
    return torch.stack((before, here + after), axis), torch.stack((before + here, after), axis)


def _interleaved(places: Tensor, height: int, width: int) -> Tensor:
    """(N, C, 2 h, 2 w), channels last, of all four places of all pixels, (N, 4 C, h + 1, w + 1)."""
    channels, h, w = places.shape[1] // 4, height // 2, width // 2
    shape = (len(places), channels, height, width)
    answer = torch.empty(shape, dtype=places.dtype, memory_format=torch.channels_last)
    for i in range(4):
        down, right = divmod(i, 2)
        of_place = places[:, i * channels : (i + 1) * channels]
        answer[:, :, down::2, right::2] = of_place[:, :, down : down + h, right : right + w]
    return answer
