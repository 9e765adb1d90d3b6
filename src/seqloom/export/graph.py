"""A plain writer of ONNX graphs: values that can be added and multiplied, one line an equation.

    graph = Graph("double")
    x = graph.input("x", FLOAT, ["batch", 3])
    graph.output("y", x + x)
    model = graph.model()

Knows operators and arrays only: no layers, no models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

if TYPE_CHECKING:
    from torch import Tensor

OPSET, IR_VERSION = 20, 10  # of 2023 and 2024: what onnxruntime 1.18 and later reads
FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64
INT32, BOOL, UINT8 = TensorProto.INT32, TensorProto.BOOL, TensorProto.UINT8

Array = npt.NDArray[Any]
Dimension = str | int | None
Sizes = list[Dimension]
TYPES: dict[int, Any] = {
    FLOAT: np.float32,
    DOUBLE: np.float64,
    INT64: np.int64,
    INT32: np.int32,
    UINT8: np.uint8,
}


class Value:
    """What an operator put out, by its name; arithmetic writes further operators."""

    def __init__(self, graph: Graph, name: str, kind: int) -> None:
        self.graph, self.name, self.kind = graph, name, kind

    def __add__(self, other: Operand) -> Value:
        return self.graph.op("Add", self, self.like(other))

    def __sub__(self, other: Operand) -> Value:
        return self.graph.op("Sub", self, self.like(other))

    def __mul__(self, other: Operand) -> Value:
        return self.graph.op("Mul", self, self.like(other))

    def __truediv__(self, other: Operand) -> Value:
        return self.graph.op("Div", self, self.like(other))

    def __matmul__(self, other: Operand) -> Value:
        return self.graph.op("MatMul", self, self.like(other))

    def __lt__(self, other: Any) -> Value:
        return self.graph.op("Less", self, self.like(other), kind=BOOL)

    def __gt__(self, other: Any) -> Value:
        return self.graph.op("Greater", self, self.like(other), kind=BOOL)

    def __le__(self, other: Any) -> Value:
        return self.graph.op("LessOrEqual", self, self.like(other), kind=BOOL)

    def __ge__(self, other: Any) -> Value:
        return self.graph.op("GreaterOrEqual", self, self.like(other), kind=BOOL)

    def __and__(self, other: Value) -> Value:
        return self.graph.op("And", self, other, kind=BOOL)

    def equals(self, other: Operand) -> Value:
        """True where both are the same."""
        return self.graph.op("Equal", self, self.like(other), kind=BOOL)

    def like(self, other: Operand) -> Value:
        """A number or an array as a value of this one's type."""
        if isinstance(other, Value):
            return other
        return self.graph.constant(np.asarray(other, TYPES[self.kind]))

    def cast(self, kind: int) -> Value:
        """The same numbers in another type."""
        return self if kind == self.kind else self.graph.op("Cast", self, to=kind, kind=kind)

    def reshape(self, *sizes: int | Value) -> Value:
        """Another shape: 0 keeps a size, -1 takes what is left, a value is a size worked out."""
        return self.graph.op("Reshape", self, self.graph.shape_of(sizes))

    def transpose(self, *order: int) -> Value:
        """The axes in another order."""
        return self.graph.op("Transpose", self, perm=list(order))

    def unsqueeze(self, *axes: int) -> Value:
        """New axes of size 1 at these places of the result."""
        return self.graph.op("Unsqueeze", self, self.graph.integers(*axes))

    def squeeze(self, *axes: int) -> Value:
        """Without these axes of size 1."""
        return self.graph.op("Squeeze", self, self.graph.integers(*axes))

    def size(self, axis: int) -> Value:
        """How long an axis is: (1,)."""
        return self.graph.op("Shape", self, start=axis, end=axis + 1, kind=INT64)

    def part(self, axis: int, first: int | Value, last: int | Value | None = None) -> Value:
        """From ``first`` up to ``last`` along an axis; to its end where that is None."""
        bounds = [
            bound if isinstance(bound, Value) else self.graph.integers(bound)
            for bound in (first, np.iinfo(np.int64).max if last is None else last)
        ]
        return self.graph.op("Slice", self, *bounds, self.graph.integers(axis))

    def at(self, axis: int, place: int) -> Value:
        """One place of an axis, which goes."""
        index = self.graph.constant(np.array(place, np.int64))
        return self.graph.op("Gather", self, index, axis=axis)

    def split(self, count: int, axis: int) -> list[Value]:
        """Equal parts along an axis."""
        return self.graph.ops("Split", self, outputs=count, axis=axis, num_outputs=count)

    def sum(self, axis: int, *, keep: bool = False) -> Value:
        """Sums along an axis."""
        axes = self.graph.integers(axis)
        return self.graph.op("ReduceSum", self, axes, keepdims=int(keep))

    def apply(self, kind: str, **attributes: Any) -> Value:
        """An operator of one input, such as Tanh."""
        return self.graph.op(kind, self, **attributes)


Operand = Value | float | Array


class Graph:
    """A graph that is being written.

    Args:
        name: of the graph.
        above: the graph whose operator this one is the body of; weights are kept there.
    """

    def __init__(self, name: str, above: Graph | None = None) -> None:
        self.name, self.above = name, above
        self.nodes: list[Any] = []
        self.inputs: list[ValueInfoProto] = []
        self.shapes: dict[str, Sequence[Dimension] | None] = {}  # of the inputs
        self.outputs: list[ValueInfoProto] = []
        self.weights: dict[str, Array] = {}
        self._names: set[str] = set()
        self._kept: dict[Any, Value] = {}
        self._alive: list[Any] = []  # so that no other tensor gets the place in memory of a key

    @property
    def root(self) -> Graph:
        """The outermost graph."""
        return self if self.above is None else self.above.root

    def input(self, name: str, kind: int, shape: Sequence[Dimension] | None) -> Value:
        """What is given to the graph."""
        name = self.root._unique(name)
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        self.shapes[name] = shape
        return Value(self, name, kind)

    def output(self, name: str, value: Value, shape: Sequence[Dimension] | None = None) -> None:
        """What the graph gives."""
        name = self.root._unique(name)
        self.nodes.append(helper.make_node("Identity", [value.name], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, value.kind, shape))

    def op(self, kind_of_op: str, *inputs: Value | None, kind: int = 0, **attributes: Any) -> Value:
        """An operator of one output; ``kind`` is its type, the first input's by default."""
        return self.ops(kind_of_op, *inputs, outputs=1, kind=kind, **attributes)[0]

    def ops(
        self,
        kind_of_op: str,
        *inputs: Value | None,
        outputs: int,
        kind: int = 0,
        **attributes: Any,
    ) -> list[Value]:
        """An operator of several outputs, all of one type; None leaves an input out."""
        names = [self.root._unique(kind_of_op.lower()) for _ in range(outputs)]
        given = ["" if one is None else one.name for one in inputs]
        self.nodes.append(helper.make_node(kind_of_op, given, names, **attributes))
        kind = kind or next(one.kind for one in inputs if one is not None)
        return [Value(self, name, kind) for name in names]

    def constant(self, array: Array) -> Value:
        """Numbers that never change; the same ones are kept once."""
        array = np.asarray(array, order="C")  # ascontiguousarray would give a number an axis
        if array.size > 64:
            return self._weight("constant", array)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.root._kept:
            self.root._kept[key] = self._weight("constant", array)
        return self._here(self.root._kept[key])

    def integers(self, *numbers: int) -> Value:
        """Whole numbers (count,)."""
        return self.constant(np.array(numbers, np.int64))

    def weight(
        self, tensor: Tensor, change: Callable[[Array], Array] | None = None, key: Any = None
    ) -> Value:
        """A weight of a model, perhaps changed first; one that two layers share is kept once.

        Args:
            tensor: the weight.
            change: from the array to the one that is kept.
            key: tells changes apart.
        """
        found = (id(tensor), key)
        if found not in self.root._kept:
            array = np.asarray(tensor.detach().float().cpu().numpy(), np.float32)
            self.root._alive.append(tensor)
            self.root._kept[found] = self._weight("weight", change(array) if change else array)
        return self._here(self.root._kept[found])

    def _weight(self, name: str, array: Array) -> Value:
        name = self.root._unique(name)
        self.root.weights[name] = np.asarray(array, order="C")
        return Value(self, name, helper.np_dtype_to_tensor_dtype(array.dtype))

    def _here(self, value: Value) -> Value:
        """A value of the outermost graph, to be written on with in this one."""
        return Value(self, value.name, value.kind)

    def shape_of(self, sizes: Sequence[int | Value]) -> Value:
        """Sizes, some of them worked out, as one value (count,)."""
        if not any(isinstance(size, Value) for size in sizes):
            return self.integers(*(size for size in sizes if isinstance(size, int)))
        parts = [size if isinstance(size, Value) else self.integers(size) for size in sizes]
        return self.concat(parts, 0)

    def concat(self, values: Sequence[Value], axis: int) -> Value:
        """Values behind each other along an axis."""
        return values[0] if len(values) == 1 else self.op("Concat", *values, axis=axis)

    def where(self, condition: Value, yes: Operand, no: Operand) -> Value:
        """``yes`` where the condition holds, ``no`` elsewhere; one of them must be a value."""
        like = yes if isinstance(yes, Value) else no
        assert isinstance(like, Value)
        return self.op("Where", condition, like.like(yes), like.like(no), kind=like.kind)

    def steps(self, count: Value) -> Value:
        """0, 1, … up to a count (1,): (count,)."""
        zero, one = (self.constant(np.array(number, np.int64)) for number in (0, 1))
        return self.op("Range", zero, count.squeeze(0), one)

    def scan(
        self,
        body: Callable[[Graph, list[Value], list[Value]], tuple[list[Value], Value]],
        states: Sequence[Value],
        steps: Sequence[Value],
    ) -> tuple[Value, list[Value]]:
        """``states, output = body(states, step)`` over the first axis: outputs, last states."""
        inner = Graph("step", self)
        before = [inner.input("before", one.kind, None) for one in states]
        given = [inner.input("given", one.kind, None) for one in steps]
        after, output = body(inner, before, given)
        for one in (*after, output):
            inner.output("after", one)
        graph = helper.make_graph(inner.nodes, inner.name, inner.inputs, inner.outputs)
        count = len(states) + 1
        *last, each = self.ops(
            "Scan", *states, *steps, outputs=count, body=graph, num_scan_inputs=len(steps)
        )
        return each, last

    def _unique(self, name: str) -> str:
        """A name that nothing has yet, of the outermost graph."""
        if name in self._names:
            name = f"{name}_{len(self._names)}"
        self._names.add(name)
        return name

    def model(self) -> ModelProto:
        """The graph as a model, checked."""
        weights = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, weights)
        model = helper.make_model(
            graph,
            producer_name="seqloom",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        checker.check_model(model)
        return model
