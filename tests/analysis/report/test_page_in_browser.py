"""The page in a real browser. It needs Chromium, and fails without it: `apt-get install chromium`."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.records import load
from analysis.report.write import write_report

pytestmark = pytest.mark.slow
NUMBER = "section[aria-labelledby=tables] td button.number"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    chrome = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert chrome, "no Chromium found: apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chrome, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with records of two devices, so that the filter has something to tell apart."""
    import json

    results = tmp_path_factory.mktemp("report") / "results"
    shutil.copytree(recorded, results)
    for path in (results / "records" / "tiny" / "order_receptive_field").glob("*.json"):
        data = json.loads(path.read_text())
        data["environment"]["device"] = "another machine"
        path.write_text(json.dumps(data))
    return write_report(results / "report.html", load(results), results).as_uri()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page, opened; any error of the console and any request to the network fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    opened = context.new_page()
    faults: list[str] = []
    opened.on(
        "console",
        lambda message: faults.append(message.text) if message.type in ("error", "warning") else None,
    )
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "request",
        lambda asked: None if asked.url.startswith(("file:", "data:")) else faults.append(asked.url),
    )
    opened.goto(address)
    yield opened
    context.close()
    assert faults == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_the_page_never_scrolls_sideways(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_phone_our_numbers_and_the_charts_are_on_the_screen(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for place in (f"{NUMBER} >> nth=0", ".charts svg >> nth=0"):
        box = page.locator(place).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    for caption in ("#opening-runs", "#verdicts"):  # without scrolling sideways
        around = page.locator(caption).locator("xpath=ancestor::div[contains(@class, 'scroll')]")
        assert around.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_a_number_opens_its_records_by_keyboard_and_gives_the_focus_back(page: Any) -> None:
    number = page.locator(NUMBER).first
    number.focus()
    number_text = number.text_content()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.is_visible()
    assert number_text in dialog.get_by_role("heading").text_content()
    first = dialog.locator("summary").first
    first.focus()
    page.keyboard.press("Enter")
    assert "some processor" in dialog.text_content()
    dialog.get_by_text("The whole record").first.click()
    shown = dialog.locator("pre").first.text_content()
    for word in ('"config"', '"environment"', '"metrics"', '"path"'):
        assert word in shown
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert number.evaluate("element => element === document.activeElement")


def test_every_control_is_reached_by_tab_and_shows_its_focus(page: Any) -> None:
    controls = page.evaluate(
        "[...document.querySelectorAll('a[href], button, select, input, summary, [tabindex=\"0\"]')]"
        ".filter((e) => e.checkVisibility() && !e.closest('details:not([open]) > :not(summary)')).length"
    )
    reached, hidden_focus = set(), []
    for _ in range(controls + 5):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => {
                const e = document.activeElement;
                e.dataset.tab ??= String(Math.random());
                return [e.dataset.tab, e.tagName, getComputedStyle(e).outlineStyle];
            }"""
        )
        if at[1] == "BODY":
            break
        reached.add(at[0])
        if at[2] == "none":
            hidden_focus.append(at)
    assert len(reached) >= controls
    assert hidden_focus == []


def test_the_filter_hides_what_does_not_fit_and_says_so(page: Any) -> None:
    before = page.locator("#shown").text_content()
    page.locator("#device").select_option(label="another machine")
    after = page.locator("#shown").text_content()
    assert before != after
    assert page.locator("#shown").get_attribute("aria-live") == "polite"
    rows = page.locator("#records ~ details tbody tr")
    shown = rows.evaluate_all("rows => rows.filter((row) => !row.hidden).map((row) => row.textContent)")
    every = [row for row in rows.all_text_contents() if "another machine" in row]
    assert shown == every
    assert 0 < len(every) < rows.count()
    assert not page.locator("#figure_13").is_visible()
    assert page.locator("#figure_7").is_visible()
    assert page.locator("#figure_3").is_visible(), "a drawing rests on no device"
    page.locator("#device").select_option("")
    assert page.locator("#shown").text_content() == before
    page.locator("#scale").select_option("tiny")
    assert page.locator("#figure_13").is_visible()


def test_numbers_of_another_device_are_not_shown(page: Any) -> None:
    page.locator("#device").select_option(label="another machine")
    visible = page.locator("td[data-devices]").evaluate_all(
        "cells => cells.filter((c) => c.checkVisibility({visibilityProperty: true})).map((c) => c.dataset.devices)"
    )
    index = page.locator("#device").input_value()
    assert visible
    assert all(index in devices.split(" ") for devices in visible)


def test_the_walk_waits_where_motion_is_not_welcome_and_can_be_paused(page: Any) -> None:
    step = page.locator("#step")
    page.locator("#walks").scroll_into_view_if_needed()
    page.wait_for_timeout(600)
    assert step.input_value() == "63", "with reduced motion nothing moves by itself"
    drawn = page.locator("svg.walk .steps").last  # of the zigzag
    whole = drawn.get_attribute("d")
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(700)
    page.get_by_role("button", name="Pause").click()
    at = step.input_value()
    page.wait_for_timeout(400)
    assert step.input_value() == at
    assert 0 < int(at) < 63
    assert drawn.get_attribute("d") != whole
    step.focus()
    page.keyboard.press("End")
    assert drawn.get_attribute("d") == whole


def test_the_walk_begins_by_itself_where_motion_is_welcome(browser: Any, address: str) -> None:
    context = browser.new_context(reduced_motion="no-preference")
    page = context.new_page()
    page.goto(address)
    page.locator("#walks").scroll_into_view_if_needed()
    page.wait_for_timeout(800)
    assert int(page.locator("#step").input_value()) < 63
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier(page: Any, scheme: str) -> None:
    """axe-core's rules for WCAG 2 A and AA, contrast included, with everything unfolded and the dialog open."""
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    rules = {
        "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
        "resultTypes": ["violations"],
    }
    barriers = [_short(v) for v in Axe().run(page, options=rules).response["violations"]]
    assert barriers == []
    page.locator(NUMBER).first.click()
    barriers = [_short(v) for v in Axe().run(page, context="#behind", options=rules).response["violations"]]
    assert barriers == []


def _short(violation: dict[str, Any]) -> str:
    nodes = violation["nodes"]
    return f"{violation['id']}: {violation['help']} ({len(nodes)} times, as {nodes[0]['html'][:160]})"


def test_print_leaves_the_controls_out(page: Any) -> None:
    page.emulate_media(media="print")
    for control in ("form.filter", "nav", ".controls", "#records ~ details"):
        assert not page.locator(control).is_visible()
    assert page.locator("#tables").is_visible()
    overflow = page.locator(".scroll").first.evaluate("box => getComputedStyle(box).overflowX")
    assert overflow == "visible"


def test_without_script_everything_is_still_there_to_read(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.get_by_role("heading", name="Figure 8. Hilbert scan").is_visible()
    assert not page.locator("form.filter").is_visible()
    assert page.locator("svg.walk .steps").last.get_attribute("d").count("M") == 63
    context.close()
