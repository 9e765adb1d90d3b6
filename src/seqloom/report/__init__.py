"""What a run or a comparison says of itself to people who were not there.

run folder ─read→ Card ─┬→ card.md       for a repository, or whoever gets the model
                        └→ report.html   one page with its pictures, which needs nothing else
"""

from seqloom.report.card import Card, card_of, write_card
from seqloom.report.page import page

__all__ = ["Card", "card_of", "page", "write_card"]
