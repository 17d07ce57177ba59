"""Extensions in a studio with a page and the starter model: the three examples, and one of the past."""

from __future__ import annotations

import io
import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import visit, watched_page
from tests.extensions.test_first_edition import FIRST_POINTS
from tests.extensions.test_first_edition import FOLDER as FIRST_EDITION
from tests.hooks.hostile import REFUSED, SWITCHED_OFF, write_hostile
from tests.services.models import write_weights
from tests.studio import REPOSITORY, Studio, seconds_until, started_studio
from webui.services.extension_state import ExtensionState

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        not (REPOSITORY / "models/starter/turbo/unet").is_dir(),
        reason="the starter model is not in models/starter/turbo; train it with launch.py train starter",
    ),
]

EXAMPLES = ("Ralston", "Detailer", "Notebook")
PLAIN = {
    "prompt": "a red boat on the left, the sea at dawn", "model": "starter/turbo", "seed": 5,
    "steps": 2, "width": 128, "height": 128, "sampler": "Euler",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an extension of the past, which is off."""
    made = tmp_path_factory.mktemp("clone")
    shutil.copytree(FIRST_EDITION, made / "extensions" / FIRST_EDITION.name)
    return made


@pytest.fixture(scope="module")
def studio(folder: Path) -> Iterator[Studio]:
    """As it is after the project was cloned: the examples are there and off."""
    with started_studio(folder, "--cpu", "--develop") as started:
        seconds_until(started, "/", b"gradio-app", 90)
        yield started


def drawn(studio: Studio, **said: Any) -> bytes:
    """The pixels of a picture that is ordered over HTTP."""
    (picture,) = studio.wait(studio.submit(**{**PLAIN, **said}))["pictures"]
    with urllib.request.urlopen(f"{studio.address}{picture['url']}") as answer:
        return Image.open(io.BytesIO(answer.read())).tobytes()


def enlarged(studio: Studio, upscaler: str) -> bytes:
    """The pixels of a small picture of two colours, enlarged over HTTP."""
    file = io.BytesIO()
    picture = Image.new("RGB", (64, 64), (200, 100, 50))
    picture.paste((20, 40, 60), (0, 0, 30, 30))
    picture.save(file, "PNG")
    call = urllib.request.Request(f"{studio.address}/api/v1/images", file.getvalue())
    with urllib.request.urlopen(call, timeout=30) as answer:
        image = json.load(answer)["id"]
    size = {"width": 128, "height": 128, "upscale_factor": 2}
    return drawn(studio, image=image, upscaler=upscaler, **size)


def switch(page: Any, on: bool) -> None:
    page.click(".ez-nav a[data-tab=extensions]")
    for title in EXAMPLES:
        card = page.locator(f".ez-extension:has(h2:has-text('{title}'))")
        card.locator("header input[role=switch]").set_checked(on)
        card.locator(f".ez-extension-state:text-is('{'in use' if on else 'off'}')").wait_for()


def test_examples_draw_in_page_and_api_and_leave_no_trace(browser: Any, studio: Studio) -> None:
    before = drawn(studio)
    with watched_page(browser, studio.address) as page:
        switch(page, True)
        assert drawn(studio) == before  # in use, and not asked for
        ralston = drawn(studio, sampler="ralston/Ralston")
        detailed = drawn(studio, extensions={"detailer": {"strength": 0.5, "most": 1}})
        assert len({before, ralston, detailed}) == 3
        visit(page, studio.address)
        page.evaluate(
            "(given) => import('/assets/easel/form.js').then((form) => form.fill('txt2img', given))",
            {**PLAIN, "sampler": "ralston/Ralston"},
        )
        page.wait_for_selector("#txt2img-sampler input")
        page.wait_for_function(
            "document.querySelector('#txt2img-sampler input').value === 'ralston/Ralston'"
        )
        page.click("#txt2img-extensions summary:has-text('Detailer')")
        page.check("#txt2img-extensions [data-extension=detailer] input[role=switch]")
        page.wait_for_function(
            "JSON.parse(localStorage.getItem('easel.form.txt2img')).extensions?.detailer"
        )
        page.click("#txt2img-generate")
        page.click(".ez-actions button[aria-label=Note]", timeout=15_000)
        page.click(".ez-toast button:has-text('Open')")
        page.wait_for_selector(f".notebook li:has-text('{PLAIN['prompt']}')")
        (job,) = studio.get("/jobs?limit=1")
        assert job["request"]["sampler"] == "ralston/Ralston"
        assert set(job["request"]["extensions"]) == {"detailer"}
        switch(page, False)
        assert drawn(studio) == before
        page.click(".ez-nav a[data-tab=txt2img]")
        page.click(".ez-actions button[aria-label='Restore parameters']")
        page.wait_for_selector(".ez-toast:has-text('which is not in use here')")
        with pytest.raises(urllib.error.HTTPError, match="422"):
            drawn(studio, sampler="ralston/Ralston")


def test_what_is_saved_draws_from_the_next_picture_on(studio: Studio, folder: Path) -> None:
    """The example of a sampler, under another name and being written."""
    own = folder / "extensions" / "mine"
    shutil.copytree(REPOSITORY / "extensions" / "ralston", own)
    manifest, worker, about = own / "extension.toml", own / "worker.py", own / "about.py"
    manifest.write_text(
        manifest.read_text("utf-8").replace('name = "ralston"', 'name = "mine"'), "utf-8"
    )
    before = drawn(studio)
    enable(studio, "mine", True)
    first, code = drawn(studio, sampler="mine/Ralston"), worker.read_text("utf-8")
    worker.write_text(code.replace("x = x + slope * (", "x = x + 0.9 * slope * ("), "utf-8")
    _statuses(studio, lambda _: draws_otherwise(studio, first))
    assert drawn(studio) == before
    worker.write_text("def ralston(", "utf-8")
    failed = _statuses(studio, lambda found: found["mine"]["failures"])["mine"]["failures"]
    assert (failed[-1]["process"], "SyntaxError" in failed[-1]["message"]) == ("worker", True)
    worker.write_text(code, "utf-8")
    about.write_text(about.read_text("utf-8").replace('"Ralston"', '"Anton"'), "utf-8")
    _statuses(studio, lambda _: "mine/Anton" in json.dumps(studio.get("/samplers")))
    assert drawn(studio, sampler="mine/Anton") == first
    with pytest.raises(urllib.error.HTTPError, match="422"):
        drawn(studio, sampler="mine/Ralston")
    enable(studio, "mine", False)
    assert "mine/" not in json.dumps(studio.get("/samplers"))
    assert drawn(studio) == before


def draws_otherwise(studio: Studio, before: bytes) -> bool:
    """Whether the sampler gives another picture by now; there is none of it while it is loaded anew."""
    try:
        return drawn(studio, sampler="mine/Ralston") != before
    except urllib.error.HTTPError as refused:
        if refused.code != 422:
            raise
        return False


def enable(studio: Studio, name: str, on: bool) -> None:
    """Over HTTP."""
    call = urllib.request.Request(
        f"{studio.address}/api/v1/extensions/{name}", json.dumps({"enabled": on}).encode(),
        {"Content-Type": "application/json"}, method="PUT",
    )  # fmt: skip
    with urllib.request.urlopen(call, timeout=30) as answer:
        assert answer.status == 200


def test_an_extension_of_the_first_edition_has_each_of_its_points_called(
    browser: Any, studio: Studio, folder: Path
) -> None:
    enable(studio, "first_edition", True)
    said: dict[str, Any] = {
        "extensions": {"first_edition": {"words": "in ink", "weight": 0.9}}, "model": "starter/layout",
        "sampler": "first_edition/Straight", "schedule": "first_edition/Halves",
    }  # fmt: skip
    job = studio.wait(studio.submit(**{**PLAIN, **said}))
    assert job["request"]["negative_prompt"] == "laid"
    (picture,) = job["pictures"]
    drawn_from = studio.get(f"/pictures/{picture['id']}/parameters")["request"]["prompt"]
    assert drawn_from == f"{PLAIN['prompt']}, in ink 0"
    with Image.open(folder / "outputs" / "first" / f"{picture['id']}.png") as image:
        assert image.info["first edition"] == "seed 5"
    assert studio.get("/extensions/first_edition/greeting")["said"] == "hello"
    assert "first_edition/ending" in [axis["name"] for axis in studio.get("/plots/axes")]
    with watched_page(browser, studio.address) as page:
        page.click(".ez-nav a[data-tab=first_edition-pages]")
        page.wait_for_selector(".first-edition:has-text('first_edition 1.')")
        page.wait_for_function("window.firstEdition.startsWith('1.')")
        page.click("[aria-label=Shelve]")
        page.wait_for_selector(".ez-toast:has-text('Shelved')")
    enable(studio, "first_edition", False)
    until, missing = time.monotonic() + 10, set(FIRST_POINTS)
    while missing and time.monotonic() < until:
        text = (folder / "extensions" / "first_edition" / "called.txt").read_text("utf-8")
        missing = set(FIRST_POINTS) - {line.split()[0] for line in text.splitlines()}
    assert missing == set()


def test_a_hostile_set_is_named_and_pictures_are_as_without_it(
    studio: Studio, folder: Path
) -> None:
    """Put beside a running studio and enabled there as the command line does; worker and model are real."""
    before = drawn(studio)
    large = enlarged(studio, "Lanczos")
    write_weights(folder / "models" / "odd.safetensors", {"odd.weight": [4, 4]})
    names = write_hostile(folder / "extensions")
    state = ExtensionState(folder)
    for name in names:
        state.enable(name, wanted=True)
    statuses = _statuses(
        studio, lambda found: all(found[n]["in_use"] or found[n]["problems"] for n in names), 90
    )  # half a minute of it for an import that never ends
    assert {name for name, each in statuses.items() if each["problems"]} == REFUSED
    assert drawn(studio) == before
    statuses = _statuses(studio, lambda found: not found["never_tells"]["in_use"])
    assert {name for name, each in statuses.items() if each["problems"]} == REFUSED | SWITCHED_OFF
    assert drawn(studio) == before
    assert drawn(studio, sampler="Euler") == before
    assert enlarged(studio, "Lanczos") == large
    assert max(enlarged(studio, "taken_choices/Lanczos")) == 0
    _statuses(studio, lambda _: "claims_all/sd1" in {m["family"] for m in studio.get("/models")})
    with pytest.raises(
        RuntimeError, match=r"'claims_all' failed when it had to load 'odd\.safetensors'"
    ):
        drawn(studio, model="odd.safetensors")
    with pytest.raises(urllib.error.HTTPError) as refused:
        drawn(studio, extensions={"every_hook": {}})
    assert (
        "'every_hook' failed when it had to change the request" in json.load(refused.value)["error"]
    )
    with pytest.raises(RuntimeError, match="odd_answers"):
        drawn(studio, extensions={"odd_answers": {}})
    statuses = _statuses(
        studio, lambda found: drawn(studio) == before and len(found["for_ever"]["failures"]) == 2
    )  # an observer that loops is found late at a later step
    said = {(name, f["process"]) for name, each in statuses.items() for f in each["failures"]}
    assert said >= {
        ("at_import", "studio"), ("at_import_there", "worker"), ("every_hook", "studio"), ("every_hook", "worker"),
        ("for_ever", "studio"), ("for_ever", "worker"), ("odd_answers", "studio"), ("odd_answers", "worker"),
        ("swapper", "studio"), ("swapper_there", "worker"), ("swapper_asked", "studio"),
        ("swapper_asked_there", "worker"), ("claims_all", "worker"), ("import_for_ever", "studio"),
        ("never_tells", "studio"), ("async_hooks", "studio"), ("async_hooks_there", "worker"),
    }  # fmt: skip
    assert drawn(studio) == before
    for name in names:
        state.enable(name, wanted=False)
    _statuses(studio, lambda found: not any(found[name]["in_use"] for name in names))
    assert drawn(studio) == before
    _statuses(studio, lambda _: "odd.safetensors" not in json.dumps(studio.get("/models")))


def _statuses(
    studio: Studio, has: Callable[[dict[str, Any]], Any], seconds: float = 30
) -> dict[str, Any]:
    """What the studio says of its extensions, once it is as waited for."""
    until = time.monotonic() + seconds
    while True:
        found = {each["name"]: each for each in studio.get("/extensions")}
        if has(found):
            return found
        assert time.monotonic() < until, found
        time.sleep(0.1)
