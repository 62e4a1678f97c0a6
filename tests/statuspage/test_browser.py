"""The page in a real browser: as narrow as a phone, in the dark, without JavaScript, and read aloud."""

from __future__ import annotations

from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe

from statuspage.page import Group, Status
from statuspage.render import rendered
from tests.statuspage.samples import MIN, NOW_MS, STATES, component, major, page, trouble
from tests.statuspage.test_render import XSS

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def tab(browser):
    """Opens a tab; afterwards nothing may have been said on its console."""
    opened, said = [], []

    def failed(request):
        if request.failure != "net::ERR_ABORTED":  # the tab was closed before its icon came
            said.append(f"{request.url}: {request.failure}")

    def open_tab(**options):
        context = browser.new_context(**options)
        opened.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("requestfailed", failed)
        return tab

    yield open_tab
    for context in opened:
        context.close()
    assert said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(site, tab, state, scheme):
    pages, url = site
    pages.put(rendered(STATES[state]()))
    at = tab(color_scheme=scheme, viewport={"width": 390, "height": 900})
    at.goto(url)
    at.evaluate("document.querySelectorAll('details').forEach(box => { box.open = true })")
    found = Axe().run(at, options=RULES)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_components_history(site, tab, scheme):
    pages, url = site
    pages.put(rendered(major()))
    at = tab(color_scheme=scheme, viewport={"width": 390, "height": 900})
    at.goto(url + "/components/web")
    found = Axe().run(at, options=RULES)
    assert found.violations_count == 0, found.generate_report()


def test_axe_finds_nothing_on_the_page_that_is_not_there(site, browser):
    pages, url = site
    pages.put(rendered(STATES["fine"]()))
    context = browser.new_context()
    at = context.new_page()
    assert at.goto(url + "/nowhere").status == 404
    found = Axe().run(at, options=RULES)
    context.close()
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("state", STATES)
def test_nothing_scrolls_sideways(site, tab, state):
    pages, url = site
    pages.put(rendered(STATES[state]()))
    at = tab()
    for path in ("/", "/components/web"):
        at.goto(url + path)
        at.evaluate("document.querySelectorAll('details').forEach(box => { box.open = true })")
        for width in (320, 390, 768, 1280, 1440):
            at.set_viewport_size({"width": width, "height": 900})
            assert at.evaluate("document.documentElement.scrollWidth") <= width, (path, width)


def test_names_without_a_space_do_not_widen_the_page(site, tab):
    pages, url = site
    long = component("web", "x" * 200, Status.MAJOR, description="y" * 300)
    trouble_now = trouble("web", Status.MAJOR, MIN, why="z" * 300)
    pages.put(
        rendered(
            page((Group(name="g" * 200, components=(long,)),), title="t" * 100, incidents=(trouble_now,))
        )
    )
    at = tab(viewport={"width": 320, "height": 900})
    at.goto(url)
    assert at.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_page_is_whole_without_javascript(site, tab):
    pages, url = site
    pages.put(rendered(major()))
    at = tab(java_script_enabled=False)
    at.goto(url)
    assert at.title() == "Web application is down · Acme status"
    assert at.locator("h1").inner_text().replace("\u00a0", " ").split("\n") == [
        "Web application is down",
        "since 09:12 PST (17:12 UTC)",
    ]
    assert at.locator(".as-of").inner_text().replace("\u00a0", " ") == (
        "As of Monday 23 November 2026, 09:46 PST (17:46 UTC)"
    )
    at.locator("summary").first.click()
    assert at.locator("details table").first.is_visible()


def test_every_state_is_said_in_words_beside_its_icon(site, tab):
    pages, url = site
    pages.put(rendered(major()))
    at = tab()
    at.goto(url)
    assert [text.strip() for text in at.locator(".badge").all_inner_texts()] == [
        "Down",
        "Has problems",
        "Working",
        "Working",
        "No data",
    ]


def test_an_open_tab_brings_the_news_and_keeps_its_place(site, tab):
    pages, url = site
    pages.put(rendered(STATES["fine"]()))
    at = tab()
    at.clock.install(time=NOW_MS / 1000)
    at.goto(url)
    at.locator("summary").first.click()
    pages.put(rendered(replace(major(), as_of_ms=NOW_MS + MIN)))
    with at.expect_response(url + "/"):
        at.clock.fast_forward(61_000)
    at.wait_for_selector("h1:has-text('Web application is down')")
    assert at.title() == "Web application is down · Acme status"
    assert at.locator("details").first.get_attribute("open") is not None
    assert at.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_old_figures_say_that_they_are_old(site, tab):
    pages, url = site
    pages.put(rendered(STATES["fine"]()))
    at = tab()
    at.clock.install(time=NOW_MS / 1000 + 30)
    at.goto(url)
    assert at.locator("#stale").is_hidden()
    assert at.locator("#age").inner_text() == " · just now"
    at.clock.fast_forward(7 * MIN)
    at.wait_for_selector("#stale:visible")
    assert at.locator("#stale").inner_text().startswith("This page is 7 min old.")


def test_hostile_text_runs_nothing(site, tab):
    pages, url = site
    parts = tuple(component(f"c{i}", text, Status.MAJOR, description=text) for i, text in enumerate(XSS))
    incidents = tuple(trouble(f"c{i}", Status.MAJOR, MIN, why=text) for i, text in enumerate(XSS))
    pages.put(
        rendered(
            page((Group(name=XSS[0], components=parts),), service=XSS[3], title=XSS[3], incidents=incidents)
        )
    )
    at = tab()
    at.on("dialog", lambda dialog: pytest.fail(dialog.message))
    at.goto(url)
    assert at.locator("script").count() == 1
    assert at.locator("img").count() == 0
    assert at.locator("h3").first.inner_text().startswith("<script>alert(1)</script>")


def test_the_keyboard_reaches_everything(site, tab):
    pages, url = site
    pages.put(rendered(STATES["fine"]()))
    at = tab()
    at.goto(url)
    at.keyboard.press("Tab")
    assert at.evaluate("document.activeElement.className") == "skip"
    reachable = at.locator("a, summary").count()
    for _ in range(reachable - 1):
        at.keyboard.press("Tab")
    assert at.evaluate("document.activeElement.textContent") == "Privacy"


def test_print_is_on_white_with_the_days_spread_out(site, tab):
    pages, url = site
    pages.put(rendered(STATES["fine"]()))
    at = tab(color_scheme="dark")
    at.goto(url)
    at.emulate_media(media="print")
    assert at.evaluate("getComputedStyle(document.body).color") == "rgb(22, 32, 43)"
    assert at.locator("details table").first.is_visible()
