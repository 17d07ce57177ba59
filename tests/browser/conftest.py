"""A studio in its own process with the fake worker, and a real browser before it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
UNWANTED = (
    # A page each of the browser's own behind every window: half of the time that a window takes.
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup",
    # What Playwright takes away, of which the last word counts.
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch",
)  # fmt: skip
"""Features of Chromium that no test needs."""
FLAGS = ["--no-sandbox", "--disable-gpu", f"--disable-features={','.join(UNWANTED)}"]
REPOSITORY = Path(__file__).parents[2]
START_SECONDS = 55


class RunningStudio:
    """The program as a person starts it; it can be killed and started again.

    It takes a free port by itself and says which: one that was free a moment before its start may be another's by then,
    and would answer, for a while, in its place.
    """

    def __init__(self, data_dir: Path, fake: bool = True) -> None:
        self.data_dir, self.fake = data_dir, fake
        self.address = ""
        """http://127.0.0.1:port, once it was started; the same after another start."""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait for the whole page.

        Raises:
            RuntimeError: it ended, or is to be found at another address than before.
            TimeoutError: there is no page after `START_SECONDS`.
        """
        port = self.address.rsplit(":", 1)[-1] if self.address else "0"
        flags = [
            *(["--fake"] if self.fake else []),
            "--no-browser",
            "--port",
            port,
            "--data-dir",
            str(self.data_dir),
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "webui.cli", "serve", *flags],
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._page_is_there():
                return
            if (ended := self._process.poll()) is not None:
                raise RuntimeError(f"The studio ended with {ended}: {self.said()[-2000:]}")
            time.sleep(0.2)
        self.kill()
        raise TimeoutError(f"No page after {START_SECONDS} s: {self.said()[-2000:]}")

    @property
    def _log(self) -> Path:
        return self.data_dir.with_name(f"{self.data_dir.name}.log")

    def said(self) -> str:
        """What it has written to the terminal since its last start."""
        return self._log.read_text("utf-8", "replace")

    def _page_is_there(self) -> bool:
        told = re.search(r"http://127\.0\.0\.1:\d+", self.said())
        if told is None:
            return False
        if self.address not in ("", told[0]):
            raise RuntimeError(f"The studio is at {told[0]}, and was at {self.address} before.")
        self.address = told[0]
        try:
            with urllib.request.urlopen(self.address, timeout=10) as answer:
                return b"gradio" in answer.read()
        except OSError:
            return False

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it, by default without a chance to tidy up."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=20)
            self._process = None


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's chromium, driven by Playwright."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no chromium at {CHROMIUM}; apt-get install chromium")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def shared_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """One studio for all tests that leave it as it was."""
    studio = RunningStudio(tmp_path_factory.mktemp("studio"))
    studio.start()
    yield studio
    studio.kill(signal.SIGTERM)


@pytest.fixture
def own_studio(tmp_path: Path) -> Iterator[RunningStudio]:
    """A studio that a test may kill."""
    studio = RunningStudio(tmp_path)
    studio.start()
    yield studio
    studio.kill()


@pytest.fixture
def page(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    """The page as a first visitor sees it; any message of its script's is a failure."""
    with watched_page(browser, shared_studio.address) as tab:
        yield tab


@contextmanager
def watched_page(
    browser: Any,
    address: str,
    width: int = 1440,
    height: int = 900,
    first: str = "",
    **options: Any,
) -> Iterator[Any]:
    """A page in a window of its own, whose script must not complain; `first` is run before the page's own script."""
    tab = _lent_tab(browser, address, options)
    tab.set_viewport_size({"width": width, "height": height})
    tab.faults, tab.expected_faults = [], []
    if first:
        tab.add_init_script(first)
    visit(tab, address)
    yield tab
    faults = list(tab.faults)
    _give_back(tab, options, spent=bool(first))
    assert faults == tab.expected_faults


@contextmanager
def holding(tab: Any, pattern: str) -> Iterator[list[Any]]:
    """Have no request of a kind answered before the block ends; those that were held so far."""
    held: list[Any] = []
    tab.route(pattern, lambda route: held.append(route))
    try:
        yield held
    finally:
        tab.unroute(pattern)  # lets go of all


@pytest.fixture(scope="module")
def one_page(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    """One page for all tests of a file that leave it as it was."""
    with watched_page(browser, shared_studio.address) as tab:
        yield tab


@pytest.fixture
def seen(one_page: Any) -> Iterator[Any]:
    """It, for a test that only looks."""
    with unmoved(one_page) as tab:
        yield tab


@contextmanager
def unmoved(tab: Any) -> Iterator[Any]:
    """A page of several tests that only look: each begins at the top of the first tab, and causes no complaint."""
    tab.faults, tab.expected_faults = [], []
    tab.click(".ez-nav a[data-tab=txt2img]")
    tab.evaluate("scrollTo(0, 0)")
    yield tab
    assert tab.faults == tab.expected_faults


def _lent_tab(browser: Any, address: str, options: dict[str, Any]) -> Any:
    """A blank one that knows nothing of the address but its scripts: to load and read them takes longest of a visit."""
    idle = _idle_tabs(frozenset(options.items()))
    if not idle:
        tab = browser.new_context(accept_downloads=True, **options).new_page()
        tab.on("pageerror", lambda error: tab.faults.append(str(error)))
        tab.on("console", lambda m: tab.faults.append(m.text) if m.type == "error" else None)
        return tab
    tab = idle.pop()
    tab.context.clear_cookies()
    kinds = "local_storage,indexeddb,websql,service_workers,cache_storage,file_systems,shader_cache"
    session = tab.context.new_cdp_session(tab)
    session.send("Storage.clearDataForOrigin", {"origin": address, "storageTypes": kinds})
    session.detach()
    return tab


def _give_back(tab: Any, options: dict[str, Any], spent: bool) -> None:
    """Leave the page, and keep its tab for another test unless it is spent."""
    for other in tab.context.pages:
        if other != tab:
            other.close()
    if spent or tab.is_closed():
        tab.context.close()
        return
    tab.unroute_all(behavior="ignoreErrors")
    tab.mouse.move(0, 0)
    tab.goto("about:blank")
    _idle_tabs(frozenset(options.items())).append(tab)


@cache
def _idle_tabs(options: frozenset[tuple[str, Any]]) -> list[Any]:
    """Those of these options that no test has; one whose test failed does not come back."""
    return []


@pytest.fixture(scope="session")
def easel(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    """One page for all tests of the canvases, which clear them themselves; see `painting.cleared`."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    tab = context.new_page()
    tab.faults = []
    tab.on("pageerror", lambda error: tab.faults.append(str(error)))
    tab.on("console", lambda m: tab.faults.append(m.text) if m.type == "error" else None)
    visit(tab, shared_studio.address)
    yield tab
    context.close()


STATE = """async () => {
  const { values, currentTab } = await import('/assets/easel/form.js');
  const tab = currentTab();
  return {
    url: location.href, tab, values: values(tab), kept: localStorage.getItem(`easel.form.${tab}`),
    prompts: [...document.querySelectorAll(`[id="${tab}-prompt"]`)].map((e) => e.innerText + ' | ' + e.querySelector('textarea')?.value),
    toasts: [...document.querySelectorAll('.ez-toast, .toast-body')].map((e) => e.innerText),
  };
}"""
"""What a failure is understood by."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of a failed test what its page showed and complained of."""
    report = yield
    arguments = getattr(item, "funcargs", {})
    tab = next(
        (arguments[name] for name in ("page", "phone", "easel", "canvas") if name in arguments),
        None,
    )
    if report.when == "call" and report.failed and tab is not None:
        try:
            said = json.dumps(tab.evaluate(STATE), indent=1)
        except Exception as error:  # noqa: BLE001  the page may be gone; the test's own error counts
            said = repr(error)
        report.sections.append(("page", f"{said}\nfaults: {tab.faults}"))
    return report


def visit(tab: Any, address: str) -> None:
    """Open an address and wait until the form can be used."""
    tab.goto(address)
    tab.wait_for_selector("#txt2img-generate")
    tab.wait_for_selector(".ez-model:not(:empty)", state="attached")


def unfold(tab: Any, fold: str) -> None:
    """Open a folded group and wait until what is typed in it stays.

    Gradio shows the controls first, and in the frame after that writes into them what they began with:
    nobody types as fast as that, but a test does.
    """
    tab.click(f"#{fold} > button")
    tab.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 200))))"
    )
