"""Lists of words that extensions bring, read at once or when they are looked into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from typing_extensions import override

from webui.contracts.errors import BadRequest, HookFailed
from webui.hooks.host import HookHost
from webui.hooks.specs import hookimpl
from webui.hooks.studio import StudioExtensions
from webui.services.wildcards import WildcardStore


class _Late(Sequence[str]):
    """A list that is made when it is looked into."""

    def __init__(self, make: Callable[[], Sequence[str]]) -> None:
        self._make = make

    @override
    def __getitem__(self, place: Any) -> Any:
        return self._make()[place]

    @override
    def __len__(self) -> int:
        return len(self._make())


class _Brings:
    """An extension of these lists."""

    def __init__(self, lists: Mapping[str, Any]) -> None:
        self._lists = lists

    @hookimpl
    def wildcards(self) -> Mapping[str, Any]:
        return self._lists


def _studio(**extensions: Mapping[str, Any]) -> StudioExtensions:
    host = HookHost()
    for name, lists in extensions.items():
        host.register(_Brings(lists), name)
    studio = StudioExtensions(host)
    studio.access = lambda _: None  # type: ignore[assignment, return-value]  # nobody asks for it
    return studio


def _texts(studio: StudioExtensions, name: str) -> list[float]:
    return [option.weight for option in WildcardStore(studio.wildcards).entries()(name)]


def test_a_list_is_read_when_it_is_named_and_not_before() -> None:
    made: list[str] = []

    def make() -> list[str]:
        made.append("made")
        return ["red", "0.5::blue # deep", "  "]

    studio = _studio(book={"late": _Late(make), "now": ["one"]})
    store = WildcardStore(studio.wildcards)
    assert (store.names(), made) == (("book/late", "book/now"), [])
    assert _texts(studio, "book/late") == [1, 0.5]
    assert set(made) == {"made"}


def test_easels_own_have_no_prefix_and_count_before_one_of_the_same_name() -> None:
    own = {"book/tone": ["7::mine"]}
    studio = _studio(book={"tone": ["theirs"]}, **{"easel.files": own})
    assert WildcardStore(studio.wildcards).names() == ("book/tone",)
    studio = _studio(**{"easel.files": own}, book={"tone": ["theirs"]})
    assert _texts(studio, "book/tone") == [7]


@pytest.mark.parametrize("lists", [{"odd": 3}, {"odd": "text"}, {"odd": [3]}, {3: ["x"]}, 5])
def test_what_is_no_list_leaves_the_extension_out_and_names_it(lists: Any) -> None:
    studio = _studio(bad=lists, good={"tone": ["x"]})
    assert WildcardStore(studio.wildcards).names() == ("good/tone",)
    assert [f.extension for f in studio.host.failures()] == ["bad"]


def test_what_fails_when_it_is_read_refuses_the_order_with_the_extensions_name() -> None:
    def fails() -> list[str]:
        raise RuntimeError("no words")

    def says() -> list[str]:
        raise BadRequest("The shop is closed on Sundays.")

    lists = {"fails": _Late(fails), "says": _Late(says), "odd": _Late(lambda: [3])}  # type: ignore[list-item]
    studio = _studio(book=lists)
    with pytest.raises(
        HookFailed, match=r"'book' failed in its wildcard 'fails': no words\. Repair"
    ):
        _texts(studio, "book/fails")
    with pytest.raises(HookFailed, match="3 was given; a str was expected"):
        _texts(studio, "book/odd")
    with pytest.raises(BadRequest, match=r"^The shop is closed on Sundays\.$"):
        _texts(studio, "book/says")
    assert {f.hook for f in studio.host.failures()} == {"wildcards"}
