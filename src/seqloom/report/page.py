"""Pieces of a page that needs nothing beside it: no script, no font, no file."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path

CODE = re.compile("`([^`]+)`")
STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --paper: #fff; --line: #d9dee3; --dim: #5c6770; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaee; --paper: #14181c; --line: #333b43; --dim: #9aa5af; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } .dim { color: var(--dim); }
.wide, pre { overflow-x: auto; overflow-wrap: normal; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .8rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; font-weight: normal; }
thead th { color: var(--dim); } th:first-child, td:first-child { text-align: left; }
figure { margin: 1.5rem 0; background: #fff; border-radius: .4rem; }
figure svg, figure img { display: block; width: 100%; max-width: 54rem; height: auto;
  margin: auto; }
figcaption { color: #5c6770; font-size: .85rem; padding: .2rem .8rem .5rem; }
pre { border: 1px solid var(--line); border-radius: .4rem; padding: .8rem; }
"""


def page(title: str, body: str) -> str:
    """A whole page around HTML that is safe already."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of words, the first of which says what the row is."""
    head = "".join(f'<th scope="col">{escape(word)}</th>' for word in ("", *headings))
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def bullets(lines: Sequence[str]) -> str:
    """A list of lines, in which code stands between backticks."""
    said = (CODE.sub(r"<code>\1</code>", escape(line)) for line in lines)
    return "<ul>" + "".join(f"<li>{line}</li>" for line in said) + "</ul>"


def drawing(svg: str, words: str) -> str:
    """A figure from SVG, with what a screen reader says of it."""
    return f'<figure role="img" aria-label="{escape(words)}">{svg[svg.index("<svg") :]}</figure>'


def picture(path: Path) -> str:
    """A figure from a PNG file, within the page."""
    data = b64encode(path.read_bytes()).decode()
    name = escape(path.stem)
    return (
        f'<figure><img alt="{name}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(path.name)}</figcaption></figure>"
    )
