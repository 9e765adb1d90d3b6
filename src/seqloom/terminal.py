"""What a person sees while a run goes on and when it ends."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from seqloom.watching import Pace, Report

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_magenta")
LONGEST_BAR = 30  # characters, of a probability of one
LONGEST_PROMPT = 40  # characters of a prompt in a command to try


def duration(seconds: float) -> str:
    """Minutes and seconds.

    >>> duration(75)
    '1:15'
    """
    if not math.isfinite(seconds):
        return "?:??"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class TerminalWatcher:
    """Shows a run: a bar with the time left, a line and three texts a report.

    Args:
        console: where to; a bar is drawn on a terminal only.
        verbose: say where the learning rate stands too.
    """

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self.console, self.verbose = console, verbose
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %  loss {task.fields[loss]:.3f}"),
            TextColumn("{task.fields[speed]:,.0f} tokens/s  {task.fields[left]} left"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Take the bar away, whatever happened."""
        self.progress.stop()

    def passage(self, tokens: Sequence[str], ids: Sequence[int]) -> None:
        """The first tokens and their ids."""
        show_tokens(self.console, tokens, ids)

    def pace(self, pace: Pace) -> None:
        """Move the bar."""
        if not self.console.is_terminal:
            return
        if self._bar is None:
            self.progress.start()
            self._bar = self.progress.add_task("training", total=1.0, loss=0.0, speed=0.0, left="")
        self.progress.update(
            self._bar,
            completed=pace.progress,
            loss=pace.loss,
            speed=pace.tokens_per_second,
            left=duration(pace.seconds_left),
        )

    def report(self, report: Report) -> None:
        """A line of numbers, and what the model can do by now."""
        star = "[green], best[/]" if report.best else ""
        rate = f"  rate {report.rate:.2g}" if self.verbose else ""
        self.console.print(
            f"\n[bold]epoch {report.epoch:.2f}[/]  update {report.update:,}  "
            f"{duration(report.seconds)}  train {report.train:.3f}  "
            f"[bold]valid {report.valid:.3f}[/] nats{_scores(report.scores)}{rate}{star}",
            highlight=False,
            soft_wrap=True,
        )
        if report.samples:
            self.console.print(samples_table(report.samples))

    def message(self, text: str) -> None:
        """A line, or several with an indent."""
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        table.add_row("·", Text(text))
        if self.console.is_terminal:
            self.console.print(table)
        else:
            self.console.print(f"· {text}", markup=False, highlight=False, soft_wrap=True)


def _scores(scores: dict[str, float]) -> str:
    """The first two scores, as shares."""
    shown = list(scores.items())[:2]
    return "".join(f"  [bold]{name.replace('_', ' ')} {value:.1%}[/]" for name, value in shown)


def samples_table(samples: Iterable[dict[str, Any]]) -> Padding:
    """What the model can do by now: texts it wrote, or what it says of examples it never saw."""
    table = Table.grid(padding=(0, 1))
    table.add_column(style="cyan")
    table.add_column(overflow="fold")
    for sample in samples:
        if "temperature" in sample:
            text = Text.assemble((sample["prompt"], "dim"), sample["text"].rstrip())
            table.add_row(f"{sample['temperature']:.1f}", text)
        elif "label" in sample:
            table.add_row(*_labelled(sample))
        else:
            table.add_row("", tagged_text(sample["tokens"], sample["guessed"], sample["true"]))
    return Padding(table, (0, 0, 0, 2))


def _labelled(sample: dict[str, Any]) -> tuple[Text, Text]:
    """Label and probability, green when right; the text, and the true label when wrong."""
    right = sample["label"] == sample["true"]
    mark = f"{sample['label']} {sample['probability']:.0%}"
    text = Text(sample["text"], "" if right else "dim")
    if not right:
        text.append(f"  (true: {sample['true']})", "red")
    return Text(mark, "green" if right else "red"), text


def tagged_text(
    tokens: Sequence[str], tags: Sequence[str], true: Sequence[str] | None = None
) -> Text:
    """Words with their tags behind them; a wrong tag in red with the true one."""
    text = Text()
    for place, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
        text.append(token)
        wrong = true is not None and true[place] != tag
        if wrong and true is not None:
            text.append(f"/{tag}≠{true[place]} ", "red")
        elif tag == "O":
            text.append(" ")
        else:
            text.append(f"/{tag} ", _COLOURS[_place(tag) % len(_COLOURS)])
    return text


def _place(tag: str) -> int:
    """A number that is the same for B-x and I-x, and from one call to the next."""
    return sum(tag.rpartition("-")[2].encode())


def show_tokens(console: Console, tokens: Sequence[str], ids: Sequence[int]) -> None:
    """A passage as tokens and, under them, ids: as many as fit on a line."""
    top, bottom = "  tokens ", "  ids    "
    for token, number in zip(tokens, ids, strict=False):
        shown = visible(token)
        width = max(cell_len(shown), len(str(number))) + 1
        if len(bottom) + width > console.width:
            break
        top += set_cell_size(shown, width)
        bottom += str(number).ljust(width)
    console.print(f"{escape(top)}\n{escape(bottom)}", highlight=False, no_wrap=True)


def visible(token: str) -> str:
    r"""A token with its white space made visible.

    >>> visible(" a\n")
    '␣a⏎'
    """
    return token.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")


COLUMNS = {
    "nll": "nats a token",
    "perplexity": "perplexity",
    "bits_per_character": "bits a character",
    "accuracy": "accuracy",
    "span_f1": "span F1",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "roc_auc": "ROC AUC",
    "ece": "calibration error",
}
SHARES = ("accuracy", "span_f1", "macro_f1", "micro_f1")  # shown in percent
SHOWN = {
    "generate": ("nll", "perplexity", "bits_per_character"),
    "classify": ("accuracy", "micro_f1", "macro_f1", "roc_auc", "ece"),
    "tag": ("accuracy", "span_f1"),
}
BASELINES = {
    "generate": "n-gram baseline",
    "classify": "linear baseline",
    "tag": "most frequent tag",
}


def show_metrics(console: Console, metrics: dict[str, Any], valid: str = "validation") -> None:
    """The model's scores beside the baseline's, and which is better."""
    task = metrics["task"]
    parts = [(p, words) for p, words in (("valid", valid), ("test", "test")) if metrics.get(p)]
    names = [name for name in SHOWN[task] if any(name in metrics[part] for part, _ in parts)]
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
    table.add_column("", overflow="fold")
    for name in names:
        table.add_column(COLUMNS[name], justify="right")
    for part, words in parts:
        table.add_row(f"this model, {words}", *_figures(metrics[part], names))
        plain = metrics["baseline"][part]
        table.add_row(f"{BASELINES[task]}, {words}", *_figures(plain, names))
    console.print(table)
    console.print(verdict(metrics), highlight=False, soft_wrap=not console.is_terminal)


def _figures(scores: dict[str, float | None], names: Sequence[str]) -> list[str]:
    """Scores as words; a dash for one that is no number."""
    return [_figure(name, scores.get(name)) for name in names]


def _figure(name: str, value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"  # a run holds null for what was no number
    return f"{value:.2%}" if name in SHARES else f"{value:.3f}"


def verdict(metrics: dict[str, Any]) -> str:
    """Whether the network earns its place beside the baseline, in a sentence."""
    part = "test" if metrics.get("test") else "valid"
    model, plain = metrics[part], metrics["baseline"][part]
    if metrics["task"] == "generate":
        return _verdict_of_text(model["perplexity"], plain["perplexity"])
    deciding = "span_f1" if "span_f1" in model else "accuracy"
    ours, theirs = model[deciding], plain[deciding]
    name, baseline = COLUMNS[deciding], BASELINES[metrics["task"]]
    if ours > theirs:
        words = f"beats the {baseline}"
    else:
        words = f"does not beat the {baseline}: train longer (--minutes), or use the baseline"
    return f"The model {words} ({ours:.2%} against {theirs:.2%} of {name})."


def _verdict_of_text(*found: float | None) -> str:
    model, plain = (x if x is not None and math.isfinite(x) else math.inf for x in found)
    if model < plain:
        return (
            f"The model is {1 - model / plain:.0%} less perplexed than the n-gram baseline "
            f"({model:.2f} against {plain:.2f})."
        )
    return (
        f"The model does not beat the n-gram baseline ({model:.2f} against {plain:.2f} of "
        "perplexity): train longer (--minutes), on more text, or use the n-grams."
    )


def show_candidates(
    console: Console, step: int, chosen: str, candidates: Sequence[tuple[str, float]]
) -> None:
    """The likeliest tokens of a step with bars; the one taken is marked."""
    if step > 1:
        console.print()
    console.print(f"[dim]step {step}:[/] [bold]{escape(visible(chosen))}[/]", highlight=False)
    width = max([10, *(cell_len(visible(token)) for token, _ in candidates)])
    for token, probability in candidates:
        mark = "→" if token == chosen else " "
        shown = escape(set_cell_size(visible(token), width))
        bar = "█" * round(probability * LONGEST_BAR)
        line = f"  {mark} {shown} {probability:7.2%} [cyan]{bar}[/]"
        console.print(line, highlight=False, no_wrap=True, overflow="crop")


def show_evaluation(console: Console, result: dict[str, Any]) -> None:
    """Scores on a file, or those of the training, and the share of copied text."""
    if "scores" in result:
        shown = {"valid": result["scores"], "baseline": {"valid": result["baseline"]["scores"]}}
        show_metrics(console, shown, f"on {result['data']}")
    else:
        show_metrics(console, result)
    if "copied_8grams" in result:
        console.print(
            f"{result['copied_8grams']:.1%} of the runs of eight tokens in generated text "
            "(temperature 0.8) stand word for word in the training part.",
            highlight=False,
            soft_wrap=not console.is_terminal,
        )


def show_token_reports(console: Console, reports: list[dict[str, Any]]) -> None:
    """Each tokenizer's figures and its example."""
    for report in reports:
        console.print(f"\n[bold]{report['kind']}[/]", highlight=False)
        if report["missing"]:
            console.print(f"  {escape(report['missing'])}", highlight=False)
            continue
        console.print(
            f"  vocabulary {report['vocabulary_size']:,}   tokens a record "
            f"{report['mean_tokens']:,.1f} (median {report['median_tokens']:,.0f})   "
            f"unknown {report['unknown']:.2%}",
            highlight=False,
        )
        show_tokens(console, report["example"], report["ids"])


def show_catalogue(console: Console, entries: dict[str, Any]) -> None:
    """Names, titles, licences."""
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("what it is", overflow="fold")
    table.add_column("licence", overflow="fold")
    for name, entry in entries.items():
        table.add_row(name, escape(entry.title), escape(entry.licence))
    console.print(table)


def next_commands(path: Path, prompt: str) -> list[str]:
    """What to try after training, with the prompt that the run's samples began with."""
    run = quoted(str(path))
    start = prompt.splitlines()[0] if prompt.strip() else ""
    if len(start) > LONGEST_PROMPT:
        start = start[:LONGEST_PROMPT].rsplit(" ", 1)[0]
    with_prompt = f"{run} --prompt {quoted(start)}" if start else run
    return [
        "",
        f"The run is in {path} (loss.png, metrics.json, samples.jsonl, config.toml). Try:",
        f"  seqloom generate {with_prompt} --temperature 0.5",
        f"  seqloom generate {with_prompt} --length 5 --probabilities 5",
        f"  seqloom evaluate {run}",
    ]


def quoted(word: str) -> str:
    """A word as a shell reads it: in double quotes, which all shells know, where that is safe.

    >>> quoted("runs/cats"), quoted("the cat"), quoted("$5")
    ('runs/cats', '"the cat"', "'$5'")
    """
    safe = shlex.quote(word)
    if safe == word or set(word) & set('"$`\\!%'):
        return safe
    return f'"{word}"'
