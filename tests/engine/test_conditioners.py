from __future__ import annotations

import torch
from torch.nn import functional

from webui.engine.conditioners import MaskInput, projected_classes

CELLS = torch.tensor([[[[0.0, 1.0]]]])
AROUND = torch.full((1, 3, 1, 2), 5.0)


def test_stable_diffusion_has_the_mask_first_and_from_nought_to_one() -> None:
    assert MaskInput().planes(CELLS, AROUND)[0, :, 0].tolist() == [[0, 1], [5, 5], [5, 5], [5, 5]]


def test_the_papers_model_has_the_mask_last_and_from_minus_one_to_one() -> None:
    masks = MaskInput(hidden=-1.0, outside=-1.0, mask_first=False)
    assert masks.planes(CELLS, AROUND)[0, :, 0].tolist() == [[5, 5], [5, 5], [5, 5], [-1, 1]]


def test_classes_are_averaged_over_cells_and_mixed() -> None:
    ids = torch.randint(0, 5, (2, 8, 8), generator=torch.Generator().manual_seed(1))
    projection = torch.randn(3, 5, generator=torch.Generator().manual_seed(2))
    shares = functional.one_hot(ids, 5).permute(0, 3, 1, 2).float()
    expected = functional.avg_pool2d(functional.conv2d(shares, projection[..., None, None]), 4)
    torch.testing.assert_close(projected_classes(ids, projection, 4), expected)
