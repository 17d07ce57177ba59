from __future__ import annotations

import psutil
import pytest
import torch

from webui.engine.memory import free_bytes, is_out_of_memory, release_memory


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."), True),
        (RuntimeError("cuDNN error: out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("shape mismatch"), False),
        (ValueError("out of memory is a word here"), False),
    ],
)
def test_memory_errors_are_told_from_others(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_memory_that_was_freed_goes_back_to_the_system() -> None:
    """Many small blocks: the C library keeps them otherwise, as the processes of peers do for ever."""
    process = psutil.Process()
    blocks = [torch.ones(4_000) for _ in range(8_000)]  # 128 MB
    full = process.memory_info().rss
    keep = blocks[-1]  # the last one holds the heap's end in place
    del blocks
    release_memory()
    assert full - process.memory_info().rss > 80e6
    assert keep.sum() == 4_000


def test_the_processors_free_memory_is_what_the_system_says() -> None:
    free = free_bytes(torch.device("cpu"))
    assert 0 < free <= psutil.virtual_memory().total
