"""What a first stage is taught to be: near to the picture in numbers and edges, and hard to tell from one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def pyramid_loss(made: Tensor, wanted: Tensor, levels: int = 3) -> Tensor:
    """Mean absolute difference of Laplacian pyramids of (B, 3, H, W): edges, at every scale."""
    total = made.new_zeros(())
    for _ in range(levels):
        small_made, small_wanted = F.avg_pool2d(made, 2), F.avg_pool2d(wanted, 2)
        detail_made = made - F.interpolate(small_made, scale_factor=2.0)
        detail_wanted = wanted - F.interpolate(small_wanted, scale_factor=2.0)
        total = total + (detail_made - detail_wanted).abs().mean()
        made, wanted = small_made, small_wanted
    return total / levels


class PatchDiscriminator(nn.Sequential):
    """Judges overlapping 22-pixel patches: three strided convolutions and a one-channel head."""

    def __init__(self, channels: int = 32) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3, channels, 4, 2, 1), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(channels, channels * 2, 4, 2, 1), nn.GroupNorm(8, channels * 2)]
        layers += [nn.LeakyReLU(0.2), nn.Conv2d(channels * 2, 1, 4, 1, 1)]
        super().__init__(*layers)


def reconstruction_loss(made: Tensor, wanted: Tensor, squared_error: float = 4.0) -> Tensor:
    """Squared and absolute error and edges; weighted so that each contributes alike when sharp."""
    difference = made - wanted
    squared, absolute = difference.square().mean(), difference.abs().mean()
    return squared_error * squared + 0.5 * absolute + pyramid_loss(made, wanted)


def adversarial_weight(rec: Tensor, adversarial: Tensor, last_layer: Tensor) -> Tensor:
    """VQGAN's balance of gradients at the decoder's last layer (Esser et al. 2021, equation 7)."""
    from_rec = torch.autograd.grad(rec, last_layer, retain_graph=True)[0].norm()
    from_adversarial = torch.autograd.grad(adversarial, last_layer, retain_graph=True)[0].norm()
    balance: Tensor = (from_rec / (from_adversarial + 1e-4)).clamp(0, 1e4)
    return balance.detach()
