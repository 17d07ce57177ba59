from __future__ import annotations

import torch

from webui.engine.precision import compute_dtype


def test_a_gpu_gets_half_precision_of_the_stored_kind() -> None:
    cuda = torch.device("cuda:0")
    assert compute_dtype(cuda, "F16") == torch.float16
    assert compute_dtype(cuda, "BF16") == torch.bfloat16
