"""A download's progress in figures."""

from __future__ import annotations

import pytest

from webui.contracts.download import Download, DownloadState, RemoteFile
from webui.contracts.ids import DownloadId


def _download(*sizes: int | None, speed: float | None = None) -> Download:
    files = tuple(RemoteFile(f"{i}.ckpt", "http://x", size) for i, size in enumerate(sizes))
    return Download(
        DownloadId("a"), "s", "t", "model", "x", files, DownloadState.RUNNING,
        bytes_done=100, bytes_per_second=speed,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sizes", "speed", "total", "left"),
    [
        ((300, 100), 50.0, 400, 6.0),
        ((300, None), 50.0, None, None),
        ((300,), None, 300, None),
        ((60,), 5.0, 60, 0.0),
    ],
)
def test_what_is_left_is_told_where_it_is_known(
    sizes: tuple[int | None, ...], speed: float | None, total: int | None, left: float | None
) -> None:
    download = _download(*sizes, speed=speed)
    assert (download.bytes_total, download.seconds_left) == (total, left)
