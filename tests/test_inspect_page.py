"""The page of ``seqloom inspect`` in a real browser: its controls work, and it needs no network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import Browser
from test_explain import MODELS

from seqloom.explain.inspect_run import inspect
from seqloom.explain.subject import open_subject

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def page_of_task(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Writes the page of a small model of a task, once."""
    made: dict[tuple[str, str, str], Path] = {}
    cache = tmp_path_factory.mktemp("cache")

    def make(name: str, given: list[Any], language: str = "en") -> Path:
        key = (name, repr(given), language)
        if key not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SEQLOOM_CACHE", str(cache))
                for module in ("compose", "compose_roll"):
                    patch.setattr(f"seqloom.tasks.{module}.MEASURED", 1)
                build, data, _ = MODELS[name]
                read = data(tmp_path_factory.mktemp("data")) if callable(data) else data
                model = build().fit(read)  # its run goes when it does
                text = inspect(open_subject(model.run_), given, language=language)
            made[key] = tmp_path_factory.mktemp("page") / f"{name}.html"
            made[key].write_text(text, encoding="utf-8")
        return made[key]

    return make


def opened(browser: Browser, page: Path, **size: int) -> Browser:
    browser.open(page.as_uri(), **size)
    browser.until("return document.querySelectorAll('#main canvas').length > 0")
    return browser


def chosen(browser: Browser, name: str) -> Any:
    return browser.run(f"return chosen.{name}")


def quiet(browser: Browser) -> bool:
    """Whether nothing was complained about, and nothing asked of the network."""
    assert browser.complaints() == []
    assert browser.requests() == []
    return True


GIVEN = {name: given for name, (_, _, given) in MODELS.items()}


@pytest.mark.parametrize("name", MODELS)
def test_every_task_s_page_draws_itself(name: str, browser: Browser, page_of_task: Make) -> None:
    """Narrow and wide, light and dark: nothing is wider than the window, nothing fails."""
    page = page_of_task(name, [GIVEN[name]])
    for width, dark in ((400, False), (1280, True)):
        browser.dark(dark)
        opened(browser, page, width=width)
        assert browser.overflow() <= 0
        paper = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") != dark
        assert quiet(browser)
    browser.dark(False)


def test_layer_gate_and_unit_are_chosen(browser: Browser, page_of_task: Make) -> None:
    opened(browser, page_of_task("generate", [GIVEN["generate"]]))
    strip = "return document.querySelector('.strip').innerHTML"
    seen = {browser.run(strip)}
    layer = chosen(browser, "place")
    for select in ("#pick-layer", "#pick-signal"):
        browser.run(
            "const e = document.querySelector(arguments[0]);"
            "e.selectedIndex = (e.selectedIndex + 1) % e.length;"
            "e.dispatchEvent(new Event('change'))",
            select,
        )
        seen.add(browser.run(strip))
    browser.run(
        "const e = document.querySelector('#pick-unit'); e.value = (chosen.unit + 3) % 8;"
        "e.dispatchEvent(new Event('change'))"
    )
    seen.add(browser.run(strip))
    typed = chosen(browser, "unit")
    browser.find("#unit-before" if typed else "#unit-after").click()
    assert chosen(browser, "place") == 1 - layer
    assert abs(chosen(browser, "unit") - typed) == 1
    seen.add(browser.run(strip))
    assert len(seen) == 5  # each choice drew something else
    assert f"layer {2 - layer}," in browser.find("#track0").text and quiet(browser)


def test_tokens_are_hovered_clicked_and_walked(browser: Browser, page_of_task: Make) -> None:
    from selenium.webdriver import ActionChains, Keys

    opened(browser, page_of_task("generate", [GIVEN["generate"]]))
    second = browser.all(".strip .token")[1]
    assert second.get_attribute("title").startswith("2: “H”")
    second.click()
    assert chosen(browser, "here") == [1]
    assert "After “H” (step 2)" in browser.find("#main").text
    browser.find(".strip").send_keys(Keys.ARROW_RIGHT)
    assert chosen(browser, "here") == [2]
    assert browser.find("#said").get_attribute("textContent").startswith("3 ")
    canvas = browser.find("#main canvas")
    browser.run("arguments[0].scrollIntoView({block: 'center'})", canvas)
    ActionChains(browser.driver).move_to_element_with_offset(canvas, 0, 25).perform()
    assert canvas.get_attribute("title").startswith("Unit ")
    before = browser.run("return JSON.stringify(chosen)")
    ActionChains(browser.driver).click().perform()
    assert browser.run("return JSON.stringify(chosen)") != before and quiet(browser)


def test_tables_heads_results_and_units(browser: Browser, page_of_task: Make) -> None:
    opened(browser, page_of_task("generate", [GIVEN["generate"]]))
    for details in browser.all("#main details:not([open]) summary"):
        details.click()
    assert len(browser.all("#main table")) >= 3
    show = browser.all("#main td button")[-1]
    words = show.get_attribute("aria-label")
    browser.run("arguments[0].click()", show)
    assert words.endswith(f"Unit {chosen(browser, 'unit')}")
    result = "section select"
    before = browser.find("#main").text
    browser.run(
        "const e = document.querySelector(arguments[0]); e.selectedIndex = 1;"
        "e.dispatchEvent(new Event('change'))",
        result,
    )
    assert chosen(browser, "target") == [1] and browser.find("#main").text != before
    assert quiet(browser)


def test_heads_of_attention_are_chosen(browser: Browser, page_of_task: Make) -> None:
    opened(browser, page_of_task("translate-transformer", [GIVEN["translate-transformer"]]))
    heads = browser.all(".head")
    assert len(heads) == 12  # two layers; in the encoder, among what is written, and between
    browser.run("arguments[0].click()", heads[1])
    assert chosen(browser, "head") == {"layer1.attention": 1}
    assert browser.all(".head")[1].get_attribute("aria-pressed") == "true" and quiet(browser)


def test_two_texts_share_what_is_chosen(browser: Browser, page_of_task: Make) -> None:
    page = page_of_task("classify", ["a good film", "a bad film, number 3"], "ko")
    opened(browser, page)
    assert browser.run("return document.documentElement.lang") == "ko"
    left, right = browser.all(".strip .token")[0], browser.find("#track1 .strip .token")
    assert left.rect["x"] < right.rect["x"] and left.rect["y"] == right.rect["y"]
    browser.find("#unit-after").click()
    told = f"유닛 {chosen(browser, 'unit')}"
    assert all(told in browser.find(f"#track{n}").text for n in (0, 1))
    assert (
        "과제: 분류" in browser.find("#head").text and "인코더: GRU" in browser.find("#head").text
    )
    ramps = [browser.find(f"#track{n} p:last-child").text for n in (0, 1)]
    assert ramps[0] == ramps[1]  # one scale of colours for both
    limits = browser.run(
        "return data.texts.map(t => Object.values(t.arrays).map(a => [a.low, a.high]))"
    )
    assert limits[0] == limits[1]
    browser.size(400)
    for n in (0, 1):
        assert f"글 {n + 1}" in browser.find(f"#track{n} .which").text
        assert browser.find(f"#track{n} .which").rect["height"] > 0
    left, right = (browser.find(f"#track{n}") for n in (0, 1))
    assert left.rect["x"] == right.rect["x"] and left.rect["y"] < right.rect["y"]
    assert quiet(browser)


def test_the_theme_is_turned_and_stays(browser: Browser, page_of_task: Make) -> None:
    opened(browser, page_of_task("generate", [GIVEN["generate"]]))
    theme = "return document.documentElement.dataset.theme"
    assert browser.run(theme) == "light"
    browser.find("#theme").click()
    browser.find("#unit-after").click()
    assert browser.run(theme) == "dark" and quiet(browser)


@pytest.mark.parametrize("name", ["transcribe", "compose-roll", "caption"])
def test_what_was_read_is_clicked(name: str, browser: Browser, page_of_task: Make) -> None:
    opened(browser, page_of_task(name, [GIVEN[name]]))
    before = chosen(browser, "here")
    if name == "caption":
        browser.run("arguments[0].click()", browser.all(".look")[1])
        assert chosen(browser, "here") == [1]
    else:
        canvas = browser.find("#main canvas")
        browser.run("arguments[0].scrollIntoView({block: 'center'})", canvas)
        canvas.click()
        assert chosen(browser, "here") != before
    assert quiet(browser)


def test_words_of_the_input_are_no_markup(browser: Browser, page_of_task: Make) -> None:
    """What a text says is shown, and never run."""
    page = page_of_task("tag", [["<img", "src=x", "onerror=alert(1)>", "</script>"]])
    opened(browser, page)
    assert "</script>" in browser.find("#main").text
    assert not browser.all("#main img") and quiet(browser)


def test_a_notebook_s_frame_draws_the_same(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    build, data, given = MODELS["classify"]
    notebook = tmp_path / "notebook.html"
    frame = build().fit(data).trace(given)._repr_html_()
    notebook.write_text(f"<!doctype html><meta charset=utf-8>{frame}", encoding="utf-8")
    browser.open(notebook.as_uri())
    browser.driver.switch_to.frame(browser.find("iframe"))
    browser.until("return document.querySelectorAll('#main canvas').length > 0")
    browser.find("#unit-after").click()
    assert browser.find(".strip").text
    browser.driver.switch_to.default_content()
    assert quiet(browser)
