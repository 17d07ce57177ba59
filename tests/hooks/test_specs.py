"""Every extension point is documented, and says where it runs and what an error does."""

from __future__ import annotations

import inspect

import pytest

from webui.hooks import specs
from webui.hooks.points import DECLARED, FACTS, facts_of

_ANNOUNCED = {"observe"}
"""Kinds whose errors are told of once, at the head of the file."""


def test_every_function_of_the_file_is_a_point_of_a_known_kind_and_process() -> None:
    marked = {n for n, f in vars(specs).items() if hasattr(f, f"{specs.PROJECT}_spec")}
    assert marked == set(specs.POINTS)
    for point in specs.POINTS.values():
        assert point.kind in specs.KINDS
        assert point.process in ("studio", "worker")


@pytest.mark.parametrize("name", list(specs.POINTS))
def test_a_point_has_a_sentence_and_says_what_an_error_does(name: str) -> None:
    text = inspect.getdoc(getattr(specs, name)) or ""
    assert text.split("\n")[0].endswith((".", ";", ",", "it", "it.")) or len(text) > 40
    assert specs.POINTS[name].kind in _ANNOUNCED or "error" in text.lower()


@pytest.mark.parametrize("kind", specs.KINDS)
def test_each_kind_is_explained_at_the_head(kind: str) -> None:
    assert f"    {kind}" in (specs.__doc__ or "")


def test_a_change_is_given_the_value_first_and_the_arguments_last() -> None:
    for name, point in specs.POINTS.items():
        if point.kind in ("change", "wrap"):
            parameters = list(inspect.signature(getattr(specs, name)).parameters)
            assert parameters[-1] == "arguments", name
            assert parameters[0] in name or parameters[0] in (
                "guided",
                "pixels",
                "latent",
                "draft",
            ), name


@pytest.mark.parametrize("name", list(specs.POINTS))
def test_a_point_says_when_and_where_it_runs_what_it_may_change_and_what_an_error_does(
    name: str,
) -> None:
    facts = facts_of(getattr(specs, name))
    assert list(facts) == list(FACTS)
    assert facts["Where"] == f"the {specs.POINTS[name].process}."
    assert all(said.endswith(".") and len(said) > 8 for said in facts.values())


def test_the_list_names_every_signature_once() -> None:
    assert set(specs.NAMES) == set(DECLARED)
    assert len(set(specs.NAMES)) == len(specs.NAMES)
