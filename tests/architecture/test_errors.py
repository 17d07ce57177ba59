"""Every error class is raised somewhere, and none lives outside its tree unnoticed."""

from __future__ import annotations

import re
from pathlib import Path

from webui.contracts import errors

REPOSITORY = Path(__file__).resolve().parents[2]
ABSTRACT = {"EaselError", "JobFailed"}


def test_every_error_of_the_contracts_is_used() -> None:
    sources = [path for path in (REPOSITORY / "webui").rglob("*.py") if path.name != "errors.py"]
    text = "\n".join(path.read_text("utf-8") for path in sources)
    classes = {name for name, kind in vars(errors).items()
               if isinstance(kind, type) and issubclass(kind, errors.EaselError)}  # fmt: skip
    unused = {name for name in classes - ABSTRACT if not re.search(rf"\b{name}\(", text)}
    assert unused == set()


def test_the_tree_in_the_docstring_names_every_error() -> None:
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.EaselError):
            assert re.search(rf"\b{name}\b", errors.__doc__ or ""), name
