from __future__ import annotations

import pytest
import torch

from webui.contracts.errors import BrokenModel, JobFailed
from webui.engine.damage import told_as_damage


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (KeyError("unet"), "'unet'"),
        (RuntimeError("size mismatch."), "size mismatch"),
        (AssertionError(), "AssertionError"),
        (BrokenModel("It is cut short."), "It is cut short"),
    ],
)
def test_what_damaged_files_raise_names_the_file(error: Exception, why: str) -> None:
    with pytest.raises(BrokenModel) as caught, told_as_damage("The VAE 'a'", "/models/a"):
        raise error
    assert str(caught.value) == (
        f"The VAE 'a' cannot be loaded from '/models/a': {why}. Download or train it again."
    )


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory."), MemoryError(), JobFailed("Not this one.")],
)
def test_full_memory_and_what_files_are_not_to_blame_for_pass(error: Exception) -> None:
    with pytest.raises(type(error)), told_as_damage("The VAE 'a'", "/models/a"):
        raise error
    assert not isinstance(error, BrokenModel)
