"""How near an export is to its model, for people: the cases of parity as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqloom.export.parity import TOLERANCE, Case


def parity_report(name: str, cases: Sequence[Case], small: dict[str, Any] | None = None) -> str:
    """The cases as Markdown, one row for each output of each network."""
    batches = ", ".join(str(batch) for batch in sorted({case.batch for case in cases}))
    lengths = ", ".join(str(length) for length in sorted({case.length for case in cases}))
    lines = [
        f"# {name}: the exported networks beside the model",
        "",
        f"Inputs at random, of batch sizes {batches} and lengths {lengths}, states among them, "
        "given to the model in torch and to the networks in onnxruntime. A difference may be "
        f"{TOLERANCE:g} of the largest number, and at least of 1.",
        "",
        "| network | output | cases | largest number | largest difference |",
        "|---|---|---:|---:|---:|",
    ]
    for network, output in dict.fromkeys((case.network, case.output) for case in cases):
        own = [case for case in cases if (case.network, case.output) == (network, output)]
        largest = max(case.largest for case in own)
        apart = max(case.difference for case in own)
        lines.append(f"| {network} | {output} | {len(own)} | {largest:.4g} | {apart:.2g} |")
    if small:
        lines += ["", *_small(small)]
    return "\n".join(lines) + "\n"


def _small(small: dict[str, Any]) -> list[str]:
    """What int8 costs and saves."""
    lines = [
        "## int8",
        "",
        "Weights in eight bits, quantised by onnxruntime.",
        "",
        "| | float32 | int8 |",
        "|---|---:|---:|",
        f"| bytes of the networks | {small['bytes'][0]:,} | {small['bytes'][1]:,} |",
    ]
    for name, (before, after) in small["quality"].items():
        lines.append(f"| {small['words'][name]}, on validation | {before:.4f} | {after:.4f} |")
    same = small["agreement"]
    lines += ["", f"Of inputs at random the largest output is the same one in {same:.1%} of rows."]
    return lines
