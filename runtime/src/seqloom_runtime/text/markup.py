"""What the markup of web pages stands for in a text."""

from __future__ import annotations

import html
import re

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
# html.unescape alone takes "rock&reggae" for a trade mark: an entity ends with a semicolon here.
_ENTITY = re.compile(r"&(?:[a-zA-Z][a-zA-Z0-9]{1,30}|#\d+|#[xX][0-9a-fA-F]+);")


def plain_text(text: str) -> str:
    r"""A text with <br /> and HTML's entities as what they stand for.

    >>> plain_text("Salt &amp; pepper<br /><br />5 &lt; 6")
    'Salt & pepper\n\n5 < 6'
    """
    if "<" in text:
        text = _BREAK.sub("\n", text)
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return text
