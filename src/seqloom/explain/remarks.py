"""What a reader should know of a trace, as sentences that a page can say in Korean too."""

from __future__ import annotations

SENTENCES = {
    "cut": (
        "Of {0:,} tokens the network reads the first {1:,} (--max-length).",
        "토큰 {0:,}개 가운데 신경망은 앞의 {1:,}개를 읽습니다 (--max-length).",
    ),
    "window": (
        "This model sees {0} tokens at a time and starts every window from zero: shown is the last "
        "one.",
        "이 모델은 한 번에 토큰 {0}개를 보고 창마다 0에서 시작합니다. 마지막 창을 보입니다.",
    ),
    "attributed": (
        "What mattered is asked of the last {0} tokens; those before are left as they are.",
        "무엇이 중요했는지는 마지막 토큰 {0}개만 따집니다. 그 앞의 것은 그대로 둡니다.",
    ),
    "segments": (
        "The network reads segments of {0} steps: a column is a segment, its value the mean of it.",
        "신경망은 {0}걸음씩 묶어 읽습니다. 칸 하나가 한 묶음이고, 값은 그 평균입니다.",
    ),
    "differences": (
        "The network reads differences over {0} steps, not the values.",
        "신경망은 값이 아니라 {0}걸음 사이의 차이를 읽습니다.",
    ),
    "channel": (
        'Of several channels "{0}" is shown.',
        "여러 열 가운데 “{0}”을(를) 보입니다.",
    ),
    "seconds": (
        "Of {0:.1f} seconds the first {1:.1f} are heard and shown.",
        "{0:.1f}초 가운데 앞의 {1:.1f}초를 듣고 보입니다.",
    ),
    "silent": (
        "Nothing is heard in it, so there is nothing to attribute.",
        "들은 것이 없어 무엇이 중요했는지 따질 것이 없습니다.",
    ),
    "searched": (
        "The transcript is that of the usual search, which asks a language model too; the chances "
        "are those of the network alone.",
        "받아쓴 글은 언어 모델에도 묻는 보통의 탐색이 찾은 것이고, 확률은 신경망만의 것입니다.",
    ),
    "frames": (
        "Of {0:,} frames the first {1:,} are read and shown.",
        "프레임 {0:,}개 가운데 앞의 {1:,}개를 읽고 보입니다.",
    ),
    "events": (
        "Of {0:,} events the first {1:,} are read and shown.",
        "이벤트 {0:,}개 가운데 앞의 {1:,}개를 읽고 보입니다.",
    ),
    "misread": (
        "{0:,} of its {1:,} events do not occur in the training part and are read as the nearest "
        "of their kind.",
        "이벤트 {1:,}개 가운데 학습 데이터에 없는 {0:,}개는 같은 종류의 가까운 것으로 읽습니다.",
    ),
    "keys_below": (
        "A key's chance is the one it has given the keys below it in the frame.",
        "건반의 확률은 같은 프레임의 더 낮은 건반들이 정해졌을 때의 것입니다.",
    ),
}
"""Each sentence by its code, in English and in Korean; places are filled in by ``str.format``."""


class Remark(str):
    """A sentence in English that knows its code, so that it can be told in Korean.

    Args:
        code: a key of ``SENTENCES``.
        values: what stands in the sentence.

    >>> remark = Remark("differences", 12)
    >>> remark, remark.told("ko")
    ('The network reads differences over 12 steps, not the values.', \
'신경망은 값이 아니라 12걸음 사이의 차이를 읽습니다.')
    """

    code: str
    values: tuple[str | float, ...]

    def __new__(cls, code: str, *values: str | float) -> Remark:
        """The sentence itself, in English."""
        made = super().__new__(cls, SENTENCES[code][0].format(*values))
        made.code, made.values = code, values
        return made

    def told(self, language: str) -> str:
        """The sentence in "en" or "ko"."""
        return SENTENCES[self.code][language == "ko"].format(*self.values)


def told(remark: str, language: str) -> str:
    """A remark in a language, where it is known in it."""
    return remark.told(language) if isinstance(remark, Remark) else remark
