"""Joint angles of a full-body OpenSim model that follows a walk (`pip install opensim`):

python examples/opensim_ik.py MODEL.osim walk.trc

MODEL: a generic model whose segments are called as in Rajagopal's (femur_r, tibia_r, torso, ...).
It is scaled to the walk's limbs, gets a marker where each joint is, and follows the markers by
inverse kinematics. Writes walk_scaled.osim and walk_ik.mot.
"""

import sys
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

opensim: Any = import_module("opensim")

SIDES = (("right", "r"), ("left", "l"))
LIMBS = {
    ("femur_{}", "tibia_{}"): ("{}_hip", "{}_knee", ("femur_{}",)),
    ("tibia_{}", "talus_{}"): ("{}_knee", "{}_ankle", ("tibia_{}", "talus_{}", "calcn_{}")),
    ("humerus_{}", "ulna_{}"): ("{}_shoulder", "{}_elbow", ("humerus_{}",)),
    ("ulna_{}", "hand_{}"): ("{}_elbow", "{}_wrist", ("ulna_{}", "radius_{}", "hand_{}")),
}
"""Segments whose origins a limb joins: the joints of the walk there, and the segments to scale."""
TRUNK = ("pelvis", "torso")
MARKERS = {
    "{}_hip": ("femur_{}", 0.1),  # Human3.6M's hips lie wider apart than those of a skeleton
    "{}_knee": ("tibia_{}", 1.0),
    "{}_ankle": ("talus_{}", 1.0),
    "{}_shoulder": ("humerus_{}", 1.0),
    "{}_elbow": ("ulna_{}", 1.0),
    "{}_wrist": ("hand_{}", 1.0),
}
"""The segment whose origin is the joint, and the marker's weight."""


def main(model_file: Path, walk: Path) -> None:
    """Scale the model, follow the walk, say how well."""
    model, seen = opensim.Model(str(model_file)), opensim.TimeSeriesTableVec3(str(walk))
    state = model.initSystem()
    scales = opensim.ScaleSet()
    for (one, two), (begin, end, segments) in LIMBS.items():
        for side, letter in SIDES:
            ends = [place(model, state, body.format(letter)) for body in (one, two)]
            true_m = length_m(seen, begin.format(side), end.format(side))
            for segment in segments:
                add(scales, segment.format(letter), true_m / distance(*ends))
    high = [place(model, state, body) for body in ("humerus_r", "femur_r")]
    for segment in TRUNK:
        add(scales, segment, length_m(seen, "right_shoulder", "right_hip") / distance(*high))
    model.scale(state, scales, True, -1.0)
    tasks = opensim.IKTaskSet()
    for joint, (segment, weight) in MARKERS.items():
        for side, letter in SIDES:
            body = model.getBodySet().get(segment.format(letter))
            model.addMarker(opensim.Marker(joint.format(side), body, opensim.Vec3(0)))
            task = opensim.IKMarkerTask()
            task.setName(joint.format(side))
            task.setWeight(weight)
            tasks.cloneAndAppend(task)
    model.finalizeConnections()
    model.printToXML(str(walk.with_name(f"{walk.stem}_scaled.osim")))
    follow(model, tasks, walk, list(seen.getIndependentColumn()))


def follow(model: Any, tasks: Any, walk: Path, time_s: list[float]) -> None:
    """Inverse kinematics of the markers."""
    tool = opensim.InverseKinematicsTool()
    tool.setModel(model)
    tool.setMarkerDataFileName(str(walk))
    tool.setStartTime(time_s[0])
    tool.setEndTime(time_s[-1])
    for number in range(tasks.getSize()):
        tool.getIKTaskSet().cloneAndAppend(tasks.get(number))
    tool.setOutputMotionFileName(str(walk.with_name(f"{walk.stem}_ik.mot")))
    tool.setResultsDir(str(walk.parent))
    tool.run()


def add(scales: Any, segment: str, factor: float) -> None:
    """A segment's scale, the same along all axes."""
    scale = opensim.Scale()
    scale.setSegmentName(segment)
    scale.setScaleFactors(opensim.Vec3(factor))
    scale.setApply(True)
    scales.cloneAndAppend(scale)


def place(model: Any, state: Any, body: str) -> Any:
    """Where a segment's origin is, metres."""
    return model.getBodySet().get(body).getPositionInGround(state)


def length_m(seen: Any, begin: str, end: str) -> float:
    """The distance of two markers, the median over the frames."""
    one, two = seen.getDependentColumn(begin), seen.getDependentColumn(end)
    return float(median(distance(one[row], two[row]) for row in range(seen.getNumRows())))


def distance(one: Any, two: Any) -> float:
    """Of two points."""
    return float(sum((one[axis] - two[axis]) ** 2 for axis in range(3)) ** 0.5)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
