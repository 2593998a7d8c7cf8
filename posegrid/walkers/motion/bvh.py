"""Motion capture in Biovision's format (BVH): a hierarchy of joints, and their channels frame by
frame.

Format: Meredith & Maddock, "Motion Capture File Formats Explained" (2001). A joint's rotation
against its parent is the product of its channels' turns in the order written, in degrees; the rest
pose is that of all turns 0. Which joint is which is told by its name.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float

from posegrid.body.rotations import rot_x, rot_y, rot_z, turned
from posegrid.errors import SourceError
from posegrid.untrusted import DAMAGED, number, text_of
from posegrid.walkers.motion.motion_capture import Y_UP_TO_Z_UP, MotionCapture

MM_PER_CM = 10.0
"""BVH files do not say their unit; most are in cm. Of a walker only the proportions are used."""
TURNS = {"Xrotation": rot_x, "Yrotation": rot_y, "Zrotation": rot_z}
PLACES = {"Xposition": 0, "Yposition": 1, "Zposition": 2}
END = " end"
"""Where a last joint's bone ends, as a joint: the joint's name and this."""

LIMBS = ("femur", "tibia", "foot", "humerus", "radius", "wrist")
"""CMU's names of the bones that begin at hip, knee, ankle, shoulder, elbow and wrist."""
NAMINGS = {
    "MotionBuilder or Mixamo": ("Left Right", "UpLeg Leg Foot Arm ForeArm Hand", "Head"),
    "Biovision": ("Left Right", "Hip Knee Ankle Shoulder Elbow Wrist", "Head"),
    "Poser": ("l r", "Thigh Shin Foot Shldr ForeArm Hand", "head"),
}
"""What the sides, those joints and the head are called, by programs."""
MOST = 1e7
"""Of any number of a sound file."""
STILL = 0.02
"""How far a joint may move against its parent, of its bone's length."""


@dataclass(frozen=True, eq=False)
class _Joint:
    """A joint of the hierarchy, in the file's unit and axes."""

    name: str
    parent: int
    """Its index; -1: none."""
    offset: Float[np.ndarray, "3"]
    channels: tuple[str, ...]


def load_bvh(path: Path) -> MotionCapture:
    """The recorded motion of a BVH file: y up, the rest pose upright and facing +z.

    Joints have the names that MotionBuilder, Mixamo, Biovision or Poser give them (`NAMINGS`);
    what stands before a colon is left out. The thorax is where the arms part.

    Raises SourceError for files that are missing or damaged, have other names, a rest pose of
    another kind, or bones whose length changes.
    """
    try:
        joints, seconds, values = _read(text_of(path))
        rotations, places = _posed(joints, values)
    except DAMAGED as error:
        raise SourceError(
            f"{path}: cannot be read ({error}); expected a BVH file: HIERARCHY and MOTION."
        ) from error
    try:
        return _capture(path.stem, 1 / seconds, joints, rotations, places)
    except ValueError as error:
        raise SourceError(f"{path}: {error}") from error


def _read(text: str) -> tuple[list[_Joint], float, Float[np.ndarray, "T C"]]:
    """Joints, parents first; seconds from frame to frame; all channels' values."""
    head, word, motion = text.partition("MOTION")
    if not word:
        raise ValueError("no MOTION")
    joints = _hierarchy([line.split() for line in head.splitlines() if line.strip()])
    frames, time, *lines = [line for line in motion.splitlines() if line.strip()]
    counted, timed = frames.split(), time.split()
    if counted[0] != "Frames:" or timed[:2] != ["Frame", "Time:"]:
        raise ValueError(f"{frames.strip()[:40]}, {time.strip()[:40]} after MOTION")
    seconds = number(float(timed[2]), "Frame Time", 1e-4, 10.0)
    if not len(lines) == int(counted[1]) >= 2:
        raise ValueError(f"{len(lines)} frames, where {counted[1]} are said; expected at least 2")
    channels = sum(len(joint.channels) for joint in joints)
    for place, line in enumerate(lines, 1):
        if (count := len(line.split())) != channels:
            raise ValueError(f"frame {place} has {count} numbers, the joints {channels} channels")
    values = np.loadtxt(lines, ndmin=2)
    if not (np.abs(values) < MOST).all():  # NaN neither
        raise ValueError(f"numbers that are not finite, or not below {MOST:g}")
    return joints, seconds, values


def _hierarchy(lines: list[list[str]]) -> list[_Joint]:
    """The joints of the text before MOTION; the ends of the last bones are joints, too."""
    joints: list[_Joint] = []
    inside: list[int] = []
    for words in lines[1:]:
        match words:
            case ["ROOT" | "JOINT" | "End" as kind, *name]:
                joints.append(_joint(kind, " ".join(name), joints, inside))
            case ["{"]:
                inside.append(len(joints) - 1)
            case ["}"]:
                inside.pop()
            case ["OFFSET", x, y, z]:
                joints[-1] = replace(joints[-1], offset=_offset(x, y, z))
            case ["CHANNELS", count, *kinds] if {*kinds} <= {*TURNS, *PLACES}:
                if int(count) != len({*kinds}):
                    raise ValueError(f"CHANNELS {count} {' '.join(kinds)[:80]}")
                joints[-1] = replace(joints[-1], channels=tuple(kinds))
            case _:
                raise ValueError(f"the line {' '.join(words)[:60]}")
    if lines[0] != ["HIERARCHY"] or inside or not joints:
        raise ValueError("no whole HIERARCHY")
    if unplaced := [joint.name for joint in joints if not np.isfinite(joint.offset).all()]:
        raise ValueError(f"no OFFSET of {unplaced[0]}")
    return joints


def _offset(*words: str) -> Float[np.ndarray, "3"]:
    return np.array([number(float(word), "OFFSET", -MOST, MOST) for word in words])


def _joint(kind: str, name: str, joints: list[_Joint], inside: list[int]) -> _Joint:
    """A joint that begins inside the last open one; the rest of it follows."""
    if (kind == "ROOT") != (not inside) or (kind == "ROOT" and joints):
        raise ValueError(f"{kind} {name[:40]} {'inside' if inside else 'outside'} a joint")
    parent = inside[-1] if inside else -1
    name = joints[parent].name + END if kind == "End" else name.rpartition(":")[2]
    return _Joint(name, parent, np.full(3, np.nan), ())


def _posed(
    joints: list[_Joint], values: Float[np.ndarray, "T C"]
) -> tuple[list[Float[np.ndarray, "T 3 3"]], list[Float[np.ndarray, "T 3"]]]:
    """World rotation and place of each joint, in the file's unit and axes."""
    rotations: list[np.ndarray] = []
    places: list[np.ndarray] = []
    first = 0
    for joint in joints:
        own = dict(
            zip(joint.channels, values[:, first : first + len(joint.channels)].T, strict=True)
        )
        first += len(joint.channels)
        turn = np.broadcast_to(np.eye(3), (len(values), 3, 3))
        for kind in joint.channels:
            turn = turn @ TURNS[kind](np.radians(own[kind])) if kind in TURNS else turn
        place = np.tile(joint.offset, (len(values), 1))
        for kind, axis in PLACES.items():
            place[:, axis] = own.get(kind, place[:, axis])
        if joint.parent == -1:
            rotations.append(turn)
            places.append(place)
            continue
        # places are written as the offset itself, or as 0 beside it; anything else is a motion
        moved = np.abs(place - joint.offset).max()
        if moved > STILL * np.linalg.norm(joint.offset) and np.abs(place).max() > 0:
            raise ValueError(f"{joint.name} moves against its parent, by {moved:.3g}")
        rotations.append(rotations[joint.parent] @ turn)
        places.append(places[joint.parent] + turned(rotations[joint.parent], joint.offset))
    return rotations, places


def _capture(
    name: str,
    fps: float,
    joints: list[_Joint],
    rotations: list[Float[np.ndarray, "T 3 3"]],
    places: list[Float[np.ndarray, "T 3"]],
) -> MotionCapture:
    """The joints' motion under CMU's names of bones. Raises ValueError for another skeleton."""
    chosen, ends = _bones([joint.name for joint in joints], [joint.parent for joint in joints])
    rest = np.zeros((len(joints), 3))
    for index, joint in enumerate(joints):
        rest[index] = joint.offset + (rest[joint.parent] if index else 0)
    ahead = rest[ends["lfoot"]] - rest[chosen["lfoot"]]
    across = rest[chosen["lfemur"]] - rest[chosen["rfemur"]]
    down = rest[chosen["lfemur"]] - rest[chosen["lfoot"]]
    for of, direction, axis in (("feet", ahead, 2), ("hips", across, 0), ("legs", down, 1)):
        if not direction[axis] > 0.7 * np.linalg.norm(direction):
            raise ValueError(
                f"the {of} of its rest pose lie along {direction.round(2).tolist()}; expected a "
                "person who stands upright (y up), faces +z and has the left side at +x."
            )
    bones = {
        bone: rest[end] - rest[chosen[bone]] for bone, end in ends.items() if bone[1:] != "wrist"
    }
    if flat := [bone for bone, way in bones.items() if not np.linalg.norm(way) > 0]:
        raise ValueError(f"the {flat[0]} of its rest pose has no length")
    up = Y_UP_TO_Z_UP

    def place_mm(index: int) -> np.ndarray:
        return MM_PER_CM * (places[index] - joints[0].offset) @ up.T

    return MotionCapture(
        name=name,
        fps=fps,
        rotations={bone: up @ rotations[i] @ up.T for bone, i in chosen.items()},
        starts_mm={bone: place_mm(i) for bone, i in chosen.items()},
        ends_mm={bone: place_mm(i) for bone, i in ends.items()},
        rest_directions={bone: up @ way / np.linalg.norm(way) for bone, way in bones.items()},
    )


def _bones(names: list[str], parents: list[int]) -> tuple[dict[str, int], dict[str, int]]:
    """The joints where CMU's bones begin, and those where they end, by the bones' names."""
    called = min(map(_called, NAMINGS), key=lambda called: len({*called.values()} - {*names}))
    if missing := [name for name in called.values() if name not in names]:
        raise ValueError(
            f"no joint {', '.join(missing)}; expected the names of {' or '.join(NAMINGS)}, such as "
            f"{' or '.join(_called(naming)['lfemur'] for naming in NAMINGS)}, but its joints are "
            f"{', '.join(names)[:200]} ..."
        )
    chosen = {bone: names.index(name) for bone, name in called.items()} | {"root": 0}
    chosen["thorax"] = _parting(chosen["lhumerus"], chosen["rhumerus"], parents)
    ends = {}
    for side in "lr":
        for bone, following in pairwise(LIMBS[:3]):
            ends[side + bone] = chosen[side + following]
        for bone, following in pairwise(LIMBS[3:]):
            ends[side + bone] = chosen[side + following]
        ends[f"{side}wrist"] = chosen[f"{side}wrist"]
        if chosen[f"{side}foot"] not in parents:
            raise ValueError(
                f"the {called[f'{side}foot']} has no toes: no joint after it, no End Site"
            )
        ends[f"{side}foot"] = parents.index(chosen[f"{side}foot"])
    return chosen, ends


def _called(naming: str) -> dict[str, str]:
    """Names of the joints where bones begin, by the bones' names."""
    sides, limbs, head = NAMINGS[naming]
    return {"head": head} | {
        short + bone: side + limb
        for short, side in zip("lr", sides.split(), strict=True)
        for bone, limb in zip(LIMBS, limbs.split(), strict=True)
    }


def _parting(one: int, other: int, parents: list[int]) -> int:
    """The last joint that both hang from."""
    above = [one]
    while above[-1] > 0:
        above.append(parents[above[-1]])
    while other not in above:
        other = parents[other]
    return other
