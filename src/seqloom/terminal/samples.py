"""Text on the screen: tokens with ids, words with tags, samples, candidates; wide letters fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from seqloom.terminal.forecasts import forecast_line

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_magenta")
LONGEST_BAR = 30  # characters, of a probability of one


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
        elif "forecast" in sample:
            table.add_row("", forecast_line(sample))
        elif "caption" in sample:
            table.add_row(*_captioned(sample))
        elif "melody" in sample:
            table.add_row("♪", Text(sample["melody"]))
        elif "transcript" in sample:
            table.add_row("", _transcribed(sample))
        elif "translation" in sample:
            table.add_row("", _translated(sample))
        else:
            table.add_row("", tagged_text(sample["tokens"], sample["guessed"], sample["true"]))
    return Padding(table, (0, 0, 0, 2))


def _labelled(sample: dict[str, Any]) -> tuple[Text, Text]:
    """Label and probability, green when right; the text, and the true label when wrong."""
    right = sample["label"] == sample["true"]
    mark = Text(f"{sample['label']} {sample['probability']:.0%}", "green" if right else "red")
    text = Text(sample.get("text") or sample.get("series", ""), "" if right else "dim")
    if not right:
        text.append(f"  (true: {sample['true']})", "red")
    return mark, text


def _translated(sample: dict[str, Any]) -> Text:
    """Source, what the model makes of it, and a true translation where that is another."""
    found, true = sample["translation"], sample["true"]
    text = Text.assemble(
        (sample["source"], "dim"), " → ", (found, "green" if found == true else "")
    )
    if found != true:
        text.append(f"  (true: {true})", "red")
    return text


def _captioned(sample: dict[str, Any]) -> tuple[Text, Text]:
    """Picture; what the model says of it, green where somebody said so, else what one said."""
    found, true = sample["caption"], sample["true"]
    right = found.split() in [text.split() for text in true]
    text = Text(found, "green" if right else "")
    if not right:
        text.append(f"  (true: {true[0]})", "red")
    return Text(sample["image"], "dim"), text


def _transcribed(sample: dict[str, Any]) -> Text:
    """What was heard, and what was said where that is something else."""
    found, true = sample["transcript"], sample["true"]
    text = Text.assemble(
        (f"{sample['speaker']}: " if sample["speaker"] else "", "dim"),
        (found or "(nothing)", "green" if found == true else ""),
    )
    if found != true:
        text.append(f"  (true: {true})", "red")
    return text


def tagged_text(
    tokens: Sequence[str], tags: Sequence[str], true: Sequence[str] | None = None
) -> Text:
    """Words with their tags behind them; a wrong tag in red with the true one."""
    text = Text()
    for place, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
        text.append(token)
        if true is not None and true[place] != tag:
            text.append(f"/{tag}≠{true[place]} ", "red")
        elif tag == "O":
            text.append(" ")
        else:
            text.append(f"/{tag} ", tag_colour(tag))
    return text


def tag_colour(tag: str) -> str:
    """A colour that is the same for B-x and I-x, and from one call to the next."""
    kind = tag.rpartition("-")[2] if tag[1:2] == "-" else tag
    return _COLOURS[sum(kind.encode()) % len(_COLOURS)]


def show_tagged(console: Console, lines: Iterable[str]) -> None:
    """Lines of word TAB tag, an empty one after each sentence: as words with tags under them.

    Any other line is printed as it is. A sentence is shown as soon as its last line is there.
    """
    held: list[tuple[str, str]] = []
    for line in lines:
        word, tab, tag = line.partition("\t")
        if tab and "\t" not in tag:
            held.append((word, tag))
            continue
        _show_sentence(console, held)
        held = []
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    _show_sentence(console, held)


def _show_sentence(console: Console, pairs: Sequence[tuple[str, str]]) -> None:
    for row in _rows_of(pairs, console.width):
        words, tags = Text(), Text()
        for word, tag in row:
            width = max(cell_len(word), cell_len(tag)) + 1
            words.append(set_cell_size(word, width))
            style = "dim" if tag == "O" else tag_colour(tag)
            tags.append(set_cell_size(tag, width), style)
        for text in (words, tags):
            text.rstrip()
            console.print(text, no_wrap=True, overflow="ignore", crop=False)


def _rows_of(pairs: Iterable[tuple[str, str]], width: int) -> Iterator[list[tuple[str, str]]]:
    """As many words as fit on a line each time, at least one."""
    row: list[tuple[str, str]] = []
    used = 0
    for word, tag in pairs:
        needed = max(cell_len(word), cell_len(tag)) + 1
        if row and used + needed > width:
            yield row
            row, used = [], 0
        row.append((word, tag))
        used += needed
    if row:
        yield row


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
