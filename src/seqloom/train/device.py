"""Where and in what numbers a model is trained."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from seqloom.config import TrainSettings
from seqloom.errors import SettingsError


def choose_device(settings: TrainSettings) -> torch.device:
    """The device the settings name.

    Raises:
        SettingsError: a GPU is asked for and there is none.
    """
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise SettingsError("device = cuda: torch sees no GPU here. Pass --device cpu or auto.")
    if settings.device == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether matrix products in bfloat16 are the device's own instructions."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def choose_autocast(
    settings: TrainSettings, device: torch.device
) -> Callable[[], AbstractContextManager[Any]]:
    """What makes the context of a forward pass: bfloat16 products, or nothing."""
    wanted = settings.precision == "bfloat16" or (
        settings.precision == "auto" and multiplies_bfloat16(device)
    )
    if not wanted:
        return nullcontext
    return lambda: torch.autocast(device.type, torch.bfloat16)


def set_threads(settings: TrainSettings) -> None:
    """Use the threads that the settings ask for."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
