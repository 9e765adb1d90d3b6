"""A comparison as pictures and one page that needs nothing beside it."""

from __future__ import annotations

from html import escape
from pathlib import Path

from seqloom_runtime.atomic import write_atomically

from seqloom.compare.summary import Summary
from seqloom.compare.words import cells_of, headings, score_words, sentences
from seqloom.evaluate.comparison import plot_comparison
from seqloom.report.page import drawing, page, table

NOTE = (
    "Mean ± standard deviation between seeds. Training time and tokens a second are medians of "
    "the seeds. The best on validation stands first; the test part chose nothing."
)


def write_report(folder: Path, data: str, summary: Summary) -> None:
    """``comparison.png``, ``comparison.svg`` and ``report.html`` in the comparison's folder."""
    for name in ("comparison.png", "comparison.svg"):
        plot_comparison(summary.rows, score_words(summary), folder / name)
    svg = (folder / "comparison.svg").read_text(encoding="utf-8")
    body = (
        "".join(f"<p>{escape(line)}</p>" for line in sentences(summary))
        + table(headings(summary), cells_of(summary))
        + drawing(svg, "Scores of every seed, and validation loss over minutes of training")
        + f'<p class="dim">{NOTE}</p>'
    )
    title = f"{data}: {', '.join(row.name for row in summary.rows)}"
    write_atomically(folder / "report.html", page(title, body).encode())
