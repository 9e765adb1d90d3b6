"""The page in real headless Chromium: every task is played, by mouse and keyboard."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import served_runs
from browser import Browser
from served import Loud, listening

from seqloom.serve.opening import SERVED, open_served

Keys = pytest.importorskip("selenium.webdriver", reason="needs selenium").Keys
ActionChains = pytest.importorskip("selenium.webdriver").ActionChains
WebDriverWait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait
StaleElementReferenceException = pytest.importorskip(
    "selenium.common.exceptions"
).StaleElementReferenceException
PATIENCE = 20.0  # seconds; the machine may be busy
UNNAMED = """
return [...document.querySelectorAll('button, input, select, textarea, [role=slider], iframe')]
  .filter(one => !one.closest('[hidden], [aria-hidden=true]'))
  .filter(one => !(one.labels && one.labels.length) && !one.getAttribute('aria-label')
    && !one.title && !one.textContent.trim())
  .map(one => one.outerHTML.slice(0, 120))
"""
OVERFLOW = "const e = document.documentElement; return e.scrollWidth - e.clientWidth"


class Page:
    """A page of the server, and ways to wait for what it shows."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver, self.address = driver, address

    def open(self, model: str, language: str = "en") -> None:
        self.driver.get("about:blank")
        self.driver.get(f"{self.address}/#{model}")
        self.one(f"[data-language={language}]").click()
        self.until(lambda: self.one("h2").text == model)

    def all(self, css: str) -> list[Any]:
        found: list[Any] = self.driver.find_elements("css selector", css)
        return found

    def one(self, css: str) -> Any:
        self.until(lambda: self.all(css), css)
        return self.all(css)[0]

    def until(self, true: Callable[[], Any], what: str = "") -> None:
        # What is drawn anew while it is looked at is looked for again.
        wait = WebDriverWait(self.driver, PATIENCE, 0.05, [StaleElementReferenceException])
        wait.until(lambda _: true(), what or "the page did not do it in time")

    def type(self, text: str) -> None:
        area = self.one("textarea")
        area.clear()
        area.send_keys(text)

    def submit(self) -> None:
        self.one("form.play button.main").click()

    def width(self, pixels: int) -> None:
        size = {"width": pixels, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def complaints(self) -> list[str]:
        """What the console holds: errors, and what the page's policy forbade."""
        logs = self.driver.get_log("browser")
        return [one["message"] for one in logs if one["level"] == "SEVERE"]


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqloom.tasks.compose.MEASURED", 2)
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        models = [open_served(served_runs.make(task, folder)) for task in SERVED]
    with listening(models) as (address, _):
        yield Page(browser.driver, address)


@pytest.fixture(autouse=True)
def no_complaints(page: Page) -> Iterator[None]:
    page.width(1_300)
    page.complaints()
    yield
    assert page.complaints() == []


def test_text_is_streamed_with_what_was_likely(page: Page) -> None:
    page.open("generate")
    page.type("He said")
    page.submit()
    page.until(lambda: len(page.all(".written .token")) > 2)
    assert page.one(".written .prompt").text == "He said"
    page.until(lambda: not page.all(".answer[aria-busy]"))
    assert len(page.all(".bars .bar")) == 8
    slider = page.one(".answer input[type=range]")
    before = slider.get_attribute("aria-valuetext")
    slider.send_keys(Keys.ARROW_LEFT)
    assert slider.get_attribute("aria-valuetext") != before
    assert len(page.all(".bars .bar.chosen")) <= 1


def test_a_text_gets_its_label_with_colours(page: Page) -> None:
    page.open("classify")
    page.type("a good film")
    page.one("textarea").send_keys(Keys.CONTROL, Keys.ENTER)
    page.until(lambda: len(page.all(".tokens span")) >= 3)
    assert page.one(".best").text.split()[0] in ("good", "bad")
    assert "rgb" in page.all(".tokens span")[1].get_attribute("style")


def test_words_get_tags(page: Page) -> None:
    page.open("tag")
    page.type("Anna eats rice")
    page.submit()
    page.until(lambda: len(page.all(".tags span")) == 3)
    assert all(small.text for small in page.all(".tags small"))


def test_a_translation_with_its_alignment(page: Page) -> None:
    page.open("translate")
    page.type("the cat")
    page.submit()
    page.until(lambda: page.all(".answer canvas[role=img]"))
    assert len(page.all(".answer ol li")) == 3


def test_a_forecast_is_dragged(page: Page) -> None:
    page.open("forecast")
    handle = page.one(".handle")
    assert handle.get_attribute("aria-valuenow") == "3"
    handle.send_keys(Keys.ARROW_RIGHT)
    page.until(lambda: page.one(".handle").get_attribute("aria-valuenow") == "4")

    def dragged() -> bool:
        action = ActionChains(page.driver).click_and_hold(page.one(".handle circle"))
        action.move_by_offset(-70, 0).release().perform()
        return int(page.one(".handle").get_attribute("aria-valuenow")) < 4

    page.until(dragged)
    assert page.all("polygon") and page.all("polyline")


def test_own_rows_are_forecast(page: Page) -> None:
    page.open("forecast")
    page.one(".handle")
    page.one("summary").click()
    page.type("y\n" + "\n".join(str(n % 5) for n in range(20)))
    page.all("details button")[0].click()
    page.until(lambda: "19" in page.one("svg").text or "22" in page.one("svg").text)


def test_a_recording_is_written_down(page: Page, tmp_path: Path) -> None:
    page.open("transcribe")
    (tmp_path / "abc.wav").write_bytes(served_runs.sound())
    page.one("input[type=file]").send_keys(str(tmp_path / "abc.wav"))
    page.until(lambda: page.all(".answer .best"))
    assert page.all("audio") and page.all("canvas")


def test_the_microphone_is_heard(page: Page) -> None:
    page.open("transcribe")
    record = page.one(".drop button.main")
    record.click()
    page.until(lambda: record.get_attribute("aria-pressed") == "true")
    time.sleep(0.4)
    record.click()
    page.until(lambda: page.all(".answer .best"))
    assert record.get_attribute("aria-pressed") == "false"


def test_a_piece_is_composed_and_played(page: Page) -> None:
    page.open("compose")
    page.submit()
    page.until(lambda: page.all(".answer canvas"))
    link = page.one("a[download]")
    assert link.get_attribute("download") == "compose.mid"
    play = page.one(".answer button.main")
    play.click()
    page.until(lambda: play.text in ("Stop", "Play"))
    play.click()


def test_a_picture_gets_its_caption(page: Page, tmp_path: Path) -> None:
    page.open("caption")
    (tmp_path / "red.png").write_bytes(served_runs.picture())
    page.one("input[type=file]").send_keys(str(tmp_path / "red.png"))
    page.until(lambda: page.all(".answer .row button"))
    word = page.one(".answer .row button")
    word.click()
    assert word.get_attribute("aria-pressed") == "true"
    assert page.one(".answer [aria-live]").text.startswith("Where it looked")


def test_the_inside_stands_beside(page: Page) -> None:
    page.open("classify")
    page.type("a bad film")
    frame = page.one("#inside iframe")
    assert frame.get_attribute("sandbox") == "allow-scripts"
    page.driver.switch_to.frame(frame)
    page.until(lambda: page.all("h1"))
    page.driver.switch_to.default_content()
    page.one("#inside button").click()
    assert not page.all("#inside iframe")
    page.one("#inside button").click()


def test_what_was_not_read_is_told_in_the_page_s_language(page: Page) -> None:
    page.open("classify", "ko")
    page.one("textarea")
    page.driver.execute_script("document.querySelector('textarea').value = 'good '.repeat(3000)")
    page.submit()
    assert "끝부분은 읽지 않았습니다" in page.one(".note.cut").text
    page.until(lambda: "토큰 400개까지" in page.one("#inside").text)
    page.until(lambda: "너무 길어 무엇이" in page.one(".answer").text)
    page.open("generate", "ko")
    page.type("Hé")
    page.submit()
    page.until(lambda: any("어휘에 없는 말: é" in one.text for one in page.all(".answer .note")))
    assert all("422" in one for one in page.complaints())


@pytest.mark.parametrize("task", SERVED)
def test_every_control_has_a_name_and_nothing_sticks_out(page: Page, task: str) -> None:
    page.width(400)
    page.open(task, "ko")
    for language, word in (("ko", "한국어"), ("en", "English")):
        page.one(f"[data-language={language}]").click()
        assert page.driver.execute_script(UNNAMED) == []
        assert page.driver.execute_script(OVERFLOW) <= 0
        html = page.one("html")
        assert html.get_attribute("lang") == language
        pressed = page.one("[data-language][aria-pressed=true]")
        assert pressed.text == word


def test_the_keyboard_reaches_the_model_first(page: Page) -> None:
    page.driver.get("about:blank")
    page.driver.get(f"{page.address}/")
    page.one("textarea")
    ActionChains(page.driver).send_keys(Keys.TAB).perform()
    assert page.driver.switch_to.active_element.get_attribute("id") == "skip"
    current = page.one("#models [aria-current]")
    assert current.get_attribute("href").endswith("#generate")


def test_a_refusal_is_told(page: Page) -> None:
    page.open("tag")
    page.type(" ")
    page.submit()
    assert "empty" in page.one(".wrong[role=alert]").text
    assert all("422" in one for one in page.complaints())


def test_an_api_key_is_asked_for_on_the_page(page: Page) -> None:
    with listening([Loud()], api_key="secret") as (address, _):
        other = Page(page.driver, address)
        other.driver.get(address)
        other.until(lambda: other.one("#key").is_displayed())
        other.one("#key-value").send_keys("secret")
        other.one("#key-send").click()
        other.until(lambda: other.one("h2").text == "loud")
    assert all("401" in one for one in page.complaints())
