"""Motion capture in Acclaim's format: an ASF file (skeleton), AMC files (motions), as CMU has them.

Format: Schafer, "Acclaim Skeleton File Definition" (1995), and Lander, "Working with Motion Capture
File Formats" (1998). A bone's local rotation is L = C M C^-1 with C its axis and M its motion, both
Euler angles in the order x, y, z; the zero pose is the skeleton's rest pose. The files' world is y
up; here it is z up and the rest pose faces -y.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from posegrid.body.rotations import rot_x, rot_y, rot_z, turned
from posegrid.errors import SourceError
from posegrid.untrusted import DAMAGED, number, numbers, text_of
from posegrid.walkers.motion.motion_capture import CMU_FPS, Y_UP_TO_Z_UP, MotionCapture

MM_PER_INCH = 25.4
ACCLAIM_AXES = {"rx": 0, "ry": 1, "rz": 2}
ROOT_ORDER = ["tx", "ty", "tz", "rx", "ry", "rz"]


@dataclass(frozen=True, eq=False)
class AcclaimBone:
    """One bone of an ASF file, still in the file's axes."""

    parent: str
    direction: Float[np.ndarray, "3"]
    length_mm: float
    axis: Float[np.ndarray, "3 3"]
    """C, the frame in which the bone's motion is written."""
    channels: tuple[int, ...]
    """Which of x, y, z (0, 1, 2) each number of the bone's AMC line turns about."""


def load_motion_capture(asf: Path, amc: Path, fps: float = CMU_FPS) -> MotionCapture:
    """The recorded motion of an AMC file on the skeleton of an ASF file; `fps` is the rate it was
    captured at.

    Raises SourceError for files that are missing, damaged, not in degrees, or do not belong
    together.
    """
    bones, mm_per_unit = _read_skeleton(asf)
    channels = _read_channels(amc, bones)
    root = channels["root"]
    place_mm = root[:, :3] * mm_per_unit
    rotations, starts, ends = {"root": _euler(root[:, 3:])}, {"root": place_mm}, {"root": place_mm}
    for name, bone in bones.items():
        rotation, start = rotations[bone.parent], ends[bone.parent]
        if bone.channels:
            motion = np.zeros((len(root), 3))
            motion[:, bone.channels] = channels[name]
            rotation = rotation @ bone.axis @ _euler(motion) @ bone.axis.T
        rotations[name], starts[name] = rotation, start
        ends[name] = start + bone.length_mm * turned(rotation, bone.direction)
    up = Y_UP_TO_Z_UP
    return MotionCapture(
        name=amc.stem,
        fps=fps,
        rotations={name: up @ r @ up.T for name, r in rotations.items()},
        starts_mm={name: p @ up.T for name, p in starts.items()},
        ends_mm={name: p @ up.T for name, p in ends.items()},
        rest_directions={name: up @ bone.direction for name, bone in bones.items()},
    )


def _euler(degrees: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 3 3"]:
    """Acclaim's rotation: about x first, then y, then z, all about fixed axes."""
    x, y, z = np.radians(degrees).T
    return rot_z(z) @ rot_y(y) @ rot_x(x)


def _read_lines(path: Path) -> list[str]:
    try:
        return text_of(path).splitlines()
    except DAMAGED as error:
        raise SourceError(
            f"{path}: cannot be read ({error}); expected an Acclaim ASF or AMC file, plain text."
        ) from error


def _read_skeleton(path: Path) -> tuple[dict[str, AcclaimBone], float]:
    """Bones by name, parents first, and the file's unit of length in mm."""
    sections = _asf_sections(path)
    units = {words[0]: words[1:] for words in sections["units"]}
    if units.get("angle") != ["deg"]:
        raise SourceError(
            f"{path}: angles are not in degrees (:units angle); only `deg` can be read."
        )
    root = {words[0]: words[1:] for words in sections["root"]}
    if [word.lower() for word in root.get("order", [])] != ROOT_ORDER:
        raise SourceError(
            f"{path}: the root's order is {root.get('order')}; expected TX TY TZ RX RY RZ."
        )
    parents = {child: words[0] for words in sections["hierarchy"] for child in words[1:]}
    try:
        mm_per_unit = MM_PER_INCH / number(float(units["length"][0]), "length", 1e-6)
        blocks = _bone_blocks(sections["bonedata"])
        bones = {
            name: _acclaim_bone(block, parents[name], mm_per_unit) for name, block in blocks.items()
        }
    except DAMAGED as error:
        raise SourceError(
            f"{path}: damaged skeleton, {error!r}; expected name, direction, length and axis of each bone."
        ) from error
    return _parents_first(path, bones), mm_per_unit


def _asf_sections(path: Path) -> dict[str, list[list[str]]]:
    """The words of each line, by section (`:units`, `:root`, `:bonedata`, `:hierarchy`)."""
    sections: dict[str, list[list[str]]] = {}
    current: list[list[str]] = []
    for line in _read_lines(path):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].startswith(":"):
            current = sections.setdefault(words[0][1:], [])
        else:
            current.append(words)
    missing = [name for name in ("units", "root", "bonedata", "hierarchy") if name not in sections]
    if missing:
        raise SourceError(f"{path}: no section :{missing[0]}; expected an Acclaim skeleton (ASF).")
    return sections


def _bone_blocks(lines: list[list[str]]) -> dict[str, dict[str, list[str]]]:
    """The entries of each `begin ... end` block of :bonedata, by the bone's name."""
    blocks: dict[str, dict[str, list[str]]] = {}
    block: dict[str, list[str]] = {}
    for words in lines:
        if words[0] == "begin":
            block = {}
        elif words[0] == "end":
            blocks[block["name"][0]] = block
        else:
            block[words[0]] = words[1:]
    return blocks


def _acclaim_bone(block: dict[str, list[str]], parent: str, mm_per_unit: float) -> AcclaimBone:
    axis = numbers([[float(word) for word in block["axis"][:3]]], "axis", (1, 3))
    direction = numbers([float(word) for word in block["direction"]], "direction", (3,))
    return AcclaimBone(
        parent=parent,
        direction=direction,
        length_mm=number(float(block["length"][0]), "length", 0.0) * mm_per_unit,
        axis=_euler(axis)[0],
        channels=tuple(ACCLAIM_AXES[word.lower()] for word in block.get("dof", [])),
    )


def _parents_first(path: Path, bones: dict[str, AcclaimBone]) -> dict[str, AcclaimBone]:
    """The same bones, each after its parent."""
    ordered: dict[str, AcclaimBone] = {}
    while len(ordered) < len(bones):
        left = {name: bone for name, bone in bones.items() if name not in ordered}
        ready = {n: b for n, b in left.items() if b.parent == "root" or b.parent in ordered}
        if not ready:
            raise SourceError(
                f"{path}: the bones {', '.join(sorted(left))} do not hang from the root; see :hierarchy."
            )
        ordered |= ready
    return ordered


def _read_channels(
    path: Path, bones: dict[str, AcclaimBone]
) -> dict[str, Float[np.ndarray, "T d"]]:
    """The numbers of each bone's lines in an AMC file, one row per frame."""
    moving = {name: len(bone.channels) for name, bone in bones.items() if bone.channels}
    expected = {"root": len(ROOT_ORDER)} | moving
    rows: dict[str, list[list[float]]] = {name: [] for name in expected}
    num_frames = 0
    for place, line in enumerate(_read_lines(path), start=1):
        words = line.split()
        if not words or words[0][0] in "#:":
            continue
        if len(words) == 1 and words[0].isdigit():
            num_frames += 1
            continue
        name = words[0]
        try:
            values = [float(word) for word in words[1:]]
        except ValueError as error:
            raise SourceError(
                f"{path}, line {place}: {error}; expected a bone's name and numbers."
            ) from error
        if len(values) != expected.get(name, -1):
            raise SourceError(
                f"{path}, line {place}: {name} with {len(values)} numbers does not fit the skeleton "
                f"(expected {expected.get(name, 'no such bone')}); is it the ASF file of the same person?"
            )
        rows[name].append(values)
    channels = {name: np.array(values) for name, values in rows.items()}
    for name, values in channels.items():
        if len(values) != num_frames or num_frames < 2:
            raise SourceError(
                f"{path}: {name} has {len(values)} of {num_frames} frames; the file is cut or "
                "damaged."
            )
        if not np.isfinite(values).all():
            raise SourceError(
                f"{path}: {name} has numbers that are not finite; the file is damaged."
            )
    return channels
