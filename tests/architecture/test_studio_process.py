"""The studio process never has torch in it, whatever it imports, and imports Gradio without its stubs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FORBIDDEN = {"torch", "torchvision", "diffusers", "transformers", "accelerate"}

PROGRAM = """
import json, sys, threading, urllib.request
from pathlib import Path
from webui.app import build_studio
from webui.contracts.request import GenerationRequest
from webui.contracts.settings import Settings

stubs = []
sys.addaudithook(
    lambda event, args: stubs.append(args[0])
    if event == "open" and str(args[0]).endswith(".pyi") else None
)
folder = Path(sys.argv[1])
studio = build_studio(Settings(data_dir=folder, fake=True, repository=folder))
studio.start()
studio.mount_page()
assert studio.page.problem is None
job = studio.context.jobs.submit(GenerationRequest(prompt="x", steps=2))
ended = threading.Event()
studio.context.events.subscribe(
    lambda event: ended.set() if getattr(getattr(event, "job", None), "finished", None) else None
)
assert studio.context.jobs.get(job.id).state.is_final or ended.wait(20)
print(json.dumps([sorted({name.split(".")[0] for name in sys.modules}), stubs]))
studio.stop()
"""


@pytest.mark.slow
def test_a_studio_with_its_page_that_has_drawn_holds_no_torch_and_opened_no_stubs(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=55)
    assert done.returncode == 0, done.stderr
    loaded, stubs = json.loads(done.stdout.splitlines()[-1])
    assert {"gradio", "fastapi", "sqlalchemy"} <= set(loaded)
    assert not FORBIDDEN.intersection(loaded)
    assert stubs == []


def test_the_command_line_needs_the_standard_library_only() -> None:
    program = "import sys, webui.cli; print({n.split('.')[0] for n in sys.modules} - sys.stdlib_module_names - {'__main__'})"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n{program}"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == "{'webui'}", done.stdout + done.stderr
