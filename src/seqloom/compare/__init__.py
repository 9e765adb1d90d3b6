"""Several models on the same data, several seeds each, side by side.

data + contenders × seeds ─train→ run folders ─summarise→ table, picture, page
"""

from seqloom.compare.contenders import Contender, contenders_of
from seqloom.compare.running import Comparison, compare
from seqloom.compare.summary import Row, Summary, summarise
from seqloom.compare.tuning import Tuning, tune

__all__ = [
    "Comparison",
    "Contender",
    "Row",
    "Summary",
    "Tuning",
    "compare",
    "contenders_of",
    "summarise",
    "tune",
]
