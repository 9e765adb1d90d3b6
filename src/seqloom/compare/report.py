"""A comparison as one page that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from seqloom.atomic import write_atomically
from seqloom.compare.summary import Summary
from seqloom.compare.words import cells_of, headings, score_words, sentences
from seqloom.evaluate.comparison import plot_comparison

STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --paper: #fff; --line: #d9dee3; --dim: #5c6770; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaee; --paper: #14181c; --line: #333b43; --dim: #9aa5af; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } .dim { color: var(--dim); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .8rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1.5rem 0; background: #fff; border-radius: .4rem; }
figure svg { width: 100%; height: auto; }
"""


def write_report(folder: Path, data: str, summary: Summary) -> None:
    """``comparison.png``, ``comparison.svg`` and ``report.html`` in the comparison's folder."""
    for name in ("comparison.png", "comparison.svg"):
        plot_comparison(summary.rows, score_words(summary), folder / name)
    picture = (folder / "comparison.svg").read_text(encoding="utf-8")
    title = f"{data}: {', '.join(row.name for row in summary.rows)}"
    page = report_page(title, headings(summary), cells_of(summary), sentences(summary), picture)
    write_atomically(folder / "report.html", page.encode())


def report_page(
    title: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    sentences: Sequence[str],
    picture: str,
) -> str:
    """HTML of a table, what follows from it, and a picture.

    Args:
        title: what was compared.
        headings: of the columns after the first.
        rows: cells.
        picture: SVG.
    """
    head = "".join(f'<th scope="col">{escape(word)}</th>' for word in ("model", *headings))
    body = "".join(_row(cells) for cells in rows)
    said = "".join(f"<p>{escape(line)}</p>" for line in sentences)
    drawn = picture[picture.index("<svg") :]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>{said}"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        '<figure role="img" aria-label="Scores of every seed, and validation loss over minutes">'
        f"{drawn}</figure>"
        '<p class="dim">Mean ± standard deviation between seeds. Training time and tokens a '
        "second are medians of the seeds. The best on validation stands first; the test part "
        "chose nothing."
        "</p></body></html>\n"
    )


def _row(cells: Sequence[str]) -> str:
    first, *rest = cells
    return (
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
    )
