"""A file comes whole and true, or not at all, whatever the other side does."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.services.downloads.server import Server, sha256, weights
from webui.contracts.download import RemoteFile
from webui.contracts.errors import DownloadFailed
from webui.services.downloads import transfer
from webui.services.downloads.network import Web
from webui.services.downloads.transfer import MOST_TRIES, Stopped, Watch, fetch

CONTENT = weights()
NAME = "/w.safetensors"


@dataclass
class Log:
    """Waits no time, and notes what it is told."""

    moved: list[int] = field(default_factory=list)
    sized: list[int] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> Watch:
        return Watch(self.moved.append, self.sized.append, self._wait)

    def _wait(self, seconds: float) -> bool:
        if seconds:
            self.waited.append(seconds)
        return self.stop.is_set()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "in" / "w.safetensors.part"


def _wanted(server: Server, sha: str | None = None, size: int | None = None) -> RemoteFile:
    return RemoteFile("w.safetensors", server.address + NAME, size, sha)


def test_a_file_comes_whole_and_tells_how_far_it_is(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    server.put(NAME, CONTENT)
    fetch(web, _wanted(server, sha256(CONTENT), len(CONTENT)), part, log.watch())
    assert part.read_bytes() == CONTENT
    assert log.sized == [len(CONTENT)]
    assert log.moved == sorted(log.moved)
    assert log.moved[-1] == len(CONTENT)
    assert sorted(p.name for p in part.parent.iterdir()) == [part.name]


def test_a_dropped_connection_is_taken_up_where_it_broke(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    server.put(NAME, CONTENT, drop_after=[20_000, 10_000])
    fetch(web, _wanted(server), part, log.watch())
    assert part.read_bytes() == CONTENT
    assert server.ranges(NAME) == [None, "bytes=20000-", "bytes=30000-"]
    assert [headers.get("if-range") for _, headers in server.asked] == [None, '"one"', '"one"']


def test_it_goes_on_after_a_restart_of_the_program(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    server.put(NAME, CONTENT, drop_after=[20_000])
    stopping = Watch(log.moved.append, log.sized.append, lambda seconds: seconds > 0)
    with pytest.raises(Stopped):
        fetch(web, _wanted(server, sha256(CONTENT)), part, stopping)
    fetch(web, _wanted(server, sha256(CONTENT)), part, log.watch())
    assert part.read_bytes() == CONTENT
    assert server.ranges(NAME)[-1] == "bytes=20000-"


def test_content_that_changed_meanwhile_is_fetched_anew(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    file = server.put(NAME, CONTENT, drop_after=[20_000])
    stopping = Watch(log.moved.append, log.sized.append, lambda seconds: seconds > 0)
    with pytest.raises(Stopped):
        fetch(web, _wanted(server), part, stopping)
    file.content, file.etag = weights(seed=3), '"two"'
    fetch(web, _wanted(server), part, log.watch())
    assert part.read_bytes() == file.content


def test_a_server_without_ranges_sends_all_again(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    server.put(NAME, CONTENT, drop_after=[20_000], ranges=False)
    fetch(web, _wanted(server), part, log.watch())
    assert part.read_bytes() == CONTENT


def test_without_validator_and_hash_nothing_is_resumed(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    server.put(NAME, CONTENT, drop_after=[20_000], etag=None)
    fetch(web, _wanted(server), part, log.watch())
    assert part.read_bytes() == CONTENT
    assert server.ranges(NAME) == [None, None]


def test_a_weak_validator_is_not_trusted_but_a_hash_is(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    server.put(NAME, CONTENT, drop_after=[20_000], etag='W/"one"')
    fetch(web, _wanted(server, sha256(CONTENT)), part, log.watch())
    assert server.ranges(NAME) == [None, "bytes=20000-"]
    assert server.asked[1][1].get("if-range") is None


def test_another_hash_than_announced_is_refused_and_deleted(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    server.put(NAME, CONTENT)
    with pytest.raises(DownloadFailed, match="was changed"):
        fetch(web, _wanted(server, sha256(b"other")), part, log.watch())
    assert not part.exists()


def test_a_part_from_another_file_does_not_poison_the_whole(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    server.put(NAME, CONTENT)
    part.parent.mkdir()
    part.write_bytes(b"x" * 1000)
    with pytest.raises(DownloadFailed, match="was changed"):
        fetch(web, _wanted(server, sha256(CONTENT)), part, log.watch())
    fetch(web, _wanted(server, sha256(CONTENT)), part, log.watch())
    assert part.read_bytes() == CONTENT


def test_another_size_than_announced_is_refused_before_it_comes(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    server.put(NAME, CONTENT)
    with pytest.raises(DownloadFailed, match="99 were announced"):
        fetch(web, _wanted(server, size=99), part, log.watch())
    assert log.moved == [0]


def test_a_body_shorter_than_it_says_is_a_drop_and_ends_after_some_tries(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    server.put(NAME, CONTENT, length=len(CONTENT) + 10, ranges=False)
    with pytest.raises(DownloadFailed, match=r"times in a row\. What has come is kept"):
        fetch(web, _wanted(server), part, log.watch())
    assert len(log.waited) == MOST_TRIES - 1
    assert log.waited == sorted(log.waited)


def test_an_endless_body_is_cut_at_the_limit(
    server: Server, web: Web, part: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MOST_BYTES", 30_000)
    server.put(NAME, CONTENT, length=-1)
    with pytest.raises(DownloadFailed, match="longer than"):
        fetch(web, _wanted(server), part, log.watch())
    assert not part.exists()


def test_a_file_that_does_not_fit_the_disk_is_refused_before_it_comes(
    server: Server, web: Web, part: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "SPARE_BYTES", 2**60)
    server.put(NAME, CONTENT)
    with pytest.raises(DownloadFailed, match="free on the disk"):
        fetch(web, _wanted(server), part, log.watch())
    assert part.stat().st_size == 0 if part.exists() else True


def test_a_web_page_instead_of_weights_is_refused(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    server.put(NAME, b"<html>log in</html>", headers={"Content-Type": "text/html; charset=utf-8"})
    with pytest.raises(DownloadFailed, match="web page"):
        fetch(web, _wanted(server), part, log.watch())


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "HF_TOKEN"), (403, "terms"), (404, "nothing of this name"), (410, "410")],
)
def test_a_final_answer_is_not_asked_for_again(
    server: Server, web: Web, part: Path, log: Log, status: int, said: str
) -> None:
    server.put(NAME, b"", status=status)
    with pytest.raises(DownloadFailed, match=said):
        fetch(web, _wanted(server), part, log.watch())
    assert (len(server.asked), log.waited) == (1, [])


def test_a_busy_server_is_given_the_time_it_asks_for(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    server.put(NAME, b"", status=503, headers={"Retry-After": "7"})
    with pytest.raises(DownloadFailed, match="answers 503"):
        fetch(web, _wanted(server), part, log.watch())
    assert log.waited == [7, 7, 7, 8, 16]


def test_a_range_that_was_not_asked_for_is_not_taken(
    server: Server, web: Web, part: Path, log: Log
) -> None:
    wrong = {"Content-Range": "bytes 5-9/50"}
    server.put(NAME, CONTENT, drop_after=[20_000], headers=wrong)
    fetch(web, _wanted(server), part, log.watch())
    assert part.read_bytes() == CONTENT
    assert server.ranges(NAME) == [None, "bytes=20000-", None]
