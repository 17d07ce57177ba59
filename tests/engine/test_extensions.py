"""What extensions can do to a picture in the worker, and that nothing else is touched by it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.changing import POINTS, write_changing
from tests.engine.library import Library
from tests.engine.rig import Rig, order
from tests.hooks.writing import write_extension
from webui.contracts.messages import ExtensionFailed
from webui.engine.engine import EngineOptions
from webui.engine.work import Predict


@pytest.fixture
def changing(tmp_path: Path) -> Mapping[str, str]:
    """An extension that can change at every point."""
    return {"changing": str(write_changing(tmp_path))}


@pytest.mark.point(
    "change_conditioning",
    "change_latent",
    "change_guidance",
    "change_denoised",
    "change_sampled",
    "change_picture",
    "wrap_program",
)
def test_each_point_changes_the_picture_and_only_where_it_is_asked_to(
    library: Library, changing: Mapping[str, str]
) -> None:
    model = library.model("text")
    plain = Rig(model)
    plain.finish(order(model.checkpoint))
    wanted = plain.pictures("job")[0]
    rig = Rig(model)
    rig.engine.extensions.use(changing)
    said: dict[str, dict[str, object]] = {"silent": {}, "named": {"changing": {"which": "nothing"}}}
    said |= {point: {"changing": {"which": point}} for point in POINTS}
    for job, extensions in said.items():
        rig.finish(order(model.checkpoint, job, extensions=extensions))
    made = {job: rig.pictures(job)[0] for job in said}
    assert np.array_equal(made["silent"], wanted)
    assert np.array_equal(made["named"], wanted)
    assert np.array_equal(made["picture"], 255 - wanted)
    assert np.array_equal(made["program"], wanted[::-1])
    changed = [point for point in POINTS if not np.array_equal(made[point], wanted)]
    assert changed == list(POINTS)
    rig.engine.extensions.use({})
    rig.finish(order(model.checkpoint, "after"))
    assert np.array_equal(rig.pictures("after")[0], wanted)


def test_a_latent_is_what_the_sampler_goes_on_from(
    library: Library, changing: Mapping[str, str]
) -> None:
    """Euler's second step begins where the first ended, which the change of the first moved."""
    model = library.model("text")
    rig = Rig(model)
    rig.engine.extensions.use(changing)
    fields: dict[str, Any] = {"sampler": "Euler", "steps": 2, "guidance_scale": 1.0}
    rig.finish(order(model.checkpoint, "plain", **fields))
    first = [work.x for work in rig.works(Predict)]
    rig.batches.clear()
    rig.finish(
        order(model.checkpoint, "moved", extensions={"changing": {"which": "latent"}}, **fields)
    )
    second = [work.x for work in rig.works(Predict)]
    assert not np.allclose(second[0], first[0])
    assert not np.allclose(second[1], first[1])


METHODS = """
from webui.contracts.choices import SamplerInfo
from webui.engine.samplers.common import steps
from webui.hooks.specs import hookimpl

INFO = SamplerInfo("Straight", (), "Karras", False, 1)

def straight(denoise, x, sigmas, noise, options):
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        x = denoised + (x - denoised) * (following / sigma)
    return x

@hookimpl
def sampler_functions():
    return {INFO: straight}

@hookimpl
def schedule_functions():
    return {"Even": lambda levels, steps, span=None: [levels.sigma_max * (1 - i / steps) for i in range(steps + 1)]}
"""


@pytest.mark.point("sampler_functions", "schedule_functions")
def test_a_sampler_and_a_schedule_of_an_extension_draw(library: Library, tmp_path: Path) -> None:
    model = library.model("text")
    rig = Rig(model)
    rig.engine.extensions.use({"own": str(write_extension(tmp_path, "own", worker=METHODS))})
    rig.finish(
        order(model.checkpoint, "core", sampler="Euler", schedule="Karras"),
        order(model.checkpoint, "own", sampler="own/Straight"),
        order(model.checkpoint, "even", sampler="own/Straight", schedule="own/Even"),
        order(model.checkpoint, "typo", sampler="own/Crooked"),
    )
    assert np.array_equal(rig.pictures("own")[0], rig.pictures("core")[0])
    assert not np.array_equal(rig.pictures("even")[0], rig.pictures("core")[0])
    assert "no sampler 'own/Crooked'" in rig.error("typo")


SAMPLERS = {
    "    raise ValueError('lost my way')\n": "lost my way",
    "    return None\n": "None was given; a Tensor was expected",
    "    return x[..., :1]\n": "was expected",
}
"""Ends of a sampler that do not do, and what is said of each."""


@pytest.mark.parametrize(("end", "said"), SAMPLERS.items())
def test_a_sampler_that_raises_or_gives_no_latent_is_named(
    library: Library, tmp_path: Path, end: str, said: str
) -> None:
    model = library.model("text")
    rig = Rig(model)
    code = METHODS.replace("    return x\n", end)
    rig.engine.extensions.use({"own": str(write_extension(tmp_path, "own", worker=code))})
    rig.finish(order(model.checkpoint, sampler="own/Straight"), order(model.checkpoint, "other"))
    assert rig.ends() == {"job": "failed", "other": "done"}
    assert "The extension 'own' failed in its sampler 'Straight': " in rig.error("job")
    assert said in rig.error("job")
    assert [(e.extension, e.hook) for e in rig.events if isinstance(e, ExtensionFailed)] == [
        ("own", "sampler_functions")
    ]


SCHEDULES = {
    "1 / 0": "division by zero",
    "None": "'NoneType' object is not iterable",
    "[9.0, 5.0, 1.0, 0.0]": "4 noise levels were given (9, 5, 1, 0); 5 that fall",
    "[9.0, 5.0, 5.0, 1.0, 0.0]": "5 noise levels were given (9, 5, 5, 1, 0); 5 that fall",
    "[9.0, 5.0, 2.0, 1.0, 0.5]": "the last of them 0, were expected",
    "[9.0, 5.0, float('nan'), 1.0, 0.0]": "(9, 5, nan, 1, 0)",
    "[float('inf'), 5.0, 2.0, 1.0, 0.0]": "(inf, 5, 2, 1, 0)",
}
"""What a schedule may do or give that no sampler can walk, and what is said of it."""


@pytest.mark.parametrize(("gives", "said"), SCHEDULES.items())
def test_a_schedule_that_raises_or_gives_no_levels_is_named(
    library: Library, tmp_path: Path, gives: str, said: str
) -> None:
    model = library.model("text")
    rig = Rig(model)
    code = METHODS.replace("[levels.sigma_max * (1 - i / steps) for i in range(steps + 1)]", gives)
    rig.engine.extensions.use({"own": str(write_extension(tmp_path, "own", worker=code))})
    rig.finish(order(model.checkpoint, schedule="own/Even"), order(model.checkpoint, "other"))
    assert rig.ends() == {"job": "failed", "other": "done"}
    assert "The extension 'own' failed in its schedule 'Even': " in rig.error("job")
    assert said in rig.error("job")
    assert [(e.extension, e.hook) for e in rig.events if isinstance(e, ExtensionFailed)] == [
        ("own", "schedule_functions")
    ]


RAISES = """
from webui.hooks.specs import hookimpl

@hookimpl
def {hook}({argument}):
    {act}

def around(program):
    yield from program
    raise ValueError("no more")
"""


@pytest.mark.parametrize(
    ("hook", "argument", "act", "said"),
    [
        (
            "change_latent",
            "latent",
            "raise ValueError('too noisy')",
            "change the latent: too noisy",
        ),
        ("change_denoised", "denoised", "return 'soup'", "Tensor was expected"),
        ("change_denoised", "denoised", "return denoised[..., :1]", "tensor of shape"),
        ("change_picture", "pixels", "return pixels[..., 0]", "of uint8 was expected"),
        ("wrap_program", "program", "return 3", "a generator was expected"),
        ("wrap_program", "program", "return around(program)", "failed in its program: no more"),
        ("wrap_program", "program", "return iter_nothing(program)", "iter_nothing"),
    ],
)
def test_an_extension_that_fails_fails_the_jobs_that_name_it_and_no_other(
    library: Library, tmp_path: Path, hook: str, argument: str, act: str, said: str
) -> None:
    model = library.model("text")
    code = RAISES.format(hook=hook, argument=argument, act=act)
    rig = Rig(model)
    rig.engine.extensions.use({"bad": str(write_extension(tmp_path, "bad", worker=code))})
    rig.finish(
        order(model.checkpoint, "with", extensions={"bad": {}}), order(model.checkpoint, "without")
    )
    assert rig.ends() == {"with": "failed", "without": "done"}
    assert "The extension 'bad' failed" in rig.error("with")
    assert said in rig.error("with")
    assert [e.extension for e in rig.events if isinstance(e, ExtensionFailed)] == ["bad"]


def test_an_error_of_the_picture_itself_is_not_blamed_on_a_wrapper(
    library: Library, tmp_path: Path
) -> None:
    wrapper = "from webui.hooks.specs import hookimpl\n\n@hookimpl\ndef wrap_program(program):\n    return (yield from program)\n"
    model = library.model("text")
    rig = Rig(model)
    rig.engine.extensions.use({"calm": str(write_extension(tmp_path, "calm", worker=wrapper))})
    rig.finish(order(model.checkpoint, sampler="gone/Sampler", extensions={"calm": {}}))
    assert "no sampler 'gone/Sampler'" in rig.error("job")
    assert "calm" not in rig.error("job")


def test_a_request_that_names_what_is_not_there_fails_with_its_name(library: Library) -> None:
    model = library.model("text")
    rig = Rig(model)
    rig.finish(order(model.checkpoint, extensions={"gone": {}}))
    assert "names the extension 'gone'" in rig.error("job")


def test_one_that_cannot_be_loaded_is_named_and_the_others_are_there(
    library: Library, tmp_path: Path
) -> None:
    model = library.model("text")
    rig = Rig(model)
    folders = {
        "broken": write_extension(tmp_path, "broken", worker="raise RuntimeError('not today')"),
        "own": write_extension(tmp_path, "own", worker=METHODS),
    }
    rig.engine.extensions.use({name: str(folder) for name, folder in folders.items()})
    rig.finish(order(model.checkpoint, sampler="own/Straight"))
    assert rig.ends() == {"job": "done"}
    failed = [e for e in rig.events if isinstance(e, ExtensionFailed)]
    assert [(e.extension, e.hook) for e in failed] == [("broken", "import")]
    assert "not today" in failed[0].message
    assert "worker.py" in failed[0].trace


def test_nobody_waits_for_ever_for_an_import_in_the_worker(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.hooks.loading.IMPORT_SECONDS", 0.3)
    code = "import time\nwhile True:\n    time.sleep(0.02)\n"
    model = library.model("text")
    rig = Rig(model)
    folders = {
        "stuck": str(write_extension(tmp_path, "stuck", worker=code)),
        "own": str(write_extension(tmp_path, "own", worker=METHODS)),
    }
    rig.engine.use_extensions(folders)
    rig.finish(order(model.checkpoint, sampler="own/Straight"))
    assert rig.ends() == {"job": "done"}
    (failed,) = [e for e in rig.events if isinstance(e, ExtensionFailed)]
    assert (failed.extension, failed.hook) == ("stuck", "import")
    assert "did not come to an end within 0.3 s" in failed.message


OBSERVES = """
from pathlib import Path
from webui.hooks.specs import hookimpl

HEARD = Path(__file__).with_name("heard.txt")

@hookimpl
def step_taken(step, order):
    with HEARD.open("a") as heard:
        heard.write(f"{step} of {order.request.steps}\\n")
    if step == 3:
        raise RuntimeError("enough")
"""


def test_steps_are_told_and_an_observer_that_fails_changes_nothing(
    library: Library, tmp_path: Path
) -> None:
    model = library.model("text")
    rig = Rig(model)
    folder = write_extension(tmp_path, "ears", worker=OBSERVES)
    rig.engine.extensions.use({"ears": str(folder)})
    plain = order(model.checkpoint)
    rig.finish(plain)  # it hears of every picture, as every observer
    assert rig.engine.extensions.host.settle()
    heard = (folder / "heard.txt").read_text().splitlines()
    assert (heard, rig.ends()) == ([f"{i} of 4" for i in (1, 2, 3, 4)], {"job": "done"})
    failures = rig.engine.extensions.host.failures()
    assert [(f.hook, f.message) for f in failures] == [("step_taken", "RuntimeError: enough")]


VERSION = """
from webui.hooks.specs import hookimpl

@hookimpl
def change_picture(pixels):
    from .value import VALUE
    return pixels * 0 + VALUE
"""


def _versioned(folder: Path, value: int) -> dict[str, str]:
    """An extension whose pictures are of one value, which it imports late."""
    made = write_extension(folder, "versioned", worker=VERSION)
    (made / "value.py").write_text(f"VALUE = {value}\n")
    return {"versioned": str(made)}


@pytest.mark.parametrize("change", ["reloaded", "disabled"])
def test_a_job_goes_on_with_the_extension_that_it_began_with(
    library: Library, tmp_path: Path, change: str
) -> None:
    model = library.model("text")
    rig = Rig(model, options=EngineOptions(pictures_at_once=1))
    rig.engine.use_extensions(_versioned(tmp_path / "first", 17))
    named: dict[str, Any] = {"extensions": {"versioned": {}}}
    rig.engine.start(order(model.checkpoint, "old", count=2, **named))
    rig.tick_until(lambda: len(rig.steps("old")) > 1)
    new = _versioned(tmp_path / "second", 18) if change == "reloaded" else {}
    rig.engine.use_extensions(new)
    rig.finish(order(model.checkpoint, "new", **named))
    assert [int(each.max()) for each in rig.pictures("old")] == [17, 17]
    if change == "disabled":
        assert "names the extension 'versioned'" in rig.error("new")
        assert not [each for each in sys.modules if each.startswith("easel_extensions.versioned")]
    else:
        assert int(rig.pictures("new")[0].max()) == 18
        kept = {
            each.split(".")[1]
            for each in sys.modules
            if each.startswith("easel_extensions.versioned")
        }
        assert len(kept) == 1
    rig.engine.use_extensions({})
