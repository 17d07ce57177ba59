"""Two tabs of one browser before one studio: neither undoes what was done in the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import RunningStudio, visit, watched_page
from tests.browser.test_page import FINISHED, generate

pytestmark = pytest.mark.browser

CARD = ".ez-notice:has-text('Cancelled')"


@pytest.fixture
def tabs(browser: Any, shared_studio: RunningStudio) -> Iterator[tuple[Any, Any]]:
    """Two tabs that share what the browser keeps."""
    with watched_page(browser, shared_studio.address) as first:
        second = first.context.new_page()
        visit(second, shared_studio.address)
        yield first, second


def count(tab: Any, selector: str, wanted: int) -> None:
    tab.wait_for_function(f"document.querySelectorAll('{selector}').length === {wanted}")


def drawn(tab: Any, prompt: str, wanted: int) -> None:
    generate(tab, prompt, steps=2)
    count(tab, FINISHED, wanted)


def cancelled(tab: Any, prompt: str) -> None:
    """A job that ends as a card on the stage."""
    tab.evaluate(
        """async (prompt) => {
          const { post } = await import('/assets/easel/api.js');
          const store = await import('/assets/easel/store.js');
          const { id } = await post('/jobs', { prompt, steps: 1000 });
          await store.add(id);
          await store.cancel(id);
        }""",
        prompt,
    )
    tab.wait_for_selector(f"{CARD}:has-text('{prompt}')")


def dismissed(tab: Any, prompt: str) -> None:
    tab.wait_for_selector(f"{CARD}:has-text('{prompt}')")
    tab.click(".ez-notice button:has-text('Dismiss')")
    tab.wait_for_selector(f"{CARD}:has-text('{prompt}')", state="detached")


def reloaded(tab: Any) -> None:
    tab.reload()
    tab.wait_for_selector(".ez-model:not(:empty)", state="attached")


def test_a_dismissed_card_stays_away_whatever_the_other_tab_remembers(
    tabs: tuple[Any, Any],
) -> None:
    first, second = tabs
    cancelled(first, "older")
    cancelled(first, "newer")
    reloaded(second)
    second.wait_for_selector(f"{CARD}:has-text('newer')")
    dismissed(first, "newer")
    second.wait_for_selector(f"{CARD}:has-text('older')")  # at once, and without a reload
    dismissed(first, "older")
    second.wait_for_selector(".ez-welcome")
    drawn(second, "a lake", 1)
    second.evaluate("""async () => {
      const store = await import('/assets/easel/store.js');
      store.forget(store.pictures()[0].job);
    }""")
    reloaded(first)
    first.wait_for_selector(".ez-welcome")


def test_what_one_tab_draws_is_not_lost_when_the_other_draws(tabs: tuple[Any, Any]) -> None:
    first, second = tabs
    drawn(first, "a lake", 1)
    drawn(second, "a hill", 1)
    drawn(first, "a tree", 2)
    reloaded(second)
    count(second, FINISHED, 3)


def test_an_answer_from_before_a_jobs_end_does_not_undo_it(tabs: tuple[Any, Any]) -> None:
    """Answers may come in another order than they were asked for."""
    tab, _ = tabs
    drawn(tab, "a boat in time", 1)
    states = tab.evaluate(
        """async () => {
          const store = await import('/assets/easel/store.js');
          const { get } = await import('/assets/easel/api.js');
          const [job] = store.all();
          const told = [];
          document.addEventListener('easel:job', ({ detail }) => told.push(detail.job.state));
          const late = { ...await get(`/jobs/${job.id}`), state: 'running', pictures: [] };
          const ask = window.fetch;
          window.fetch = async () => new Response(JSON.stringify(late), { headers: { 'content-type': 'application/json' } });
          await store.takeUp(job.id);
          window.fetch = ask;
          return [store.all()[0].state, store.all()[0].pictures.length, ...told];
        }"""
    )
    assert states == ["done", 1]
