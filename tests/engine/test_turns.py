"""Groups of work share the machine by time, whoever comes and goes."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace

import pytest

from webui.engine.turns import WORST, Candidate, Turns


@dataclass(frozen=True)
class Kind:
    """A group whose batches are all alike."""

    group: Candidate
    seconds: float


def kind(name: str, seconds: float, share: float = 1.0) -> Kind:
    return Kind(Candidate(name, f"kind of {name}", 2, share), seconds)


def run(turns: Turns, kinds: list[Kind]) -> Kind:
    """One turn of whoever's it is."""
    chosen = turns.next([each.group for each in kinds])
    found = next(each for each in kinds if each.group is chosen)
    turns.charge(chosen, chosen.rows, found.seconds)
    return found


def known(kinds: list[Kind]) -> Turns:
    """Turns that have seen each kind once."""
    turns = Turns()
    for each in kinds:
        run(turns, [each])
    turns.forget()
    return turns


@pytest.mark.parametrize("seed", range(20))
def test_while_one_waits_no_other_gets_more_than_two_turns_of_equal_time(seed: int) -> None:
    """Of any number of groups of unequal cost, that come and go as they like."""
    draw = random.Random(seed)
    everyone = [kind(f"group {i}", draw.choice([1.0, 1.0, 2.5, 7.0, 30.0])) for i in range(12)]
    turns = known(everyone)
    here = everyone[:4]
    given: dict[str, dict[str, float]] = {}  # by who waits: the seconds that each other was given
    for _ in range(2000):
        if draw.random() < 0.1:
            here = [each for each in everyone if draw.random() < 0.6] or everyone[:1]
        names = {str(each.group.key) for each in here}
        given = {name: given.get(name, defaultdict(float)) for name in names}
        ran = run(turns, here)
        name = str(ran.group.key)
        given[name] = defaultdict(float)
        for waiting, others in given.items():
            if waiting != name:
                others[name] += ran.seconds
        for each in here:
            for other in here:
                got = given[str(each.group.key)][str(other.group.key)]
                assert got <= each.seconds + other.seconds + 1e-9


def test_equal_groups_go_in_turn() -> None:
    kinds = [kind(name, 1.0) for name in "abc"]
    turns = known(kinds)
    assert "".join(str(run(turns, kinds).group.key) for _ in range(9)) == "abcabcabc"


def test_time_is_shared_and_not_turns() -> None:
    kinds = [kind("cheap", 1.0), kind("dear", 9.0)]
    turns = known(kinds)
    names = [run(turns, kinds).group.key for _ in range(200)]
    assert names.count("cheap") == pytest.approx(9 * names.count("dear"), abs=9)


def test_a_share_of_four_gets_four_times_the_time() -> None:
    kinds = [kind("live", 1.0, share=4.0), kind("normal", 1.0)]
    turns = known(kinds)
    names = [run(turns, kinds).group.key for _ in range(500)]
    assert names.count("live") == pytest.approx(400, abs=2)


def test_a_flood_of_new_groups_does_not_keep_an_old_one_waiting() -> None:
    old = kind("old", 3.0)
    new = [Kind(Candidate(f"new {i}", "kind of new", 2), 1.0) for i in range(50)]
    turns = known([old, new[0]])
    waited = 0.0
    run(turns, [old])
    for each in new:
        ran = run(turns, [old, each])
        if ran is old:
            break
        waited += ran.seconds
    assert waited <= 2 * old.seconds


def test_work_of_an_unknown_kind_is_tried_at_once() -> None:
    kinds = [kind("a", 1.0), kind("b", 1.0)]
    turns = known(kinds)
    for _ in range(5):
        run(turns, kinds)
    fresh = kind("fresh", 5.0)
    assert run(turns, [*kinds, fresh]) is fresh


def test_a_stall_is_nobodys_debt() -> None:
    kinds = [kind("a", 1.0), kind("b", 1.0)]
    turns = known(kinds)
    run(turns, [replace(kinds[0], seconds=100.0)])
    names = [run(turns, kinds).group.key for _ in range(10)]
    assert names.index("a") <= WORST + 1


def test_a_turn_that_was_not_timed_counts_as_usual() -> None:
    kinds = [kind("a", 2.0), kind("b", 1.0)]
    turns = known(kinds)
    names = []
    for _ in range(300):
        chosen = turns.next([each.group for each in kinds])
        turns.charge(chosen, chosen.rows, None)
        names.append(chosen.key)
    assert names.count("b") == pytest.approx(200, abs=3)
