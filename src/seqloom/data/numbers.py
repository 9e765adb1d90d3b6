"""Numbers as tables write them: thousands separators, decimal commas, many words for nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MISSING = frozenset("|na|n/a|nan|null|none|nil|-|--|.|?|#n/a|missing|<na>|nat|결측|없음".split("|"))
_COMMA_DECIMAL = re.compile(r"[-+]?\d+,\d+|[-+]?\d{1,3}(\.\d{3})+,\d+")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written.

    Args:
        comma_decimal: whether "3,5" is three and a half; else a comma parts thousands.
    """

    comma_decimal: bool = False

    @classmethod
    def of(cls, values: Iterable[Any]) -> NumberForm:
        """The form of a column: a comma is decimal where some number makes no sense without.

        >>> NumberForm.of(["1,200", "980"]).comma_decimal, NumberForm.of(["3,5"]).comma_decimal
        (False, True)
        """
        texts = [value.strip() for value in values if isinstance(value, str) and "," in value]
        decimal = [t for t in texts if _COMMA_DECIMAL.fullmatch(t) and not _THOUSANDS.fullmatch(t)]
        return cls(bool(decimal) and not any("," in t and "." in t[t.find(",") :] for t in texts))

    def read(self, value: Any) -> float | None:
        """The number, NaN where the field says that there is none; None for anything else.

        >>> NumberForm().read("1,234.5"), NumberForm().read("abc")
        (1234.5, None)
        """
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            return float(value)
        text = "" if value is None else str(value).strip()
        if text.lower() in MISSING:
            return math.nan
        try:
            return float(text)
        except ValueError:
            return self._read_with_commas(text)

    def _read_with_commas(self, text: str) -> float | None:
        if self.comma_decimal and _COMMA_DECIMAL.fullmatch(text):
            return float(text.replace(".", "").replace(",", "."))
        if not self.comma_decimal and _THOUSANDS.fullmatch(text):
            return float(text.replace(",", ""))
        return None
