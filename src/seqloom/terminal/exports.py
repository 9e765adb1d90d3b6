"""What was exported, on a console."""

from __future__ import annotations

from typing import Any

from rich.console import Console


def show_export(console: Console, done: Any) -> None:
    """Files with their sizes, how near the networks are to the model, what to do next."""
    whole = not console.is_terminal  # a line of a file stays one

    def say(line: str, *, whole: bool = True) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=whole)

    width = max(len(name) for name in done.sizes)
    for name, size in done.sizes.items():
        say(f"  {name.ljust(width)}  {size:>12,} bytes")
    say(
        f"{done.cases} comparisons with the model, the largest difference {done.difference:.0e} "
        "of the largest number (parity.md).",
        whole=whole,
    )
    if done.small:
        before, after = done.small["bytes"]
        say(f"int8: {before:,} bytes of networks became {after:,}.")
        for name, (plain, small) in done.small["quality"].items():
            words = done.small["words"][name]
            say(f"  {words}, on validation: {plain:.4f} before, {small:.4f} after")
        if not done.small["quality"]:
            say("  not scored: no prepared validation data.")
        say(
            f"  of inputs at random the largest output is the same in {done.small['agreement']:.1%}"
        )
    say(f"Written: {done.path}")
    say(f"Use it without torch: seqloom-runtime {USES[done.task]}".format(done.path))


USES = {
    "generate": 'generate {} --prompt "…"',
    "classify": "predict {} FILE",
    "tag": "predict {} FILE",
    "translate": "predict {} FILE",
    "forecast": "predict {}",
    "transcribe": "transcribe {} FILE",
    "compose": "compose {} --out piece.mid",
    "caption": "caption {} FILE",
}
