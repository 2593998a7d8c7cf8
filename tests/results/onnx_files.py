"""Small ONNX files that answer every crop with one pose: stand-ins for trained weights."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from posegrid.body.skeleton import FEET_PARENTS
from posegrid.learning.model_facts import METADATA_KEY, ModelFacts

STANDING_MM = np.array(
    [
        [0, 0, 0],
        [-130, 0, 0],
        [-130, 440, 0],
        [-130, 880, 30],
        [130, 0, 0],
        [130, 440, 0],
        [130, 880, 30],
        [0, -230, 0],
        [0, -480, 0],
        [0, -560, -60],
        [0, -700, 0],
        [170, -450, 0],
        [230, -170, 0],
        [250, 80, -40],
        [-170, -450, 0],
        [-230, -170, 0],
        [-250, 80, -40],
    ],
    dtype=np.float32,
)
"""A person who stands and faces away; root-relative, x right, y down, z forward."""
FROM_ANKLES_MM = np.array(
    [[0, 70, -60], [-20, 75, 170], [0, 70, -60], [20, 75, 170]], dtype=np.float32
)
"""That person's right heel and toe, left heel and toe, from their ankles."""


def facts(**changes: object) -> ModelFacts:
    """Facts of weights that answer with STANDING_MM."""
    values = {
        "network": "made_up",
        "target": "pose",
        "image_size": 32,
        "background": "removed",
        "pose_frame": "view",
        "mean_pose_mm": tuple(tuple(float(v) for v in joint) for joint in STANDING_MM),
    }
    return ModelFacts(**{**values, **changes})


def write_onnx(
    path: Path,
    *,
    metadata: str | None = None,
    size: int = 32,
    left_half_mm: float = 0.0,
    raised_mm: float = 0.0,
    feet: bool = False,
) -> Path:
    """Weights that answer with STANDING_MM; its x grows by `left_half_mm` times the brightness of
    the left half, and y of all joints but the root by `raised_mm` times that of all. feet: they say
    heels and toes, too, FROM_ANKLES_MM.
    """
    weight = np.zeros((size, size), dtype=np.float32)
    weight[:, : size // 2] = left_half_mm / (size * size / 2)
    matrix = np.zeros((size * size, 51), dtype=np.float32)
    matrix[:, 0::3] = weight.reshape(-1, 1)
    matrix[:, 4::3] += raised_mm / (size * size)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["shift"]),
        helper.make_node("Add", ["shift", "pose"], ["row"]),
        helper.make_node("Reshape", ["row", "shape"], ["pose_mm"]),
    ]
    constants = {
        "matrix": matrix,
        "pose": STANDING_MM.reshape(1, 51),
        "shape": np.array([-1, 17, 3], dtype=np.int64),
    }
    outputs = [helper.make_tensor_value_info("pose_mm", TensorProto.FLOAT, ["n", 17, 3])]
    if feet:
        nodes += [
            helper.make_node("Gather", ["pose_mm", "ankles"], ["four"], axis=1),
            helper.make_node("Add", ["four", "from_ankles"], ["feet_mm"]),
        ]
        constants |= {"ankles": np.array(FEET_PARENTS), "from_ankles": FROM_ANKLES_MM[None]}
        outputs.append(helper.make_tensor_value_info("feet_mm", TensorProto.FLOAT, ["n", 4, 3]))
    graph = helper.make_graph(
        nodes,
        "standing",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, size, size])],
        outputs,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    text = facts(image_size=size).to_json() if metadata is None else metadata
    if text:
        helper.set_model_props(model, {METADATA_KEY: text})
    onnx.save(model, path)
    return path
