"""The page in real headless Chromium: every task is played, by mouse and keyboard."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import served_runs
from served import Loud, listening

from seqloom.serve.opening import SERVED, open_served

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

PROGRAMS = (("chromium", "chromium-browser", "google-chrome"), ("chromedriver",))
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
)
PATIENCE = 20.0  # seconds; the machine may be busy
UNNAMED = """
return [...document.querySelectorAll('button, input, select, textarea, [role=slider], iframe')]
  .filter(one => !one.closest('[hidden], [aria-hidden=true]'))
  .filter(one => !(one.labels && one.labels.length) && !one.getAttribute('aria-label')
    && !one.title && !one.textContent.trim())
  .map(one => one.outerHTML.slice(0, 120))
"""
OVERFLOW = "const e = document.documentElement; return e.scrollWidth - e.clientWidth"


def program(names: tuple[str, ...]) -> str:
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"needs {names[0]}: apt-get install chromium chromium-driver")
    return found


class Browser:
    """A page of the server, and ways to wait for what it shows."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver, self.address = driver, address

    def open(self, model: str, language: str = "en") -> None:
        self.driver.get("about:blank")
        self.driver.get(f"{self.address}/#{model}")
        self.one(f"[data-language={language}]").click()
        self.until(lambda: self.one("h2").text == model)

    def all(self, css: str) -> list[Any]:
        found: list[Any] = self.driver.find_elements(By.CSS_SELECTOR, css)
        return found

    def one(self, css: str) -> Any:
        self.until(lambda: self.all(css), css)
        return self.all(css)[0]

    def until(self, true: Callable[[], Any], what: str = "") -> None:
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, what or "the page did not do it in time"
            time.sleep(0.05)

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
def driver() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = program(PROGRAMS[0])
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(program(PROGRAMS[1])))
    yield found
    found.quit()


@pytest.fixture(scope="module")
def browser(driver: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqloom.tasks.compose.MEASURED", 2)
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        models = [open_served(served_runs.make(task, folder)) for task in SERVED]
    with listening(models) as (address, _):
        yield Browser(driver, address)


@pytest.fixture(autouse=True)
def no_complaints(browser: Browser) -> Iterator[None]:
    browser.width(1_300)
    browser.complaints()
    yield
    assert browser.complaints() == []


def test_text_is_streamed_with_what_was_likely(browser: Browser) -> None:
    browser.open("generate")
    browser.type("He said")
    browser.submit()
    browser.until(lambda: len(browser.all(".written .token")) > 2)
    assert browser.one(".written .prompt").text == "He said"
    browser.until(lambda: not browser.all(".answer[aria-busy]"))
    assert len(browser.all(".bars .bar")) == 8
    slider = browser.one(".answer input[type=range]")
    before = slider.get_attribute("aria-valuetext")
    slider.send_keys(Keys.ARROW_LEFT)
    assert slider.get_attribute("aria-valuetext") != before
    assert len(browser.all(".bars .bar.chosen")) <= 1


def test_a_text_gets_its_label_with_colours(browser: Browser) -> None:
    browser.open("classify")
    browser.type("a good film")
    browser.one("textarea").send_keys(Keys.CONTROL, Keys.ENTER)
    browser.until(lambda: len(browser.all(".tokens span")) >= 3)
    assert browser.one(".best").text.split()[0] in ("good", "bad")
    assert "rgb" in browser.all(".tokens span")[1].get_attribute("style")


def test_words_get_tags(browser: Browser) -> None:
    browser.open("tag")
    browser.type("Anna eats rice")
    browser.submit()
    browser.until(lambda: len(browser.all(".tags span")) == 3)
    assert all(small.text for small in browser.all(".tags small"))


def test_a_translation_with_its_alignment(browser: Browser) -> None:
    browser.open("translate")
    browser.type("the cat")
    browser.submit()
    browser.until(lambda: browser.all(".answer canvas[role=img]"))
    assert len(browser.all(".answer ol li")) == 3


def test_a_forecast_is_dragged(browser: Browser) -> None:
    browser.open("forecast")
    handle = browser.one(".handle")
    assert handle.get_attribute("aria-valuenow") == "3"
    handle.send_keys(Keys.ARROW_RIGHT)
    browser.until(lambda: browser.one(".handle").get_attribute("aria-valuenow") == "4")
    browser.until(lambda: not browser.all(".answer[aria-busy]"))
    action = webdriver.ActionChains(browser.driver)
    action.click_and_hold(browser.one(".handle circle")).move_by_offset(-70, 0).release().perform()
    browser.until(lambda: int(browser.one(".handle").get_attribute("aria-valuenow")) < 4)
    assert browser.all("polygon") and browser.all("polyline")


def test_own_rows_are_forecast(browser: Browser) -> None:
    browser.open("forecast")
    browser.one(".handle")
    browser.one("summary").click()
    browser.type("y\n" + "\n".join(str(n % 5) for n in range(20)))
    browser.all("details button")[0].click()
    browser.until(lambda: "19" in browser.one("svg").text or "22" in browser.one("svg").text)


def test_a_recording_is_written_down(browser: Browser, tmp_path: Path) -> None:
    browser.open("transcribe")
    (tmp_path / "abc.wav").write_bytes(served_runs.sound())
    browser.one("input[type=file]").send_keys(str(tmp_path / "abc.wav"))
    browser.until(lambda: browser.all(".answer .best"))
    assert browser.all("audio") and browser.all("canvas")


def test_the_microphone_is_heard(browser: Browser) -> None:
    browser.open("transcribe")
    record = browser.one(".drop button.main")
    record.click()
    browser.until(lambda: record.get_attribute("aria-pressed") == "true")
    time.sleep(0.4)
    record.click()
    browser.until(lambda: browser.all(".answer .best"))
    assert record.get_attribute("aria-pressed") == "false"


def test_a_piece_is_composed_and_played(browser: Browser) -> None:
    browser.open("compose")
    browser.submit()
    browser.until(lambda: browser.all(".answer canvas"))
    link = browser.one("a[download]")
    assert link.get_attribute("download") == "compose.mid"
    play = browser.one(".answer button.main")
    play.click()
    browser.until(lambda: play.text in ("Stop", "Play"))
    play.click()


def test_a_picture_gets_its_caption(browser: Browser, tmp_path: Path) -> None:
    browser.open("caption")
    (tmp_path / "red.png").write_bytes(served_runs.picture())
    browser.one("input[type=file]").send_keys(str(tmp_path / "red.png"))
    browser.until(lambda: browser.all(".answer .row button"))
    word = browser.one(".answer .row button")
    word.click()
    assert word.get_attribute("aria-pressed") == "true"
    assert browser.one(".answer [aria-live]").text.startswith("Where it looked")


def test_the_inside_stands_beside(browser: Browser) -> None:
    browser.open("classify")
    browser.type("a bad film")
    frame = browser.one("#inside iframe")
    assert frame.get_attribute("sandbox") == "allow-scripts"
    browser.driver.switch_to.frame(frame)
    browser.until(lambda: browser.all("h1"))
    browser.driver.switch_to.default_content()
    browser.one("#inside button").click()
    assert not browser.all("#inside iframe")
    browser.one("#inside button").click()


@pytest.mark.parametrize("task", SERVED)
def test_every_control_has_a_name_and_nothing_sticks_out(browser: Browser, task: str) -> None:
    browser.width(400)
    browser.open(task, "ko")
    for language, word in (("ko", "한국어"), ("en", "English")):
        browser.one(f"[data-language={language}]").click()
        assert browser.driver.execute_script(UNNAMED) == []
        assert browser.driver.execute_script(OVERFLOW) <= 0
        html = browser.one("html")
        assert html.get_attribute("lang") == language
        pressed = browser.one("[data-language][aria-pressed=true]")
        assert pressed.text == word


def test_the_keyboard_reaches_the_model_first(browser: Browser) -> None:
    browser.driver.get("about:blank")
    browser.driver.get(f"{browser.address}/")
    browser.one("textarea")
    browser.one("body").send_keys(Keys.TAB)
    assert browser.driver.switch_to.active_element.get_attribute("id") == "skip"
    current = browser.one("#models [aria-current]")
    assert current.get_attribute("href").endswith("#generate")


def test_a_refusal_is_told(browser: Browser) -> None:
    browser.open("tag")
    browser.type(" ")
    browser.submit()
    assert "empty" in browser.one(".wrong[role=alert]").text
    assert all("422" in one for one in browser.complaints())


def test_an_api_key_is_asked_for_on_the_page(browser: Browser) -> None:
    with listening([Loud()], api_key="secret") as (address, _):
        other = Browser(browser.driver, address)
        other.driver.get(address)
        other.until(lambda: other.one("#key").is_displayed())
        other.one("#key-value").send_keys("secret")
        other.one("#key-send").click()
        other.until(lambda: other.one("h2").text == "loud")
    assert all("401" in one for one in browser.complaints())
