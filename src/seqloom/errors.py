"""What can go wrong, in words a user can act on; ``seqloom_runtime.errors`` draws the tree."""

from seqloom_runtime.errors import (
    DataError,
    MissingExtraError,
    RunError,
    SeqloomError,
    SettingsError,
    ShapeError,
    TrainingError,
    nearest,
)

__all__ = [
    "DataError",
    "MissingExtraError",
    "RunError",
    "SeqloomError",
    "SettingsError",
    "ShapeError",
    "TrainingError",
    "nearest",
]
