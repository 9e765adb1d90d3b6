"""What a person sees: columns in line, also with wide characters, and nothing cut."""

import io
import math
from collections.abc import Iterator
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
    show_details,
    show_evaluation,
    show_metrics,
    show_tagged,
    show_tokens,
    visible,
)
from seqloom.terminal.music import remark_on_repeats
from seqloom.terminal.samples import tag_colour
from seqloom.terminal.scores import verdict
from seqloom.watching import Pace, Report, Units

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


def test_a_report_too_wide_for_the_terminal_goes_on_below() -> None:
    scores = {"accuracy": 0.4254, "f1": 0.4}
    for place, lines in ((screen(80, terminal=True), 2), (screen(80), 1)):
        with TerminalWatcher(place) as watcher:
            watcher.report(report(scores=scores))
        told = [line for line in shown(place) if line.strip()]
        assert len(told) == lines
    console = screen(80, terminal=True)
    TerminalWatcher(console).report(report())
    assert len([line for line in shown(console) if line.strip()]) == 1


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


def test_the_bar_keeps_its_loss_over_a_report_and_starts_with_figures() -> None:
    console = screen(90, terminal=True)
    with TerminalWatcher(console) as watcher:
        watcher.pace(Pace(10, 0.5, 1.25, 12_345.0, 90.0))
        watcher.pace(Pace(10, 0.5, math.nan, 12_345.0, 90.0))
        watcher.progress.refresh()
    text = "\n".join(shown(console))
    assert "loss 1.250" in text
    assert "nan" not in text and "loss 0.000" not in text


def test_a_message_in_a_file_stays_one_line() -> None:
    console = screen(30)
    TerminalWatcher(console).message("long words " * 10 + "[bold]")
    assert shown(console) == ["· " + "long words " * 10 + "[bold]"]


def test_metrics_stand_beside_the_baseline_s() -> None:
    console = screen()
    metrics = {
        "task": "generate",
        "valid": SCORES,
        "test": {},
        "baseline": {"valid": WORSE, "test": {}},
    }
    show_metrics(console, metrics)
    text = "\n".join(shown(console))
    assert "this model, validation" in text and "test" not in text
    assert "39% less perplexed" in text
    show_metrics(
        console,
        {
            "task": "generate",
            "valid": WORSE,
            "test": WORSE,
            "baseline": {"valid": SCORES, "test": SCORES},
        },
    )
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
    lines = next_commands(Path("runs/my run"), "generate", {"prompt": prompt})
    assert flag in lines[2].replace('"runs/my run"', "run")


def test_paths_are_quoted() -> None:
    assert quoted("runs/my run") == '"runs/my run"'


def test_a_score_that_is_no_number_is_a_dash() -> None:
    """As it is when it was just computed, and as it is read from metrics.json."""
    lost: dict[str, float | None] = dict.fromkeys(SCORES, float("nan"))
    for scores in (lost, dict.fromkeys(SCORES)):
        console = screen(100)
        show_metrics(console, {"task": "generate", "valid": scores, "baseline": {"valid": WORSE}})
        text = " ".join(shown(console))
        assert text.count("–") == 3 and "nan" not in text.split("does not beat")[0]
        assert "does not beat the n-gram baseline" in text


CLASSES = {"accuracy": 0.8, "macro_f1": 0.7, "roc_auc": 0.9, "ece": 0.05}


def compared(ours: dict[str, float], theirs: dict[str, float], task: str) -> str:
    console = screen()
    show_metrics(console, {"task": task, "valid": ours, "baseline": {"valid": theirs}})
    return " ".join(" ".join(shown(console)).split())


def test_the_verdict_is_on_the_score_that_decides() -> None:
    text = compared(CLASSES, {**CLASSES, "accuracy": 0.75}, "classify")
    assert "linear baseline, validation" in text and text.count(", validation") == 2, "two rows"
    assert "beats the linear baseline (80.00% against 75.00% of accuracy)." in text
    assert "does not beat" in compared(CLASSES, CLASSES, "classify")
    rare = compared(CLASSES, {**CLASSES, "accuracy": 0.75, "macro_f1": 0.72}, "classify")
    assert "though not in the mean over labels (70.00% against 72.00% of macro F1)" in rare
    several = compared({**CLASSES, "micro_f1": 0.6}, {**CLASSES, "micro_f1": 0.5}, "classify")
    assert "60.00% against 50.00% of micro F1" in several
    spans = compared({"accuracy": 0.9, "span_f1": 0.4}, {"accuracy": 0.9, "span_f1": 0.2}, "tag")
    assert "beats the most frequent tag (40.00% against 20.00% of span F1)" in spans


@pytest.mark.parametrize("near", [12.0, 3.0])
def test_the_verdict_is_on_the_stronger_of_two_baselines(near: float) -> None:
    metrics = {
        **{"task": "caption", "valid": {"chrf": 4.3}},
        "baseline": {"valid": {"chrf": 3.6}},
        "nearest": {"valid": {"chrf": near}},
    }
    said = verdict(metrics)
    if near > 4.3:
        assert "does not beat the nearest picture's caption (4.3 against 12.0 of chrF)" in said
    else:
        assert "beats the commonest caption (4.3 against 3.6 of chrF)" in said


def test_a_network_with_n_grams_is_called_so_and_stands_alone_too() -> None:
    console = screen(120)
    plain, alone = {**CLASSES, "accuracy": 0.75}, {**CLASSES, "accuracy": 0.7}
    metrics = {
        **{"task": "classify", "valid": CLASSES, "test": CLASSES},
        "network": {"valid": alone, "test": {**alone, "accuracy": 0.72}},
        "baseline": {"valid": plain, "test": plain},
    }
    show_metrics(console, metrics)
    lines = [" ".join(line.split()) for line in shown(console)]
    assert "network + n-grams, validation 80.00% 70.00% 0.900 0.050" in lines
    assert "network alone, validation 70.00% 70.00% 0.900 0.050" in lines
    assert "network alone, test 72.00% 70.00% 0.900 0.050" in lines
    assert "; the network alone does not (72.00%)." in lines[-1]
    assert not any("this model" in line for line in lines)
    metrics["network"] = {"valid": alone, "test": CLASSES}
    show_metrics(console, metrics)
    assert "alone does not" not in shown(console)[-1]


def test_scores_on_a_file_say_so() -> None:
    console = screen()
    result = {
        **{"task": "classify", "run": "runs/a", "data": "a.csv", "scores": CLASSES},
        "baseline": {"scores": {**CLASSES, "accuracy": 0.5}},
        "network": {"scores": CLASSES},
        "remarks": ["3 of 9 rows are scored; left out: no label (6)."],
    }
    show_evaluation(console, result)
    text = "\n".join(shown(console))
    assert text.startswith("· 3 of 9 rows are scored; left out: no label (6).")
    assert "network alone, on a.csv" in text
    del result["network"]
    show_evaluation(console, result)
    text = "\n".join(shown(console))
    assert "this model, on a.csv" in text and "beats" in text


def row(support: int, score: float = 0.5) -> dict[str, float]:
    return {"precision": score, "recall": score, "f1": score, "support": support}


def detailed(metrics: dict[str, object], details: dict[str, object] | None = None) -> list[str]:
    console = screen()
    show_details(console, metrics, details)
    lines = shown(console)
    assert all(cell_len(line) <= 80 for line in lines)
    return [" ".join(line.split()) for line in lines]


LENGTHS = [
    {"from": 3, "to": 14, "examples": 50, "accuracy": 0.5},
    {"from": 15, "to": 15, "examples": 49, "accuracy": 0.625},
]
MISTAKES = [
    {
        "input": f"정말 재미없는 영화 [b]{n}\n" * 30,
        "true": "나쁨",
        "guessed": "좋음",
        "probability": 0.99,
    }
    for n in range(5)
]


def test_each_label_the_lengths_and_the_surest_mistakes() -> None:
    labels = [{"label": "나쁨", **row(40)}, {"label": "[좋음]", **row(59, 0.75)}]
    part = {"labels": labels, "by_length": LENGTHS, "mistakes": MISTAKES}
    lines = detailed({"valid": CLASSES, "test": {}}, {"valid": part})
    assert "나쁨 50.0% 50.0% 50.0% 40" in lines and "[좋음] 75.0% 75.0% 75.0% 59" in lines
    assert "length in tokens 3–14 15" in lines and "accuracy 50.0% 62.5%" in lines
    assert "Surest mistakes (5 stand in details.json)" in lines
    assert lines.count("좋음 99.0% true: 나쁨") == 3
    assert sum("[b]0" in line for line in lines) <= 3, "a text is cut to two or three lines"
    steps = detailed({"valid": CLASSES}, {"valid": {**part, "length_in": "steps"}})
    assert "length in steps 3–14 15" in steps
    same = detailed({"valid": CLASSES}, {"valid": {**part, "by_length": LENGTHS[:1]}})
    assert not any("length" in line for line in same), "one part compares nothing"
    tested = detailed({"valid": CLASSES, "test": CLASSES}, {"valid": part, "test": part})
    assert "label, test precision recall F1 examples" in tested


def test_mistakes_of_several_labels_say_what_is_wrong() -> None:
    mistake = {
        **{"input": "The soup was cold.", "true": "food", "guessed": "place, price"},
        **{"missed": {"food": 0.031}, "wrongly_given": {"place": 0.9, "price": 0.8}},
        "probability": 0.969,
    }
    none = {**mistake, "true": "", "missed": {}, "wrongly_given": {"price": 0.8}}
    part = {"labels": [], "by_length": [], "mistakes": [mistake, none]}
    lines = detailed({"valid": CLASSES}, {"valid": part})
    assert "missed food (3.1%); wrongly given place (90.0%), price (80.0%) true: food" in lines
    assert "wrongly given price (80.0%) true: (none)" in lines


def test_details_of_a_file_are_those_of_a_run() -> None:
    labels = [{"label": "valid", **row(4)}]
    part = {"labels": labels, "by_length": LENGTHS, "length_in": "tokens", "mistakes": MISTAKES}
    lines = detailed({"task": "classify", "scores": CLASSES, "details": part})
    assert "label, this file precision recall F1 examples" in lines
    assert "Surest mistakes" in lines, "a file's are not saved"
    lines = detailed({"scores": CLASSES, "per_tag": {"valid": row(4)}})
    assert "tag, this file precision recall F1 words" in lines
    assert "valid 50.0% 50.0% 50.0% 4" in lines


def test_rare_labels_are_taken_together() -> None:
    labels = [{"label": f"label {n}", **row(n, n / 20)} for n in range(20)]
    part = {"labels": labels, "by_length": [], "mistakes": []}
    lines = detailed({"valid": CLASSES}, {"valid": part})
    names = [line for line in lines if line.startswith("label ")]
    assert len(names) == 11 and names[0].endswith(" 19") and names[-1].endswith(" 9")
    assert "9 rarer ones, mean 20.0% 20.0% 20.0% 36" in lines
    assert not any("mistakes" in line or "length" in line for line in lines)


def test_each_tag_or_each_kind_of_span() -> None:
    tags = {"NOUN": row(30), "VERB": row(20, 1.0)}
    metrics = {"valid": {"accuracy": 0.5}, "test": {}, "per_tag": {"valid": tags}}
    lines = detailed({**metrics, "per_span": {}})
    assert "tag, validation precision recall F1 words" in lines
    assert "VERB 100.0% 100.0% 100.0% 20" in lines
    lines = detailed({**metrics, "per_span": {"valid": {"person": row(5)}}})
    assert "person 50.0% 50.0% 50.0% 5" in lines and not any("NOUN" in line for line in lines)
    assert detailed({"valid": SCORES, "test": {}}) == [], "generate has no details"


def test_units_are_those_of_what_is_trained() -> None:
    console = screen(100, terminal=True)
    with TerminalWatcher(console) as watcher:
        watcher.begin(Units("example", "steps"))
        watcher.pace(Pace(10, 0.5, 1.25, 12_345.0, 90.0))
        watcher.progress.refresh()
        watcher.report(report(scores={"accuracy": 0.5, "span_f1": 0.25, "other": 1.0}))
        watcher.begin(Units("word", "words"))
        assert watcher.progress.tasks[0].completed == 0
        watcher.pace(Pace(10, 0.25, 1.25, 99.0, 90.0))
        watcher.progress.refresh()
    text = "\n".join(shown(console))
    assert "12,345 steps/s" in text and "99 words/s" in text
    said = " ".join(text.split())  # the line goes on below where the terminal is narrow
    assert "nats an example accuracy 50.00% span F1 25.00%, best" in said


def test_series_have_no_passage() -> None:
    console = screen()
    TerminalWatcher(console).passage([], [])
    assert shown(console) == []


def test_samples_of_a_classifier_and_a_tagger() -> None:
    console = screen()
    right = {"text": "a [b] film", "label": "good", "probability": 0.75, "true": "good"}
    tags = {"tokens": ["Anna", "ran", "home"], "true": ["B-per", "O", "O"]}
    samples = [right, {**right, "true": "bad"}, {**tags, "guessed": ["B-per", "O", "B-loc"]}]
    TerminalWatcher(console).report(report(samples=samples))
    lines = [line.strip() for line in shown(console)[2:]]
    assert lines[0] == "good 75% a [b] film" and lines[1].endswith("(true: bad)")
    assert lines[2] == "Anna/B-per ran home/B-loc≠O"


def test_tags_stand_under_their_words_also_in_hangul() -> None:
    console = screen(20)
    words = [("나는", "PRON"), ("[b]", "X"), ("학교에", "ADV"), ("갔다", "VERB"), (".", "PUNCT")]
    lines = [*("\t".join(pair) for pair in words), "", "# text = a", "Hi\tO"]
    show_tagged(console, iter(lines))
    found = shown(console)
    assert all(cell_len(line) <= 20 for line in found)
    top, bottom = found[0], found[1]
    for word, tag in words[:3]:
        assert cell_len(top[: top.index(word)]) == bottom.index(tag)
    assert found[2].startswith("갔다") and found[3].startswith("VERB PUNCT")
    assert found[4:] == ["", "# text = a", "Hi", "O"]


def test_a_sentence_is_shown_before_the_next_is_read() -> None:
    console = screen()

    def lines() -> Iterator[str]:
        yield "one\tNUM"
        yield ""
        assert shown(console) == ["one", "NUM", ""]
        yield "two\tNUM"

    show_tagged(console, lines())
    assert shown(console)[-2:] == ["two", "NUM"]


def test_tags_of_one_kind_have_one_colour() -> None:
    assert tag_colour("B-person") == tag_colour("I-person") == tag_colour("person")
    assert tag_colour("NOUN") == tag_colour("NOUN") != tag_colour("VERB")


@pytest.mark.parametrize(
    ("task", "sample", "lines"),
    [
        (
            "classify",
            {"text": "정말 재미있는 영화"},
            [
                'echo "정말 재미있는 영화" | seqloom predict r -',
                "predict r FILE --out predictions.csv",
            ],
        ),
        (
            "tag",
            {"tokens": ["Anna", "ran"]},
            ['echo "Anna ran" | seqloom predict r -', "tagged.txt"],
        ),
        ("classify", {"text": ""}, ["  seqloom predict r FILE --out predictions.csv"]),
        ("classify", {}, ["  seqloom predict r FILE --out predictions.csv"]),
    ],
)
def test_what_to_try_differs_by_task(
    task: str, sample: dict[str, object], lines: list[str], tmp_path: Path
) -> None:
    found = next_commands(Path("r"), task, sample)
    assert [expected in line for expected, line in zip(lines, found[2:], strict=False)] == [
        True for _ in lines
    ]
    assert len(found) == 3 + len(lines) and found[-1] == "  seqloom evaluate r"
    (tmp_path / "confusion.png").touch()
    (tmp_path / "metrics.json").touch()
    held = next_commands(tmp_path, task, sample)[1]
    assert "(confusion.png, metrics.json)" in held  # what is there, and nothing else
    assert "loss.png" not in held


@pytest.mark.parametrize(
    ("real", "ours", "said"), [(0.513, 0.0, True), (0.513, 0.3, False), (0.063, 0.0, False)]
)
def test_a_composer_that_never_returns_is_told_of(real: float, ours: float, said: bool) -> None:
    music = {"training": {"repeated_bars": real}, "model": {"repeated_bars": ours}}
    line = remark_on_repeats(music)
    assert bool(line) == said
    assert not said or ("51.3% come again" in line and "writes 0.0%" in line)
    assert remark_on_repeats({"training": {"repeated_bars": real}}) == ""
