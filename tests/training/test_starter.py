"""Everything in the box."""

from importlib import import_module
from pathlib import Path

import pytest

from webui.cli import TRAINERS
from webui.training import starter
from webui.training.command import TrainingRefused
from webui.training.starter import Step


def test_every_kind_can_be_trained_by_itself_under_the_same_name() -> None:
    planned = {step.kind: step.module for step in starter.STEPS}
    assert planned == {k: m for k, m in TRAINERS.items() if k != "starter"}
    for module in planned.values():
        assert callable(import_module(module).main)


def test_both_controlnets_and_both_loras_are_made() -> None:
    names = [step.name for step in starter.STEPS]
    assert {"controlnet-edges", "controlnet-classes", "lora-lighthouse", "lora-linocut"} <= {*names}
    for i, step in enumerate(starter.STEPS):  # in an order in which one has what it needs
        assert set(step.after) <= {*names[:i]}


def test_all_kinds_are_trained_in_order_below_one_folder_with_the_budget_shared_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[str]] = []

    def train(flags: list[str]) -> int:
        asked.append(flags)
        return 0

    for step in starter.STEPS:
        monkeypatch.setattr(import_module(step.module), "main", train)
    minutes = str(2 * len(starter.STEPS))
    assert starter.main(["--recipe", "cpu", "--minutes", minutes, "--work", str(tmp_path)]) == 0
    assert len(asked) == len(starter.STEPS)
    assert {Path(flags[-1]).parent for flags in asked} == {tmp_path}
    assert all(flags[flags.index("--minutes") + 1] == "2.0" for flags in asked)
    assert ["--hint", "classes"] in [flags[:2] for flags in asked]


def test_only_some_can_be_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []

    def train(flags: list[str]) -> int:
        asked.append(flags[-1])
        return 0

    for step in starter.STEPS:
        monkeypatch.setattr(import_module(step.module), "main", train)
    work = ["--work", str(tmp_path)]
    assert starter.main(["--recipe", "cpu", "--only", "depth,turbo", *work]) == 0
    assert [Path(folder).name for folder in asked] == ["turbo", "depth"]
    with pytest.raises(TrainingRefused, match="--only names nonsense; expected some of judge,"):
        starter.main(["--recipe", "cpu", "--only", "nonsense,depth"])


def test_the_first_kind_that_fails_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first = import_module(starter.STEPS[0].module)
    monkeypatch.setattr(first, "main", lambda _flags: 3)
    assert starter.main(["--recipe", "cpu"]) == 3


_MODULE = """
import pathlib, sys, time
work, name = pathlib.Path(sys.argv[-1]), __name__
open(f"{{work}}.began", "w").write(str(time.time()))
other, until = {{"a": "b", "b": "a"}}.get(work.name), time.monotonic() + 40
time.sleep(0.5)
while other and not work.with_name(f"{{other}}.began").exists() and time.monotonic() < until:
    time.sleep(0.01)
open(f"{{work}}.ended", "w").write(str(time.time()))
raise SystemExit({status})
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two programs that training could be: one does well, one fails."""
    (tmp_path / "does_well.py").write_text(_MODULE.format(status=0))
    (tmp_path / "fails.py").write_text(_MODULE.format(status=1))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "work"


def _time(file: Path) -> float:
    return float(file.read_text())


def test_on_a_gpu_kinds_run_beside_one_another_once_they_have_what_they_need(
    programs: Path,
) -> None:
    steps = (
        Step("first", "does_well", after=()),
        Step("a", "does_well", after=("first",)),
        Step("b", "does_well", after=("first", "not planned")),
    )
    assert starter.run_beside(steps, [], programs) == 0
    for name in ("a", "b"):
        assert _time(programs / f"{name}.began") >= _time(programs / "first.ended")
    assert _time(programs / "a.began") < _time(programs / "b.ended")
    assert _time(programs / "b.began") < _time(programs / "a.ended")
    assert (programs / "first.log").exists()


def test_a_failure_stops_only_what_needs_it(programs: Path) -> None:
    steps = (
        Step("bad", "fails", after=()),
        Step("good", "does_well", after=()),
        Step("needs bad", "does_well", after=("bad",)),
        Step("needs good", "does_well", after=("good",)),
    )
    assert starter.run_beside(steps, [], programs) == 1
    assert not (programs / "needs bad.began").exists()
    assert (programs / "needs good.ended").exists()
