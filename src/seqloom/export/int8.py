"""Networks with weights in eight bits, and what that costs: scores on validation, before and after.

onnxruntime quantises products with weights, tables and LSTM layers; other recurrences keep their
numbers, for it has no operators of eight bits for them.
"""

from __future__ import annotations

import logging
import tempfile
from math import isfinite
from pathlib import Path

import numpy as np
from seqloom_runtime.exported import ExportedModel

from seqloom.config import Settings
from seqloom.export.measures import MEASURES
from seqloom.export.networks import Network
from seqloom.export.parity import run as run_session
from seqloom.export.parity import session_of
from seqloom.run import Run

OPERATORS = ["MatMul", "Gather", "LSTM"]
TRIED = (4, 32)  # batch and length of inputs at random, where the validation part is gone


def in_eight_bits(model: bytes) -> bytes:
    """A network with its weights quantised."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logger, level = logging.getLogger(), logging.getLogger().level
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        try:
            logger.setLevel(logging.ERROR)  # it recommends a preparation that changes nothing here
            quantize_dynamic(
                onnx.load_from_string(model),
                path,
                weight_type=QuantType.QInt8,
                per_channel=True,
                op_types_to_quantize=OPERATORS,
            )
        finally:
            logger.setLevel(level)
        return path.read_bytes()


def quality(
    run: Run, settings: Settings, before: ExportedModel, after: ExportedModel
) -> dict[str, tuple[float, float]]:
    """Scores on the validation part, of weights in 32 bits and in eight; none without one."""
    from seqloom.tasks.training import task_module

    about = run.read_json("run.json")
    prepared = about.get("prepared")
    data = task_module(before.task).reopen(prepared, settings) if prepared else None
    if data is None or not data.has("valid"):
        return {}
    measure = MEASURES[before.task]
    first, second = measure(before, data, run), measure(after, data, run)
    # A score of something that there is none of is no number.
    pairs = {name: (first[name], second[name]) for name in first}
    return {name: pair for name, pair in pairs.items() if all(map(isfinite, pair))}


def agreement(networks: list[Network], before: dict[str, bytes], after: dict[str, bytes]) -> float:
    """How often the largest number of a row is the same one, of inputs at random."""
    random, same = np.random.default_rng(0), []
    for network in networks:
        name = f"{network.name}.onnx"
        given = network.inputs(random, *TRIED)
        outputs = [run_session(session_of(models[name]), given) for models in (before, after)]
        for key, array in outputs[0].items():
            if array.dtype == np.float32 and array.shape[-1] > 1:
                same.append(float((array.argmax(-1) == outputs[1][key].argmax(-1)).mean()))
    return float(np.mean(same)) if same else 1.0
