"""One generated token, sampling included: Seqloom beside ONNX Runtime and torch eager.

    python benchmarks/generation.py

The same weights in all three, batch 1, two sizes: LSTM 128 over 10,000 words, and two layers of
LSTM 512 over 100 characters. The tutorial's own loop, which feeds Keras the whole prefix for every
token, is timed in ``keras_recipes.py``. Prints medians of microseconds and ratios.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from seqloom_runtime.decode.sampling import Sampler
from seqloom_runtime.stepping import Stepper

from seqloom.nn.language_model import LanguageModel
from seqloom.nn.recurrent import Recurrent

SIZES = {
    "LSTM 128, 10,000 words": (10_000, 100, 128, 1),
    "2 x LSTM 512, 100 characters": (100, 128, 512, 2),
}
ROUNDS, STEPS = 15, 200


def onnx_session(model: LanguageModel, size: int, layers: int) -> onnxruntime.InferenceSession:
    """One step of the model as an ONNX graph: ids, h and c in; logits, h and c out."""
    nodes, weights, state = [], [], model.state_dict()
    vocabulary = len(state["head.bias"])
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, 1])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1, vocabulary])]

    def constant(name: str, array: np.ndarray) -> str:
        weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def reordered(array: np.ndarray) -> np.ndarray:  # torch: i f g o; ONNX: i o f c(=g)
        i, f, g, o = np.split(array, 4)
        return np.concatenate([i, o, f, g])[None]

    table = constant("embedding", state["embedding.weight"].numpy())
    nodes.append(helper.make_node("Gather", [table, "ids"], ["x"]))  # (1, 1, embedding)
    x = "x"
    for layer in range(layers):
        parts = {
            name: state[f"encoder.cells.{layer}.{name}"].numpy()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        bias = np.concatenate([reordered(parts["bias_ih"])[0], reordered(parts["bias_hh"])[0]])
        names = [
            x,
            constant(f"w{layer}", reordered(parts["weight_ih"])),
            constant(f"r{layer}", reordered(parts["weight_hh"])),
            constant(f"b{layer}", bias[None]),
            "",
            f"h{layer}",
            f"c{layer}",
        ]
        made = [f"y{layer}", f"h{layer}_out", f"c{layer}_out"]
        nodes.append(helper.make_node("LSTM", names, made, hidden_size=size))
        squeezed = f"s{layer}"
        nodes.append(
            helper.make_node("Squeeze", [made[0], constant(f"a{layer}", np.array([1]))], [squeezed])
        )
        x = squeezed
        for part in ("h", "c"):
            shape = [1, 1, size]
            inputs.append(helper.make_tensor_value_info(f"{part}{layer}", TensorProto.FLOAT, shape))
            outputs.append(
                helper.make_tensor_value_info(f"{part}{layer}_out", TensorProto.FLOAT, shape)
            )
    head = constant("head", state["head.weight"].numpy().T)
    nodes.append(helper.make_node("MatMul", [x, head], ["scores"]))
    nodes.append(
        helper.make_node(
            "Add", ["scores", constant("bias", state["head.bias"].numpy())], ["logits"]
        )
    )
    graph = helper.make_graph(nodes, "step", inputs, outputs, weights)
    opset = [helper.make_opsetid("", 17)]
    content = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    onnx.checker.check_model(onnx.load_from_string(content))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def onnx_loop(
    session: onnxruntime.InferenceSession, size: int, layers: int
) -> Callable[[int], None]:
    """Writes tokens with the session; sampling as a careful user writes it in numpy."""
    random = np.random.default_rng(0)

    def write(count: int) -> None:
        names = [f"{part}{layer}" for layer in range(layers) for part in ("h", "c")]
        feed = {name: np.zeros((1, 1, size), np.float32) for name in names}
        token = 5
        for _ in range(count):
            logits, *states = session.run(None, {"ids": np.array([[token]]), **feed})
            feed = dict(zip(names, states, strict=True))
            scores = logits.ravel()
            weights = np.exp(scores - scores.max())
            running = np.cumsum(weights)
            token = int(np.searchsorted(running, random.random() * running[-1]))

    return write


def seqloom_loop(model: LanguageModel, layers: int) -> Callable[[int], None]:
    """Writes tokens as ``seqloom generate`` does."""
    weights = {name: weight.numpy() for name, weight in model.state_dict().items()}
    stepper = Stepper(weights, "lstm", layers)

    def write(count: int) -> None:
        from seqloom_runtime.decode.generation import generate

        sampler = Sampler(temperature=1.0, seed=0)
        for _ in generate(stepper, [[5]], sampler, count, None, stepper.zero_state(1)):
            pass

    return write


def torch_loop(model: LanguageModel) -> Callable[[int], None]:
    """Writes tokens with the torch module, state carried."""

    @torch.inference_mode()
    def write(count: int) -> None:
        token, states = torch.tensor([[5]]), None
        for _ in range(count):
            logits, states = model.logits(token, None, states)
            token = torch.multinomial(torch.softmax(logits[0, -1], 0), 1)[None]

    return write


def main() -> None:
    """Time all three in turn, round by round, and print medians and ratios."""
    for title, (vocabulary, embedding, size, layers) in SIZES.items():
        torch.manual_seed(0)
        encoder = Recurrent("lstm", embedding, size, num_layers=layers)
        model = LanguageModel(vocabulary, embedding, encoder).eval()
        loops = {
            "Seqloom": seqloom_loop(model, layers),
            "ONNX Runtime fp32": onnx_loop(onnx_session(model, size, layers), size, layers),
            "torch eager": torch_loop(model),
        }
        times: dict[str, list[float]] = {name: [] for name in loops}
        for write in loops.values():
            write(STEPS)
        for _ in range(ROUNDS):
            for name, write in loops.items():
                start = time.perf_counter()
                write(STEPS)
                times[name].append((time.perf_counter() - start) / STEPS * 1e6)
        print(f"\n{title}: microseconds a token, median of {ROUNDS} rounds of {STEPS}")
        ours = float(np.median(times["Seqloom"]))
        for name, values in times.items():
            median = float(np.median(values))
            print(f"  {name:<18} {median:8.1f}   {median / ours:6.2f} x Seqloom's")


if __name__ == "__main__":
    main()
