"""What people, files and sites say reaches the page as text: nothing there makes HTML or code of a string."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SINKS = re.compile(
    r"innerHTML|insertAdjacentHTML|createContextualFragment|document\.write|outerHTML\s*\+?=[^=]|srcdoc"
    r"|\beval\(|new Function\(|setTimeout\(\s*['\"`]|javascript:|DOMParser"
)


def test_no_script_of_the_page_makes_html_or_code_of_a_string() -> None:
    scripts = [
        *(REPOSITORY / "webui").rglob("*.js"),
        *(REPOSITORY / "extensions").rglob("*.js"),
    ]
    assert len(scripts) > 50
    found = [
        f"{file.relative_to(REPOSITORY)}: {line.strip()[:100]}"
        for file in scripts
        for line in file.read_text("utf-8").splitlines()
        if SINKS.search(line)
    ]
    assert found == []


def test_the_rule_knows_what_it_looks_for() -> None:
    for line in ("a.innerHTML = b", "a.outerHTML = b", "eval(a)", "setTimeout('a()', 1)"):
        assert SINKS.search(line)
    for line in ("a.outerHTML === b", "said += note.outerHTML", "retrieval(a)", "setTimeout(a, 1)"):
        assert not SINKS.search(line)
