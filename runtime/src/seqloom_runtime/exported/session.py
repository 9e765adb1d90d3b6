"""Networks in onnxruntime: arrays by name in, arrays by name out; states as tuples of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import MissingExtraError, RunError
from seqloom_runtime.exported.folder import Folder

Array = npt.NDArray[Any]
State = tuple[Array, ...]

AT_ONCE = 256  # tokens of a prompt that are read together

KINDS = {
    **{"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64},
    **{"tensor(uint8)": np.uint8, "tensor(int32)": np.int32, "tensor(bool)": np.bool_},
}


def check_onnxruntime() -> Any:
    """The package onnxruntime.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("onnxruntime", "export", "An exported model") from None
    return onnxruntime


class Session:
    """One network.

    Args:
        folder: where it is.
        name: of the network; its file is called so, and ``.onnx``.
        threads: of one call.
    """

    def __init__(self, folder: Folder, name: str, threads: int = 1) -> None:
        runtime = check_onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3  # errors; each is raised as well
        content = folder.read(f"{name}.onnx")
        try:
            self._session = runtime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except runtime.capi.onnxruntime_pybind11_state.Fail as error:
            raise RunError(f"{folder.path / name}.onnx: cannot be loaded: {error}.") from None
        self.shapes = {one.name: one.shape for one in self._session.get_inputs()}
        self.kinds = {one.name: KINDS[one.type] for one in self._session.get_inputs()}
        self.outputs = [one.name for one in self._session.get_outputs()]
        self.states = [name for name in self.shapes if f"{name}_after" in self.outputs]

    def __call__(self, given: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name."""
        own: dict[str, Array] = {
            name: np.ascontiguousarray(given[name], kind) for name, kind in self.kinds.items()
        }
        return dict(zip(self.outputs, self._session.run(self.outputs, own), strict=True))

    def zero_state(self, batch: int) -> State:
        """States before the first step: zeros, and nothing kept."""
        return tuple(
            np.zeros(
                [batch if n == "batch" else 0 if n == "past" else n for n in self.shapes[name]],
                self.kinds[name],
            )
            for name in self.states
        )

    def carried(self, given: Mapping[str, Array], state: State) -> tuple[dict[str, Array], State]:
        """Outputs by name, and the states after."""
        found = self({**given, **dict(zip(self.states, state, strict=True))})
        return found, tuple(found.pop(f"{name}_after") for name in self.states)


class OnnxStep:
    """A model of the next token as a function of one token and a state.

    Args:
        session: its network.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def zero_state(self, batch: int) -> State:
        """The state before the first token."""
        return self.session.zero_state(batch)

    def __call__(
        self, ids: npt.NDArray[np.int64], state: State
    ) -> tuple[npt.NDArray[np.float32], State]:
        """Logits of the token after each id (batch, vocab_size), and the state after it."""
        given = {"ids": ids[:, None], "lengths": np.ones(len(ids), np.int64)}
        found, after = self.session.carried(given, state)
        return found["logits"][:, 0], after

    def read(self, ids: npt.NDArray[np.int64], state: State) -> State:
        """The state after ids (batch, time), read many at a time."""
        for first in range(0, ids.shape[1], AT_ONCE):
            part = ids[:, first : first + AT_ONCE]
            lengths = np.full(len(part), part.shape[1], np.int64)
            _, state = self.session.carried({"ids": part, "lengths": lengths}, state)
        return state
