"""Reuters-21578: news articles in SGML, as they were distributed in 1997.

An article has a title and a body (some have one of them only, some neither, just text), topics
given by people, and marks of the usual splits. Of a part of the ModApte split those are read that
have exactly one topic, one of the 46 most frequent of the training part.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from seqloom_runtime.data.encoding import read_blocks

TOPICS = 46
KEPT = ("newid", "date", "title", "body", "text")  # fields of an article whose topic is learnt

_ARTICLE = re.compile(r"<REUTERS([^>]*)>(.*?)</REUTERS>", re.DOTALL)
_MARK = re.compile(r'(\w+)="([^"]*)"')
_ITEM = re.compile(r"<D>(.*?)</D>")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SIGNATURE = "reuter"  # closes nearly every body
_TAG = re.compile(r"<[^>]*>")


def read_articles(files: tuple[Path, ...]) -> Iterator[dict[str, Any]]:
    """Every article: title, body, text (both), topics, lewissplit, cgisplit, date, newid."""
    for path in files:
        # Latin-1 gives every byte a character: a few bytes of the files are no UTF-8.
        content = b"".join(read_blocks(path)).decode("latin-1")
        for about, article in _ARTICLE.findall(content):
            yield _record(dict(_MARK.findall(about)), article)


def read_topics(files: tuple[Path, ...], part: str) -> Iterator[dict[str, Any]]:
    """Articles of one frequent topic, of a part ("train" or "test"), with that ``topic``."""
    frequent = _frequent(files)
    for record in read_articles(files):
        topic = _only_topic(record)
        if topic in frequent and record["lewissplit"] == part:
            yield {name: record[name] for name in KEPT} | {"topic": topic}


@lru_cache(maxsize=4)
def _frequent(files: tuple[Path, ...]) -> frozenset[str]:
    """The most frequent topics of training articles that have one topic."""
    topics = (_only_topic(r) for r in read_articles(files) if r["lewissplit"] == "train")
    counts = Counter(topic for topic in topics if topic)
    # Of topics as frequent as the last, those first in the alphabet.
    order = sorted(counts, key=lambda topic: (-counts[topic], topic))
    return frozenset(order[:TOPICS])


def _only_topic(record: dict[str, Any]) -> str:
    """The article's topic, if it has one and its indexers had seen it, as ModApte asks."""
    topics: list[str] = record["topics"]
    return topics[0] if record["indexed"] and len(topics) == 1 else ""


def _record(about: dict[str, str], article: str) -> dict[str, Any]:
    title, body = _clean(_inside("TITLE", article)), _clean(_inside("BODY", article))
    text = "\n".join(filter(None, (title, body)))  # a brief is a title alone
    if not text:  # some articles are text without parts
        text = _clean(_TAG.sub("", _inside("TEXT", article)))
    return {
        "title": title,
        "body": body,
        "text": text,
        "topics": _ITEM.findall(_inside("TOPICS", article)),
        "lewissplit": about.get("LEWISSPLIT", "").lower(),
        "cgisplit": about.get("CGISPLIT", "").lower(),
        "indexed": about.get("TOPICS") == "YES",
        "date": _inside("DATE", article).strip(),
        "newid": about.get("NEWID", ""),
    }


def _inside(tag: str, article: str) -> str:
    """What stands between a tag and its end; quicker than a pattern that goes step by step."""
    start = article.find(f"<{tag}")
    start = article.find(">", start) + 1 if start >= 0 else 0
    end = article.find(f"</{tag}>", start)
    return article[start:end] if start and end >= 0 else ""


def _clean(text: str) -> str:
    text = _CONTROL.sub("", html.unescape(text) if "&" in text else text).strip()
    signed = text[-len(_SIGNATURE) :].lower() == _SIGNATURE
    return text[: -len(_SIGNATURE)].rstrip() if signed else text
