"""Dynamic thresholding (Saharia et al. 2022, section 2.3): high guidance within the range of a lower one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from webui.contracts.request import GenerationRequest
from webui.hooks.specs import hookimpl

if TYPE_CHECKING:
    from webui.engine.extending import Moment
    from webui.engine.programs.order import PictureOrder


def is_asked_for(request: GenerationRequest) -> bool:
    """Whether a request names the lower scale."""
    return request.mimic_scale is not None


@hookimpl
def change_guidance(
    guided: Tensor, output: Tensor, moment: Moment, order: PictureOrder
) -> Tensor | None:
    """The guided prediction with the range of one at `mimic_scale`; nothing where nothing guides."""
    scale = order.request.mimic_scale
    if scale is None or len(output) == 1:
        return None
    return thresholded(guided, moment.at_scale(scale), order.request.threshold_percentile)


def thresholded(guided: Tensor, mimicked: Tensor, percentile: float) -> Tensor:
    """Guided prediction (1, C, h, w), each channel cut and scaled to the range of a lower scale's.

    Dynamic thresholding (Saharia et al. 2022, section 2.3) for latents, as the extension of that name
    has it: about each channel's mean, values beyond the percentile are cut, or beyond the lower scale's
    largest where that is more; then all are scaled to that largest.
    """
    mean = guided.mean((2, 3), keepdim=True)
    centred = guided - mean
    largest = (mimicked - mimicked.mean((2, 3), keepdim=True)).abs().amax((2, 3), keepdim=True)
    reach = torch.quantile(centred.abs().flatten(2), percentile, dim=2)[..., None, None]
    reach = torch.maximum(reach, largest)
    cut = torch.minimum(torch.maximum(centred, -reach), reach)
    return cut / reach.clamp(min=1e-12) * largest + mean
