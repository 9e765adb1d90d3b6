"""What a person sees: columns in line, also with wide characters, and nothing cut."""

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from seqloom.terminal import (
    TerminalWatcher,
    duration,
    next_commands,
    quoted,
    show_candidates,
    show_metrics,
    show_tokens,
    visible,
)
from seqloom.watching import Pace, Report

SCORES = {"nll": 1.5, "perplexity": 4.48, "bits_per_character": 2.16}
WORSE = {"nll": 2.0, "perplexity": 7.39, "bits_per_character": 2.88}


def screen(width: int = 80, *, terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, height=30
    )


def shown(console: Console) -> list[str]:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00"), (75.4, "1:15"), (3599.7, "1:00:00"), (float("inf"), "?:??")],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_ids_stand_under_their_tokens_also_in_hangul() -> None:
    console = screen(40)
    show_tokens(console, ["나는", "[b]", " ", "먹"], [1111111, 5, 6, 7])
    top, bottom = shown(console)
    assert "␣" in top and "[b]" in top
    for token, number in (("나는", "1111111"), ("[b]", "5"), ("␣", "6"), ("먹", "7")):
        assert cell_len(top[: top.index(token)]) == bottom.index(number)


def test_a_passage_ends_where_the_line_does() -> None:
    console = screen(30)
    show_tokens(console, ["word"] * 50, list(range(100, 150)))
    lines = shown(console)
    assert len(lines) == 2 and all(cell_len(line) <= 30 for line in lines)


def test_visible_white_space() -> None:
    assert visible("a b\n\tc") == "a␣b⏎⇥c"


def report(**changes: object) -> Report:
    values = {
        **{"update": 1200, "epoch": 1.5, "seconds": 61.0, "tokens": 5, "rate": 0.01},
        **{"train": 2.0, "valid": 1.9, "best": True, "samples": []},
        **changes,
    }
    return Report(**values)  # type: ignore[arg-type]


def test_a_report_is_a_line_and_samples_with_an_indent() -> None:
    console = screen(40)
    sample = {"temperature": 0.5, "prompt": "나는 [red]", "text": " 밥을 먹는다. " * 6 + "\nend"}
    with TerminalWatcher(console) as watcher:
        watcher.report(report(samples=[sample]))
    line, first, *rest = shown(console)[1:]
    assert line == ("epoch 1.50  update 1,200  1:01  train 2.000  valid 1.900 nats a token, best")
    assert first.startswith("  0.5 나는 [red] 밥을")
    assert all(text.startswith(" " * 6) or not text for text in rest)
    assert all(cell_len(text) <= 40 for text in [first, *rest])
    assert rest[-1].split() == ["end"]


def test_verbose_says_the_rate() -> None:
    console = screen()
    TerminalWatcher(console, verbose=True).report(report())
    assert "rate 0.01" in shown(console)[1]


def test_the_bar_is_for_terminals_and_is_taken_away() -> None:
    pace = Pace(10, 0.5, 1.25, 12_345.0, 90.0)
    quiet, console = screen(), screen(90, terminal=True)
    for place in (quiet, console):
        with pytest.raises(KeyboardInterrupt), TerminalWatcher(place) as watcher:
            watcher.pace(pace)
            watcher.progress.refresh()
            raise KeyboardInterrupt
        assert watcher.progress.finished or not watcher.progress.live.is_started
    assert shown(quiet) == []
    text = "\n".join(shown(console))
    assert "12,345 tokens/s" in text and "1:30 left" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h"), "the cursor stays hidden"


def test_a_message_in_a_file_stays_one_line() -> None:
    console = screen(30)
    TerminalWatcher(console).message("long words " * 10 + "[bold]")
    assert shown(console) == ["· " + "long words " * 10 + "[bold]"]


def test_metrics_stand_beside_the_baseline_s() -> None:
    console = screen()
    metrics = {"valid": SCORES, "test": {}, "baseline": {"valid": WORSE, "test": {}}}
    show_metrics(console, metrics)
    text = "\n".join(shown(console))
    assert "this model, validation" in text and "test" not in text
    assert "39% less perplexed" in text
    worse = {"valid": WORSE, "test": WORSE, "baseline": {"valid": SCORES, "test": SCORES}}
    show_metrics(console, worse)
    assert "does not beat the n-gram baseline" in "\n".join(shown(console))


def test_candidates_stand_in_line_also_in_hangul() -> None:
    console = screen()
    show_candidates(console, 1, "나는", [("나는", 0.5), ("[b]", 0.25)])
    show_candidates(console, 2, " x", [("y", 1.0)])
    lines = shown(console)
    assert lines[0] == "step 1: 나는" and lines[3] == "" and lines[4] == "step 2: ␣x"
    assert lines[1].startswith("  → 나는") and lines[2].startswith("    [b]")
    assert cell_len(lines[1].split("50.00%")[0]) == cell_len(lines[2].split("25.00%")[0])
    assert lines[1].count("█") == 15


@pytest.mark.parametrize(
    ("prompt", "flag"),
    [
        ("The cat", '--prompt "The cat" --temp'),
        ("cat", "--prompt cat --temp"),
        ("it's $5", """--prompt 'it'"'"'s $5' --temp"""),
        ("one\ntwo", "--prompt one --temp"),
        ("word " * 30, '--prompt "' + ("word " * 8).strip() + '" --temp'),
        ("", "run --temp"),
    ],
)
def test_commands_to_try_can_be_pasted(prompt: str, flag: str) -> None:
    assert flag in next_commands(Path("runs/my run"), prompt)[2].replace('"runs/my run"', "run")


def test_paths_are_quoted() -> None:
    assert quoted("runs/my run") == '"runs/my run"'


def test_a_score_that_is_no_number_is_a_dash() -> None:
    """As it is when it was just computed, and as it is read from metrics.json."""
    lost: dict[str, float | None] = dict.fromkeys(SCORES, float("nan"))
    for scores in (lost, dict.fromkeys(SCORES)):
        console = screen(100)
        show_metrics(console, {"valid": scores, "baseline": {"valid": WORSE}})
        text = " ".join(shown(console))
        assert text.count("–") == 3 and "nan" not in text.split("does not beat")[0]
        assert "does not beat the n-gram baseline" in text
