"""What is installed is what is pinned, and all of what is needed is pinned."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[2]
OF_A_CUDA_BUILD = ("nvidia-", "cuda-", "triton")
"""torch pins these itself, exactly; a CPU build needs none of them."""
LEFT_OUT = {"torchvision", "timm", "ftfy"}
"""What the packages that are installed alone ask for and do without."""


def pins(name: str) -> list[Requirement]:
    lines = (REPOSITORY / name).read_text("utf-8").splitlines()
    return [
        Requirement(text)
        for line in lines
        if (text := line.split(" #")[0].strip()) and text[0] != "#"
    ]


def pinned() -> dict[str, Requirement]:
    """The pins that count on this Python and system, by name."""
    wanted = [
        pin for pin in pins("requirements.txt") if pin.marker is None or pin.marker.evaluate()
    ]
    assert len({canonicalize_name(pin.name) for pin in wanted}) == len(wanted)
    return {canonicalize_name(pin.name): pin for pin in wanted}


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-alone.txt", "requirements-dev.txt"]
)
def test_every_line_is_an_exact_pin(name: str) -> None:
    assert [
        str(pin) for pin in pins(name) if not re.fullmatch(r"==[^*]+", str(pin.specifier))
    ] == []


def test_the_installed_versions_are_the_pinned_ones() -> None:
    for name, pin in pinned().items():
        assert pin.specifier.contains(metadata.version(name)), name


def test_whatever_a_pinned_package_needs_is_pinned() -> None:
    wanted = pinned()
    for name in wanted:
        for text in metadata.requires(name) or []:
            need = Requirement(text)
            counts = need.marker is None or need.marker.evaluate({"extra": ""})
            if counts and not need.name.startswith(OF_A_CUDA_BUILD):
                assert canonicalize_name(need.name) in wanted, f"{name} needs {need}"


def test_a_package_that_is_installed_alone_needs_it_and_lacks_nothing_else() -> None:
    wanted = pinned()
    for pin in pins("requirements-alone.txt"):
        assert pin.specifier.contains(metadata.version(pin.name)), pin.name
        texts = metadata.requires(pin.name) or []
        needs = {
            canonicalize_name(need.name)
            for need in map(Requirement, texts)
            if need.marker is None or need.marker.evaluate({"extra": ""})
        }
        assert needs & LEFT_OUT, f"{pin.name} can stand in requirements.txt"
        assert needs - LEFT_OUT <= set(wanted), pin.name


def test_torchvision_stays_away() -> None:
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("torchvision")
