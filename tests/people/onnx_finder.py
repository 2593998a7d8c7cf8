"""A finder's ONNX file that knows one person: whatever is bluer than green. No training."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CENTRE = 0.9
FACTS = {
    "format": 1,
    "kind": "finder",
    "network": "blue",
    "thresholds": {"find": 0.3, "start": 0.45, "keep": 0.15, "mask": 0.5},
}

_GRAPH = """
frame_f = Cast(frame; to=1)
prior_f = Cast(prior; to=1)
blue = Gather(frame_f, two; axis=1)
green = Gather(frame_f, one; axis=1)
bluer = Sub(blue, green)
above = Sub(bluer, limit)
raw = Sigmoid(above)
asked = ReduceMax(prior_f; axes=[1,2,3])
nobody_asked = Sub(unit, asked)
reach = MaxPool(prior_f; kernel_shape=[25,25], pads=[12,12,12,12], strides=[1,1])
allowed = Max(reach, nobody_asked)
person = Mul(raw, allowed)
is_on = Greater(person, half)
on = Cast(is_on; to=1)
columns = ReduceMax(on; axes=[2])
rows = ReduceMax(on; axes=[3])
zero_columns = Mul(columns, zero)
one_columns = Add(zero_columns, unit)
past_x = CumSum(one_columns, three)
zero_rows = Mul(rows, zero)
one_rows = Add(zero_rows, unit)
past_y = CumSum(one_rows, axis_two)
off_columns = Sub(unit, columns)
far_columns = Mul(off_columns, far)
low_x = Add(past_x, far_columns)
first_x = ReduceMin(low_x; axes=[1,2,3])
x0 = Sub(first_x, unit)
high_x = Mul(past_x, columns)
x1 = ReduceMax(high_x; axes=[1,2,3])
off_rows = Sub(unit, rows)
far_rows = Mul(off_rows, far)
low_y = Add(past_y, far_rows)
first_y = ReduceMin(low_y; axes=[1,2,3])
y0 = Sub(first_y, unit)
high_y = Mul(past_y, rows)
y1 = ReduceMax(high_y; axes=[1,2,3])
blank = Mul(person, zero)
middle_x = Sub(past_x, half)
middle_y = Sub(past_y, half)
all_x = Add(blank, middle_x)
all_y = Add(blank, middle_y)
cell_x = AveragePool(all_x; kernel_shape=[4,4], strides=[4,4])
cell_y = AveragePool(all_y; kernel_shape=[4,4], strides=[4,4])
sum_x = Add(x0, x1)
sum_y = Add(y0, y1)
mid_x = Mul(sum_x, half)
mid_y = Mul(sum_y, half)
away_x = Sub(cell_x, mid_x)
away_y = Sub(cell_y, mid_y)
square_x = Mul(away_x, away_x)
square_y = Mul(away_y, away_y)
square = Add(square_x, square_y)
scaled = Mul(square, sharpness)
peak = Exp(scaled)
exists = ReduceMax(on; axes=[1,2,3])
there = Mul(peak, exists)
centre = Mul(there, top)
cells = Mul(cell_x, zero)
left = Add(cells, x0)
upper = Add(cells, y0)
right = Add(cells, x1)
lower = Add(cells, y1)
box = Concat(left, upper, right, lower; axis=1)
own_x = Add(cells, mid_x)
own_y = Add(cells, mid_y)
owner = Concat(own_x, own_y; axis=1)
sure = Add(cells, top)
seen = Concat(sure, sure; axis=1)
"""


def blue_finder(facts: dict | None = None) -> bytes:
    """The file's bytes."""
    constants = {
        "one": np.array([1]),
        "two": np.array([2]),
        "three": np.array(3),
        "axis_two": np.array(2),
        "limit": np.float32(50),
        "unit": np.float32(1),
        "half": np.float32(0.5),
        "zero": np.float32(0),
        "far": np.float32(1e5),
        "sharpness": np.float32(-0.02),
        "top": np.float32(CENTRE),
    }
    graph = helper.make_graph(
        [_node(line) for line in _GRAPH.strip().splitlines()],
        "blue",
        [
            helper.make_tensor_value_info(name, TensorProto.UINT8, ["n", channels, "h", "w"])
            for name, channels in (("frame", 3), ("reference", 3), ("known", 1), ("prior", 1))
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4)
            for name in ("person", "centre", "box", "owner", "seen")
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"posegrid": json.dumps(FACTS if facts is None else facts)})
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _node(line: str) -> onnx.NodeProto:
    """One line of the graph: name = Operation(inputs; attributes)."""
    name, call = line.split(" = ")
    operation, rest = call[:-1].split("(")
    inputs, _, given = rest.partition("; ")
    attributes = dict(eval(f"dict({given})"))
    return helper.make_node(operation, inputs.split(", "), [name], **attributes)
