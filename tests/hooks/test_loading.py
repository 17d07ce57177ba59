"""An extension's modules come in under names of their own, and go again without a trace."""

from __future__ import annotations

import importlib
import json
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.hooks.writing import write_extension
from tests.workers.listening import SECONDS
from webui.contracts.errors import BadExtension
from webui.hooks.loading import ExtensionBroke, guarded, load_arguments, load_module, unload
from webui.hooks.manifest import read_manifest


def test_a_module_imports_its_neighbours_and_no_name_is_taken(tmp_path: Path) -> None:
    folder = write_extension(
        tmp_path, "json", studio="from .arguments import Model\nVALUE = 3\n",
        arguments="from pydantic import BaseModel\n\nclass Model(BaseModel):\n    pass\n",
    )  # fmt: skip
    manifest = read_manifest(folder)
    module = load_module(manifest, "studio")
    assert (module.VALUE, module.__name__) == (3, "easel_extensions.json.studio")
    assert load_arguments(manifest) is module.Model
    assert sys.modules["json"] is json
    unload("json")
    assert [name for name in sys.modules if name.startswith("easel_extensions.json")] == []


def test_new_code_of_the_same_folder_is_loaded_after_an_unload(tmp_path: Path) -> None:
    folder = write_extension(tmp_path, "fresh", studio="VALUE = 1\n")
    assert load_module(read_manifest(folder), "studio").VALUE == 1
    unload("fresh")
    (folder / "studio.py").write_text("VALUE = 22\n")
    assert load_module(read_manifest(folder), "studio").VALUE == 22


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise RuntimeError('not today')", "RuntimeError: not today"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("def (", "SyntaxError"),
        ("import studio.words", "No module named 'studio'. It lies beside this module: from .studio import ..."),
        ("import sys\nimport types\nsys.modules['json'] = types.ModuleType('json')", "replaced or removed modules of the program (json)"),
        ("import sys\ndel sys.modules['json']", "(json)"),
        ("while True:\n    pass_the_time = sum(range(1000))\n    import time\n    time.sleep(0.01)", "did not come to an end"),
    ],
)  # fmt: skip
def test_an_import_that_goes_wrong_is_told_and_leaves_nothing_behind(
    tmp_path: Path, code: str, said: str
) -> None:
    manifest = read_manifest(write_extension(tmp_path, "bad", studio=code))
    with pytest.raises(ExtensionBroke) as caught:
        load_module(manifest, "studio", seconds=0.3 if "did not come" in said else SECONDS)
    assert said in str(caught.value)
    assert sys.modules["json"] is json
    assert [name for name in sys.modules if name.startswith("easel_extensions.bad")] == []


def test_arguments_that_are_no_model_are_refused(tmp_path: Path) -> None:
    manifest = read_manifest(write_extension(tmp_path, "bad", studio="", arguments="Model = 3\n"))
    with pytest.raises(BadExtension, match=r"is 3; a class derived from pydantic\.BaseModel"):
        load_arguments(manifest)


def test_what_another_thread_imports_meanwhile_is_not_blamed_on_an_extension(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries that import lazily, such as transformers, put another module in their own place."""
    (tmp_path / "easel_lazy.py").write_text(
        "import sys, time, types\ntime.sleep(0.2)\nsys.modules[__name__] = types.ModuleType(__name__)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    manifest = read_manifest(
        write_extension(tmp_path, "slow", studio="import time\ntime.sleep(0.4)\nVALUE = 1\n")
    )
    other = threading.Thread(target=lambda: importlib.import_module("easel_lazy"))
    other.start()
    while "easel_lazy" not in sys.modules:
        time.sleep(0.001)
    assert load_module(manifest, "studio").VALUE == 1
    other.join()
    unload("slow")
    del sys.modules["easel_lazy"]


STUCK = "import time\nwhile True:\n    time.sleep(0.01)\n"


def test_an_import_that_never_ended_is_waited_for_once_and_its_repaired_code_is_loaded_at_once(
    tmp_path: Path,
) -> None:
    folder = write_extension(tmp_path, "tarried", studio=STUCK)
    manifest = read_manifest(folder)
    with pytest.raises(ExtensionBroke, match=r"did not come to an end within 0\.2 s"):
        load_module(manifest, "studio", seconds=0.2)
    started = time.monotonic()
    with pytest.raises(ExtensionBroke, match="an earlier call of it still goes on, and its files"):
        load_module(manifest, "studio", seconds=SECONDS)
    (folder / "studio.py").write_text("from .about import VALUE\n")
    (folder / "about.py").write_text("VALUE = 5\n")
    module = load_module(manifest, "studio", seconds=SECONDS)
    assert time.monotonic() - started < SECONDS / 2
    assert (module.VALUE, module.__name__) == (5, "easel_extensions.tarried-2.studio")
    unload("tarried")
    assert [n for n in sys.modules if n.startswith("easel_extensions.tarried")] == []


def test_an_import_that_was_late_may_be_tried_again(tmp_path: Path) -> None:
    go = tmp_path / "go"
    waits = f"import os, time\nwhile not os.path.exists({str(go)!r}):\n    time.sleep(0.01)\nVALUE = 1\n"
    manifest = read_manifest(write_extension(tmp_path, "late", studio=waits))
    before = set(threading.enumerate())
    with pytest.raises(ExtensionBroke, match="did not come to an end"):
        load_module(manifest, "studio", seconds=0.1)
    go.touch()
    for thread in set(threading.enumerate()) - before:
        thread.join(SECONDS)
    assert load_module(manifest, "studio", seconds=SECONDS).VALUE == 1
    unload("late")


def test_an_extension_is_taken_out_while_other_threads_import() -> None:
    over = threading.Event()

    def imports() -> None:
        count = 0
        while not over.is_set():
            count += 1
            sys.modules[f"easel_churn{count}"] = sys
            if count % 50 == 0:
                for name in [n for n in list(sys.modules) if n.startswith("easel_churn")]:
                    del sys.modules[name]

    thread = threading.Thread(target=imports)
    thread.start()
    try:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            unload("nothing")
    finally:
        over.set()
        thread.join()
        for name in [n for n in list(sys.modules) if n.startswith("easel_churn")]:
            del sys.modules[name]


def test_an_import_of_another_thread_that_ends_meanwhile_is_nobody_s_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "a_module_that_puts_another_in_its_place"
    whole = ModuleType(name)

    class Finishing(ModuleType):
        """Its import ends in the moment in which it is looked at."""

        def __getattribute__(self, attribute: str) -> Any:
            if attribute == "__spec__":
                sys.modules[name] = whole
            return super().__getattribute__(attribute)

    monkeypatch.setitem(sys.modules, name, Finishing(name))
    assert guarded("odd", lambda: 7) == 7
    assert sys.modules[name] is whole
