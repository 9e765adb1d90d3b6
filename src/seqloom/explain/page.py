"""One HTML file with everything that was seen: it needs no network and no other file.

    page = page_of([trace], attributions=[attribution], search=search, language="ko")

The page is a template (``template/``: HTML, CSS, JavaScript, words) into which the data are put as
JSON. Arrays come as 8-bit numbers between their own limits, compressed; where they would make the
page too large, units that hardly change are left out, and the page says so.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from seqloom.errors import DataError
from seqloom.explain.attribution import Attribution
from seqloom.explain.cell_equations import Array
from seqloom.explain.remarks import told
from seqloom.explain.trace import Trace
from seqloom.explain.units import Search, split_name

LANGUAGES = ("en", "ko")
LARGEST = 1_900_000  # bytes of a page
MOST_NUMBERS = 2_400_000  # of all arrays together, at first
MOST_TOKENS = 400  # of a text that a page shows
GATES = ("input", "forget", "output", "reset", "update")  # from 0 to 1
MAPS = ("attention", "alignment")
PICTURES = ("mel", "roll", "picture", "chance")  # of the whole input, and of no layer
SEEN = 0.01  # of a token's chance at any step, below which a page leaves the token out
MOST_TOLD = 60  # tokens whose chances a page holds
SCRIPTS = ("data.js", "states.js", "answers.js", "inputs.js", "page.js")


def page_of(
    traces: Sequence[Trace],
    *,
    attributions: Sequence[Attribution | None] = (),
    search: Search | None = None,
    language: str = "en",
    run: str = "",
) -> str:
    """The page of one text, or of two side by side.

    Raises:
        DataError: a text is too long for a page.
    """
    for trace in traces:
        check_length(trace.tokens)
    numbers = MOST_NUMBERS
    while True:
        page = _filled(traces, attributions, search, language, run, numbers)
        if len(page.encode()) <= LARGEST or numbers < 10_000:
            return page
        numbers = int(numbers * 0.7)


def check_length(tokens: Sequence[str], whole: int = 0) -> None:
    """See that a page can show so many tokens.

    Args:
        tokens: that the model reads.
        whole: how many there were before the input was cut to these; 0 where nothing was cut.

    Raises:
        DataError: they are too many.
    """
    if len(tokens) > MOST_TOKENS:
        read = f", of which the model reads {len(tokens):,} (--max-length)" if whole else ""
        raise DataError(
            f"The input has {whole or len(tokens):,} tokens{read}; a page shows up to "
            f"{MOST_TOKENS}. Pass a shorter one, or use trace in Python.",
            code="inside_long",
            values=[MOST_TOKENS],
        )


def _filled(
    traces: Sequence[Trace],
    attributions: Sequence[Attribution | None],
    search: Search | None,
    language: str,
    run: str,
    numbers: int,
) -> str:
    blob, kept = _Blob(), _kept_units(traces, search, numbers)
    given = [*attributions, *[None] * len(traces)]
    limits = _shared_limits(traces)
    data = {
        "language": language,
        "run": run,
        "task": traces[0].task,
        "encoder": traces[0].encoder,
        "places": _places(traces[0], kept),
        "texts": [
            _text(trace, own, kept, blob, limits)
            | {"remarks": [told(remark, language) for remark in trace.remarks]}
            for trace, own in zip(traces, given, strict=False)
        ],
        "search": _search(search, kept),
        "words": json.loads(_template("words.json"))[language],
    }
    parts = {
        "{{language}}": language,
        "{{title}}": _escaped(f"{data['words']['title']}: {traces[0].given[:60]}"),
        "{{style}}": _template("page.css"),
        "{{script}}": "\n".join(map(_template, SCRIPTS)),
        "{{data}}": _json(data),
        "{{blob}}": blob.packed(),
    }
    page = _template("page.html")
    for name, content in parts.items():
        page = page.replace(name, content)
    return page


def _template(name: str) -> str:
    return files("seqloom.explain").joinpath("template", name).read_text(encoding="utf-8")


def _escaped(text: str) -> str:
    from html import escape

    return escape(" ".join(text.split()))


def _json(data: Any) -> str:
    """JSON that may stand in a page: nothing in it can end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("{{", "{\\u007b")


class _Blob:
    """Arrays as 8-bit numbers, one after the other."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0

    def add(self, array: Array, low: float, high: float) -> dict[str, Any]:
        """Where an array begins, its shape and its limits."""
        spread = max(high - low, 1e-12)
        small = np.clip(np.rint((array - low) / spread * 255), 0, 255).astype(np.uint8)
        place = {"at": self.size, "shape": list(array.shape), "low": low, "high": high}
        self.parts.append(small.tobytes())
        self.size += small.size
        return place

    def packed(self) -> str:
        """All of them, compressed, in letters."""
        return base64.b64encode(zlib.compress(b"".join(self.parts), 9)).decode()


def _signals(trace: Trace) -> dict[str, list[str]]:
    """The names of the gates and states of each place, in their order."""
    found: dict[str, list[str]] = {}
    for name in trace.arrays:
        place, signal = split_name(name)
        if signal not in MAPS and place:
            found.setdefault(place, []).append(signal)
    return found


def _kept_units(
    traces: Sequence[Trace], search: Search | None, numbers: int
) -> dict[str, list[int]]:
    """The units of each place that a page has room for: those that change most, and those found."""
    signals = _signals(traces[0])
    maps = sum(a.size for t in traces for n, a in t.arrays.items() if split_name(n)[1] in MAPS)
    columns = sum(
        len(trace[f"{place}.hidden"]) * len(names)
        for trace in traces
        for place, names in signals.items()
    )
    room = max(8, (numbers - min(maps, numbers // 2)) // max(1, columns))
    kept: dict[str, list[int]] = {}
    for place in signals:
        hidden = np.concatenate([trace[f"{place}.hidden"] for trace in traces])
        best = np.argsort(-hidden.std(0), kind="stable")[:room].tolist()
        asked = [f.unit for f in search.followers if f.place == place] if search else []
        kept[place] = sorted({*best, *asked})
    return kept


def _places(trace: Trace, kept: dict[str, list[int]]) -> list[dict[str, Any]]:
    return [
        {
            "name": place,
            "signals": names,
            "units": kept[place],
            "size": int(trace[f"{place}.hidden"].shape[1]),
            "side": "target" if place.startswith("decoder.") else "source",
        }
        for place, names in _signals(trace).items()
    ]


def _limits(name: str, array: Array) -> tuple[float, float]:
    """Between what an array's numbers lie: a gate's 0 and 1, a state's, about zero."""
    if name == "mel":
        return float(array.min(initial=0.0)), float(array.max(initial=0.0))
    if split_name(name)[1] in (*GATES, *MAPS, *PICTURES):
        return 0.0, 1.0
    largest = max(1.0, float(np.abs(array).max(initial=0.0)))
    return -largest, largest


def _shared_limits(traces: Sequence[Trace]) -> dict[str, tuple[float, float]]:
    """Limits of each array in all texts together: one colour is one value on both sides."""
    found: dict[str, tuple[float, float]] = {}
    for trace in traces:
        for name, array in trace.arrays.items():
            low, high = _limits(name, array)
            before = found.get(name, (low, high))
            found[name] = min(before[0], low), max(before[1], high)
    return found


def _text(
    trace: Trace,
    attribution: Attribution | None,
    kept: dict[str, list[int]],
    blob: _Blob,
    limits: dict[str, tuple[float, float]],
) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    names: list[str] = []
    for name, array in trace.arrays.items():
        place, signal = split_name(name)
        shown = array if signal in MAPS or not place else array[:, kept[place]]
        if name == "chance":
            told = told_tokens(array)
            shown, names = array[:, told], [trace.names[token] for token in told]
        arrays[name] = blob.add(shown, *limits[name])
    return {
        "given": trace.given,
        "names": names,
        "answer": trace.answer,
        "tokens": list(trace.tokens),
        "written": list(trace.written),
        "values": None if trace.values is None else trace.values[:, 0].tolist(),
        "ahead": None if trace.ahead is None else trace.ahead.tolist(),
        "deviation": trace.deviation,
        "arrays": arrays,
        "steps": {
            "kind": trace.steps.kind,
            "rows": [[[n, round(p, 5)] for n, p in row] for row in trace.steps.rows],
            "chosen": list(trace.steps.chosen),
        },
        "attribution": None if attribution is None else _attribution(attribution),
    }


def told_tokens(chance: Array) -> list[int]:
    """The tokens that are likely at some step of (time, tokens), in their order."""
    highest = chance.max(0)
    best = np.argsort(-highest, kind="stable")[:MOST_TOLD]
    return sorted(int(token) for token in best if highest[token] >= SEEN)


def _attribution(found: Attribution) -> dict[str, Any]:
    rounded: Callable[[Array], Any] = lambda array: np.round(array, 5).tolist()  # noqa: E731
    return {
        "targets": list(found.targets),
        "gradients": rounded(found.gradients),
        "occlusion": rounded(found.occlusion),
        "start": rounded(found.start),
        "end": rounded(found.end),
        "gap": [float(f"{gap:.2g}") for gap in found.gap],
        "places": found.places,
    }


def _search(search: Search | None, kept: dict[str, list[int]]) -> dict[str, Any] | None:
    if search is None:
        return None
    rows = [
        [
            *(f.property, f.place, f.signal, f.unit, round(f.found, 3), round(f.held, 3)),
            None if f.right is None else round(f.right, 3),
        ]
        for f in search.followers
        if f.place in kept
    ]
    return {"rows": rows, "tokens": list(search.tokens)}
