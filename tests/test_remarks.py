"""Remarks of a trace in two languages: the same values in both, and on the page."""

import json
import re

import numpy as np
import pytest

from seqloom.explain.page import page_of
from seqloom.explain.remarks import SENTENCES, Remark, told
from seqloom.explain.trace import Steps, Trace


def places(sentence: str) -> list[str]:
    return sorted(re.findall(r"\{\d[^}]*\}", sentence))


@pytest.mark.parametrize("code", SENTENCES)
def test_both_languages_hold_the_same_values(code: str) -> None:
    english, korean = SENTENCES[code]
    assert places(english) == places(korean)
    assert re.search("[가-힣]", korean) and not re.search("[가-힣]", english)


def test_a_remark_is_its_english_sentence() -> None:
    remark = Remark("cut", 1200, 400)
    assert remark == "Of 1,200 tokens the network reads the first 400 (--max-length)."
    assert (
        told(remark, "ko") == "토큰 1,200개 가운데 신경망은 앞의 400개를 읽습니다 (--max-length)."
    )
    assert told("something else", "ko") == "something else"


@pytest.mark.parametrize(("language", "words"), [("en", "the first 400"), ("ko", "앞의 400개")])
def test_a_page_tells_remarks_in_its_language(language: str, words: str) -> None:
    trace = Trace(
        *("generate", "gru", "ab", ("a", "b"), ("a", "b")),
        {"layer1.forward.hidden": np.zeros((2, 3))},
        Steps("next", ((("a", 1.0),),) * 2, ("b", "")),
        0.0,
        remarks=(Remark("cut", 1200, 400),),
    )
    page = page_of([trace], language=language)
    (body,) = re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)
    (remark,) = json.loads(body)["texts"][0]["remarks"]
    assert words in remark
