"""Reuters-21578: news articles in SGML, as they were distributed in 1997.

Read are the articles of exactly one topic, by the ModApte split, whose topic is among the 46 most
frequent of its training part.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from seqloom.data.encoding import read_blocks

TOPICS = 46

_ARTICLE = re.compile(r"<REUTERS([^>]*)>(.*?)</REUTERS>", re.DOTALL)
_SPLIT = re.compile(r'LEWISSPLIT="(\w+)"')
_TOPIC_LIST = re.compile(r"<TOPICS>(.*?)</TOPICS>", re.DOTALL)
_ITEM = re.compile(r"<D>(.*?)</D>")
_TITLE = re.compile(r"<TITLE>(.*?)</TITLE>", re.DOTALL)
_BODY = re.compile(r"<BODY>(.*?)</BODY>", re.DOTALL)


def read_topics(files: Sequence[Path], part: str) -> Iterator[dict[str, str]]:
    """Articles of the part ("train" or "test"): title, body, text (both) and topic."""
    counts: Counter[str] = Counter()
    for _, topic, split in _single_topic(files):
        counts[topic] += split == "train"
    frequent = {topic for topic, _ in counts.most_common(TOPICS)}
    for content, topic, split in _single_topic(files):
        if split == part and topic in frequent:
            title, body = _field(_TITLE, content), _field(_BODY, content)
            yield {"title": title, "body": body, "text": f"{title}\n{body}", "topic": topic}


def _single_topic(files: Sequence[Path]) -> Iterator[tuple[str, str, str]]:
    for path in files:
        # Latin-1 gives every byte a character: a few bytes of the files are no UTF-8.
        text = b"".join(read_blocks(path)).decode("latin-1")
        for about, content in _ARTICLE.findall(text):
            split = _SPLIT.search(about)
            listed = _TOPIC_LIST.search(content)
            topics = _ITEM.findall(listed[1]) if listed else []
            # ModApte: articles that the indexers had seen; with one topic they are that.
            if 'TOPICS="YES"' in about and split and len(topics) == 1:
                yield content, topics[0], split[1].lower()


def _field(pattern: re.Pattern[str], content: str) -> str:
    found = pattern.search(content)
    text = html.unescape(found[1]) if found else ""
    return text.replace("\x03", "").strip().removesuffix("REUTER").strip()
