"""What a person sees: a run while it goes on and when it ends, and what a command prints.

    watcher    the bar, reports, messages            samples   tokens, tags, texts, candidates
    scores     the model beside its baseline         details   each label or tag, the mistakes
    tables     tokenizers, data sets                 commands  what to try next
    exports    what was exported
    lessons    equations with numbers, gradients, memory
    comparison models side by side

Everything goes to a console of rich that the caller made; nothing here knows a task's module.
"""

from seqloom.terminal.commands import next_commands, quoted
from seqloom.terminal.comparison import show_comparison
from seqloom.terminal.details import show_details
from seqloom.terminal.exports import show_export
from seqloom.terminal.hearing import show_hearing, show_speakers
from seqloom.terminal.lessons import show_lesson, show_reach, show_recall
from seqloom.terminal.samples import show_candidates, show_tagged, show_tokens, visible
from seqloom.terminal.scores import show_evaluation, show_metrics
from seqloom.terminal.tables import show_catalogue, show_token_reports
from seqloom.terminal.watcher import TerminalWatcher, duration

__all__ = [
    "TerminalWatcher",
    "duration",
    "next_commands",
    "quoted",
    "show_candidates",
    "show_catalogue",
    "show_comparison",
    "show_details",
    "show_evaluation",
    "show_export",
    "show_hearing",
    "show_lesson",
    "show_metrics",
    "show_reach",
    "show_recall",
    "show_speakers",
    "show_tagged",
    "show_token_reports",
    "show_tokens",
    "visible",
]
