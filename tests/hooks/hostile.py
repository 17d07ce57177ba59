"""Extensions that mean harm or are broken, in both processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.hooks.writing import write_extension
from webui.hooks.specs import POINTS

_IMPORT = "from webui.hooks.specs import hookimpl\n"


def _every(process: str, body: str, *kinds: str) -> str:
    """Each hook of a process that is of one of the kinds, or of any."""
    return _IMPORT + "\n".join(
        f"@hookimpl\ndef {name}():\n    {body.format(name)}\n"
        for name, point in POINTS.items()
        if point.process == process and (not kinds or point.kind in kinds)
    )


_LOOPS = """
import time
from webui.hooks.specs import hookimpl

@hookimpl
def {0}():
    while True:
        time.sleep(0.02)
"""
_NEVER_TELLS = """
import time
from webui.hooks.specs import hookimpl

@hookimpl
def picture_metadata():
    while True:
        time.sleep(0.02)
"""
_ASYNC = """
from webui.hooks.specs import hookimpl

@hookimpl
async def job_changed():
    pass
"""
_NAMES_OUTSIDE = """
from webui.hooks.specs import hookimpl

@hookimpl
def picture_file_name():
    return "../outside"
"""
_TAKES_EULER = """
from webui.contracts.choices import SamplerInfo
from webui.hooks.specs import hookimpl

@hookimpl
def sampler_functions():
    return {SamplerInfo("Euler", (), "Karras", False, 1): lambda *_: iter(())}
"""
_TAKES_NAMES = """
from webui.contracts.palettes import Palette
from webui.hooks.specs import hookimpl

@hookimpl
def upscalers():
    return {"Lanczos": "Not Easel's."}

@hookimpl
def palettes():
    return {"World": Palette(("sky",), ((1, 2, 3),))}
"""
_TAKES_NAMES_THERE = """
from webui.hooks.specs import hookimpl

def black(pixels, width, height):
    return pixels * 0

@hookimpl
def upscaler_functions():
    return {"Lanczos": black}
"""
_CLAIMS_ALL = """
from webui.hooks.specs import hookimpl
from webui.weights.signatures.facts import Facts

@hookimpl
def families():
    return {"sd1": lambda file: Facts("text", "epsilon", 4, 8, 64)}
"""
_LOADS_NONE = """
from webui.hooks.specs import hookimpl

def load(checkpoint, place):
    raise RuntimeError("I only wanted to have it")

@hookimpl
def family_loaders():
    return {"sd1": load}
"""
_SWAPS_WHEN_ASKED = """
import sys
from webui.hooks.specs import hookimpl

@hookimpl
def {0}():
    sys.modules["{1}"] = None
    return {{}}
"""
_INSTALLS = """
import subprocess
import sys

try:
    subprocess.run([sys.executable, "-m", "pip", "install", "--no-index", "torch==1.0"])
except Exception:
    pass
"""
HOSTILE: Mapping[str, Mapping[str, object]] = {
    "at_import": {"studio": "raise RuntimeError('at import')", "worker": "raise RuntimeError('there, too')"},
    "at_import_there": {"worker": "raise RuntimeError('at import')"},
    "claims_all": {"studio": _CLAIMS_ALL, "worker": _LOADS_NONE},
    "every_hook": {"studio": _every("studio", "raise RuntimeError('in {0}')"),
                   "worker": _every("worker", "raise RuntimeError('in {0}')")},
    "for_ever": {"studio": _LOOPS.format("job_changed"), "worker": _LOOPS.format("step_taken")},
    "async_hooks": {"studio": _ASYNC},
    "async_hooks_there": {"worker": _ASYNC.replace("job_changed", "step_taken")},
    "import_for_ever": {"studio": "import time\nwhile True:\n    time.sleep(0.02)\n"},
    "never_tells": {"studio": _NEVER_TELLS},
    "installs": {"studio": _INSTALLS},
    "installs_there": {"worker": _INSTALLS},
    "odd_answers": {"studio": _every("studio", "return 3", "collect"), "worker": _every("worker", "return 3")},
    "names_outside": {"studio": _NAMES_OUTSIDE},
    "old_torch": {"studio": "", "needs": ["torch==1.0"]},
    "outside": {"studio": "", "name": "../outside"},
    "swapper": {"studio": "import sys\nsys.modules['json'] = None\n"},
    "swapper_there": {"worker": "import sys\nsys.modules['torch'] = None\n"},
    "swapper_asked": {"studio": _SWAPS_WHEN_ASKED.format("palettes", "json")},
    "swapper_asked_there": {"worker": _SWAPS_WHEN_ASKED.format("family_loaders", "torch")},
    "taken_choices": {"studio": _TAKES_NAMES, "worker": _TAKES_NAMES_THERE},
    "taken_name": {"studio": _every("studio", "raise RuntimeError('in {0}')"), "name": "every_hook"},
    "taken_sampler": {"worker": _TAKES_EULER},
}  # fmt: skip
"""By folder."""
REFUSED = {
    "async_hooks",
    "at_import",
    "import_for_ever",
    "installs",
    "old_torch",
    "outside",
    "swapper",
    "swapper_asked",
    "taken_name",
}
"""Those that the studio cannot load."""
SWITCHED_OFF = {"never_tells"}
"""Those that it can, and switches off once they are asked."""


def write_hostile(folder: Path) -> tuple[str, ...]:
    """Put the set into a folder of extensions; gives its names."""
    for name, parts in HOSTILE.items():
        write_extension(folder, name, **parts)  # type: ignore[arg-type]
    return tuple(HOSTILE)
