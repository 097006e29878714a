"""The page in a real browser, driven as a person would: what it shows, its reasons, and a halt."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drift_e3.core.events import HaltRequested
from drift_e3.ops.advisor_score import read_card
from drift_e3.ops.scorer import Scorer
from tests.live.attended import CHOSEN, STEPPED
from tests.live.daemons import orders, turns
from tests.live.journals import told
from tests.ops.cards import a_card
from tests.ops.served import TOKEN, Served, served

CHROMIUM = shutil.which("chromium")
BUILD = Path(__file__).parents[2] / "build" / "page"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.slow,
]


@asynccontextmanager
async def looking(one: Served) -> AsyncIterator[Any]:
    """A person's browser at the page; anything it complains of fails the test."""
    playwright = pytest.importorskip("playwright.async_api", reason="`make optional` has not been run")
    complaints: list[str] = []
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        width, height = SIZES["desktop"]
        page = await browser.new_page(viewport={"width": width, "height": height})
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        await page.goto(f"http://127.0.0.1:{one.server.port}/")
        await page.wait_for_selector("#price-chart .plot-container")
        await page.wait_for_selector("#decisions li", state="attached")
        yield page
        await browser.close()
    assert [complaint for complaint in complaints if "/api/stream" not in complaint] == []


async def test_it_shows_price_regime_position_and_the_reasons_of_decisions(tmp_path: Path) -> None:
    async with served(tmp_path) as one, looking(one) as page:
        assert await page.text_content("#mode") == "trading"
        assert "long" in await page.inner_text("#position")
        assert await page.locator("#price-chart .shapelayer path").count() > 1
        assert await page.locator("#price-chart .cartesianlayer .trace").count() >= 2
        names = await page.locator("#price-chart .annotation-text").all_text_contents()
        assert sorted(names) == ["entry", "stop", "target"]
        row = page.locator("#decisions li:not([hidden]) summary").first
        await row.click()
        reasons = await page.inner_text("#decisions li:not([hidden]) .reasons")
        assert all(
            part in reasons for part in ("Rules", "Advisor", "Blend and risk", "Features", "body over atr")
        )


async def test_it_shows_what_the_advisors_answers_were_worth_and_how_everything_is(tmp_path: Path) -> None:
    asking = orders(tmp_path / "state", replace(CHOSEN.trading(), ai_enabled=True), speed=STEPPED)
    scorer = Scorer((), {})
    scorer._score = read_card(a_card(40), scored_ts=1_700_000_000_000, took_s=1.0)
    async with served(tmp_path, scorer=scorer, how=asking) as one, looking(one) as page:
        worth = page.locator("#worth")
        await worth.locator(".plot-container").wait_for()
        said = await worth.inner_text()
        assert "No more often right than chance explains" in said
        assert "80.0 %, said 60.0 %" in said
        assert await page.locator("#horizons input").count() == 1
        health = await page.inner_text("#health")
        assert all(part in health for part in ("Ready for entries", "Feed: candle", "Advisor"))


async def test_every_text_of_the_page_is_reached_by_keyboard(tmp_path: Path) -> None:
    async with served(tmp_path) as one, looking(one) as page:
        reached = []
        for _ in range(9):
            await page.keyboard.press("Tab")
            reached.append(await page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert {"reduce", "flatten", "halt", "only-signals"} <= set(reached)


async def test_a_halt_needs_the_token_and_a_second_thought(tmp_path: Path) -> None:
    async with served(tmp_path) as one, looking(one) as page:
        await page.click("#halt")
        await page.fill("#token", "not-the-right-token")
        await page.click("#confirm-yes")
        await page.locator("#confirm-answer", has_text="token").wait_for()
        assert not _halts(one)
        await page.fill("#token", TOKEN)
        await page.click("#confirm-yes")
        for _ in range(400):
            await turns()
            if not await page.locator("#confirm[open]").count():
                break
            await one.daemon.step()
        assert "Halted" in await page.inner_text("#alarm")
        assert await page.locator("#resume").is_visible()
        assert len(_halts(one)) == 1


def _halts(one: Served) -> list[HaltRequested]:
    return [event for event, _ in told(one.daemon.state) if isinstance(event, HaltRequested)]


async def test_nothing_is_wider_than_the_screen_and_halt_is_in_reach(tmp_path: Path) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    async with served(tmp_path) as one, looking(one) as page:
        for size, (width, height) in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
                halt = await page.locator("#halt").bounding_box()
                assert halt["y"] + halt["height"] <= height
                await page.screenshot(path=BUILD / f"{size}-{scheme}.png", full_page=True)
