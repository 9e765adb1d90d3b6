"""What people call their columns, in English and Korean: names that say what a column holds."""

from __future__ import annotations

import re


def _words(names: str) -> tuple[str, ...]:
    return tuple(names.split())


TEXT = _words(
    "text content document review sentence body article comment message tweet post paragraph "
    "utterance lyrics story 텍스트 본문 내용 문서 리뷰 문장 댓글 메시지"
)
"""Names of a column that is the text, the surest first."""

SHORT_TEXT = _words("headline title question answer summary description 제목 질문 답변 요약 설명")
"""Names of columns that are text, but often stand beside a longer one."""

NO_TEXT = _words(
    "id uuid key index idx url uri link href path file filename image date time timestamp "
    "datetime year month day created updated length label class category type target score rating "
    "count language lang author byline source 번호 날짜 시간 라벨 레이블 분류 평점 작성자 주소 링크"
)
"""Names of columns that are never the text."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[가-힣]+|\d+")


def words_of(name: str) -> list[str]:
    """The words in a column's name, lower case, singular.

    >>> words_of("newsTitle"), words_of("Review_Texts"), words_of("webURL")
    (['news', 'title'], ['review', 'text'], ['web', 'url'])
    """
    words = [word.lower() for word in _WORD.findall(name)]
    return [word[:-1] if word[:-1] in _ALL else word for word in words]


def is_known(name: str) -> bool:
    """Whether one word of the name is a usual column name."""
    return any(word in _ALL for word in words_of(name))


_ALL = frozenset((*TEXT, *SHORT_TEXT, *NO_TEXT))
