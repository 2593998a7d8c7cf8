"""Motion capture in Acclaim's format (ASF skeleton + AMC motion), as the CMU Graphics Lab database has it.

Read to: joint angles of `posture.py`, the path of the hips, and when each foot stands. The angles are what the gait curves are
fitted to and what a body is posed with, so a recorded person and a made-up one go the same way from there on.

Format: Acclaim ASF/AMC as documented by Schafer (1995) and Lander, "Working with Motion Capture File Formats" (1998): a bone's
local rotation is L = C M C^-1 with C its axis and M its motion, both Euler angles in the order x, then y, then z; the zero pose is
the skeleton's rest pose. CMU's world is y up; here it is z up, the rest pose faces -y.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from posegrid.errors import SourceError
from posegrid.sources.walkers.rotations import (
    angles_xyz,
    angles_zxy,
    rot_x,
    rot_y,
    rot_z,
    smallest_rotations,
    turned,
)

MM_PER_INCH = 25.4
CMU_FPS = 120.0
"""AMC files do not say their frame rate; CMU's walks were captured at 120 Hz."""

Y_UP_TO_Z_UP = rot_x(np.array(np.pi / 2))
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


@dataclass(frozen=True, eq=False)
class MotionCapture:
    """A recorded motion: for each bone its rotation from the rest pose and where it starts and ends. World z up, mm."""

    name: str
    fps: float
    rotations: dict[str, Float[np.ndarray, "T 3 3"]]
    starts_mm: dict[str, Float[np.ndarray, "T 3"]]
    ends_mm: dict[str, Float[np.ndarray, "T 3"]]
    rest_directions: dict[str, Float[np.ndarray, "3"]]

    @property
    def num_frames(self) -> int:
        return len(self.rotations["root"])


def load_motion_capture(asf: Path, amc: Path, fps: float = CMU_FPS) -> MotionCapture:
    """The recorded motion of an AMC file on the skeleton of an ASF file; `fps` is the rate it was captured at.

    Raises SourceError for files that are missing, damaged, not in degrees, or do not belong together.
    """
    bones, mm_per_unit = _read_skeleton(asf)
    channels = _read_channels(amc, bones)
    root = channels["root"]
    placed = {"root": (_euler(root[:, 3:]), root[:, :3] * mm_per_unit)}
    rotations, starts, ends = {"root": placed["root"][0]}, {"root": placed["root"][1]}, {"root": placed["root"][1]}
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
        return path.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); expected a motion capture file.") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: no plain text; expected an Acclaim ASF or AMC file.") from error


def _read_skeleton(path: Path) -> tuple[dict[str, AcclaimBone], float]:
    """Bones by name, parents first, and the file's unit of length in mm."""
    sections = _asf_sections(path)
    units = {words[0]: words[1:] for words in sections["units"]}
    if units.get("angle") != ["deg"]:
        raise SourceError(f"{path}: angles are not in degrees (:units angle); only `deg` can be read.")
    root = {words[0]: words[1:] for words in sections["root"]}
    if [word.lower() for word in root.get("order", [])] != ROOT_ORDER:
        raise SourceError(f"{path}: the root's order is {root.get('order')}; expected TX TY TZ RX RY RZ.")
    parents = {child: words[0] for words in sections["hierarchy"] for child in words[1:]}
    try:
        mm_per_unit = MM_PER_INCH / float(units["length"][0])
        blocks = _bone_blocks(sections["bonedata"])
        bones = {name: _acclaim_bone(block, parents[name], mm_per_unit) for name, block in blocks.items()}
    except (KeyError, ValueError, IndexError) as error:
        raise SourceError(f"{path}: damaged skeleton, {error!r}; expected name, direction, length, axis per bone.") from error
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
    axis = np.array([[float(word) for word in block["axis"][:3]]])
    direction = np.array([float(word) for word in block["direction"]])
    if axis.shape != (1, 3) or direction.shape != (3,):
        raise ValueError("axis and direction need three numbers")
    return AcclaimBone(
        parent=parent,
        direction=direction,
        length_mm=float(block["length"][0]) * mm_per_unit,
        axis=_euler(axis)[0],
        channels=tuple(ACCLAIM_AXES[word.lower()] for word in block.get("dof", [])),
    )


def _parents_first(path: Path, bones: dict[str, AcclaimBone]) -> dict[str, AcclaimBone]:
    """The same bones, each after its parent."""
    ordered: dict[str, AcclaimBone] = {}
    while len(ordered) < len(bones):
        ready = {n: b for n, b in bones.items() if n not in ordered and (b.parent == "root" or b.parent in ordered)}
        if not ready:
            lost = sorted(set(bones) - set(ordered))
            raise SourceError(f"{path}: the bones {', '.join(lost)} do not hang from the root; see :hierarchy.")
        ordered |= ready
    return ordered


def _read_channels(path: Path, bones: dict[str, AcclaimBone]) -> dict[str, Float[np.ndarray, "T d"]]:
    """The numbers of each bone's lines in an AMC file, one row per frame."""
    expected = {"root": len(ROOT_ORDER)} | {name: len(b.channels) for name, b in bones.items() if b.channels}
    rows: dict[str, list[list[float]]] = {name: [] for name in expected}
    num_frames = 0
    for number, line in enumerate(_read_lines(path), start=1):
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
            raise SourceError(f"{path}, line {number}: {error}; expected a bone's name and numbers.") from error
        if len(values) != expected.get(name, -1) or not np.all(np.isfinite(values)):
            raise SourceError(
                f"{path}, line {number}: {name} with {len(values)} numbers does not fit the skeleton "
                f"(expected {expected.get(name, 'no such bone')}); is it the ASF file of the same person?"
            )
        rows[name].append(values)
    for name, values in rows.items():
        if len(values) != num_frames or num_frames < 2:
            raise SourceError(f"{path}: {name} has {len(values)} of {num_frames} frames; the file is cut or damaged.")
    return {name: np.array(values) for name, values in rows.items()}


@dataclass(frozen=True, eq=False)
class RecordedWalk:
    """A captured walk along a straight line, in the terms of `posture.py`: what a body needs to do the same."""

    name: str
    fps: float
    angles: dict[str, Float[np.ndarray, "T"]]
    forward_mm: Float[np.ndarray, "T"]
    """Way of the hip centre in the direction of walking, from 0."""
    left_mm: Float[np.ndarray, "T"]
    height_mm: Float[np.ndarray, "T"]
    """Height of the hip centre over the capture's floor."""
    leg_mm: float
    """Thigh plus shank."""
    strikes: dict[str, Float[np.ndarray, "n"]]
    """Frames at which the heel of a side ("L", "R") comes down."""
    lifts: dict[str, Float[np.ndarray, "m"]]
    """Frames at which the toes of a side leave the floor."""

    @property
    def speed_mm_s(self) -> float:
        seconds = (len(self.forward_mm) - 1) / self.fps
        return float(self.forward_mm[-1] - self.forward_mm[0]) / seconds

    def phase(self, side: str) -> Float[np.ndarray, "T"]:
        """Cycles since the first heel strike of a side, linear between strikes; NaN before the first and after the last."""
        return _phase(self.strikes, side, len(self.forward_mm))


def _phase(strikes: dict[str, np.ndarray], side: str, num_frames: int) -> np.ndarray:
    """See RecordedWalk.phase; a side without a whole stride is half a cycle behind the other."""
    frames = np.arange(num_frames, dtype=np.float64)
    if len(strikes[side]) < 2:
        side, delay = ("R" if side == "L" else "L"), 0.5
    else:
        delay = 0.0
    counted = np.arange(len(strikes[side]), dtype=np.float64)
    return np.interp(frames, strikes[side], counted, left=np.nan, right=np.nan) + delay


def recorded_walk(capture: MotionCapture) -> RecordedWalk:
    """Joint angles, hip path and steps of a captured straight walk.

    The direction of walking is that of the whole way. Three zeros that marker sets disagree about are set here: the mean tilt of
    pelvis and head is 0, and the sole is level in the middle of its stance. Heel strike and toe-off are found from the foremost and
    the rearmost point of the foot against the hips (Zeni et al., Gait & Posture 2008). Raises SourceError where the bones have
    other names than CMU's or there is no whole stride.
    """
    try:
        hips = 0.5 * (capture.starts_mm["lfemur"] + capture.starts_mm["rfemur"])
        way = hips[-1] - hips[0]
        heading = float(np.arctan2(way[0], -way[1]))
        facing = rot_z(np.array(-heading))
        turned_rotations = {name: facing @ rotation for name, rotation in capture.rotations.items()}
        walked = (hips - hips[0]) @ facing.T
        strikes, lifts = {}, {}
        for side, bone in (("L", "lfoot"), ("R", "rfoot")):
            heel, toe = ((points[bone] - hips) @ facing.T for points in (capture.starts_mm, capture.ends_mm))
            strikes[side] = _peaks(-heel[:, 1], capture.fps)
            lifts[side] = _peaks(toe[:, 1], capture.fps)
        strikes, lifts = _contact_times(capture.name, strikes, lifts)
        angles = _central_angles(turned_rotations)
        for side, prefix in (("L", "l"), ("R", "r")):
            angles |= _leg_angles(capture, turned_rotations, side, prefix)
            angles |= _arm_angles(capture, turned_rotations, side, prefix)
    except KeyError as error:
        raise SourceError(f"{capture.name}: no bone {error}; expected the names of the CMU skeleton.") from error
    for side in ("L", "R"):
        phase = _phase(strikes, side, capture.num_frames) % 1.0
        # the whole sole stands on the floor from about 0.12 to 0.30 of the cycle
        flat = (phase > 0.12) & (phase < 0.30)
        angles[f"foot_pitch.{side}"] -= angles[f"foot_pitch.{side}"][flat].mean()
    leg = float(np.mean([_length(capture, f"{s}femur") + _length(capture, f"{s}tibia") for s in "lr"]))
    return RecordedWalk(
        capture.name, capture.fps, angles, -walked[:, 1], walked[:, 0], hips[:, 2], leg, strikes, lifts
    )


def _contact_times(name: str, strikes: dict[str, np.ndarray], lifts: dict[str, np.ndarray]) -> tuple[dict, dict]:
    """Frames of floor contact from the foremost and rearmost points of the feet.

    In CMU's 53 walks the heel's speed over the floor falls under half the walking speed 0.03 of a cycle after the foremost point,
    and the ball's rises over it 0.04 before the rearmost.
    """
    cycles = np.concatenate([np.diff(frames) for frames in strikes.values()])
    if len(cycles) == 0:
        raise SourceError(f"{name}: no whole stride found; expected a walk of at least 2 m.")
    cycle = float(np.median(cycles))
    return (
        {side: frames + 0.03 * cycle for side, frames in strikes.items()},
        {side: frames - 0.04 * cycle for side, frames in lifts.items()},
    )


def _length(capture: MotionCapture, bone: str) -> float:
    return float(np.linalg.norm(capture.ends_mm[bone][0] - capture.starts_mm[bone][0]))


def _central_angles(rotations: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    angles = {}
    for segment, bone in (("pelvis", "root"), ("trunk", "thorax"), ("head", "head")):
        rotation, tilt, listing = angles_zxy(rotations[bone])
        if segment != "trunk":
            tilt = tilt - tilt.mean()
        angles |= {f"{segment}_tilt": tilt, f"{segment}_list": listing, f"{segment}_rotation": rotation}
    return angles


def _leg_angles(
    capture: MotionCapture, rotations: dict[str, np.ndarray], side: str, prefix: str
) -> dict[str, np.ndarray]:
    sign = 1.0 if side == "L" else -1.0
    mean_tilt = angles_zxy(rotations["root"])[1].mean()
    pelvis = rotations["root"] @ rot_x(-mean_tilt)
    thigh = rotations[f"{prefix}femur"] @ _from_down(capture, f"{prefix}femur")
    shank = rotations[f"{prefix}tibia"] @ _from_down(capture, f"{prefix}tibia")
    flexion, adduction, rotation = angles_xyz(np.swapaxes(pelvis, -1, -2) @ thigh)
    knee, _, _ = angles_xyz(np.swapaxes(thigh, -1, -2) @ shank)
    toes = capture.rest_directions[f"{prefix}foot"]
    foot = rotations[f"{prefix}foot"] @ rot_z(np.arctan2(toes[0], -toes[1]))
    progression, pitch, _ = angles_zxy(foot)
    # a foot on tiptoe has no clear direction, so the direction is smoothed with the foot's horizontal share as weight
    progression = _smoothed(progression, np.cos(pitch) ** 2, 0.08 * capture.fps)
    return {
        f"hip_flexion.{side}": -flexion,
        f"hip_adduction.{side}": sign * adduction,
        f"hip_rotation.{side}": sign * rotation,
        f"knee_flexion.{side}": knee,
        f"foot_pitch.{side}": -pitch,
        f"foot_progression.{side}": sign * progression,
    }


def _from_down(capture: MotionCapture, bone: str) -> np.ndarray:
    """The rotation from a limb that hangs straight down to the same limb in the skeleton's rest pose."""
    return smallest_rotations(np.array([0.0, 0.0, -1.0]), capture.rest_directions[bone])


def _arm_angles(
    capture: MotionCapture, rotations: dict[str, np.ndarray], side: str, prefix: str
) -> dict[str, np.ndarray]:
    """Angles of an arm from the directions of upper arm and forearm: the elbow is taken as a hinge."""
    sign = 1.0 if side == "L" else -1.0
    to_trunk = np.swapaxes(capture.rotations["thorax"], -1, -2)
    upper = turned(to_trunk, capture.ends_mm[f"{prefix}humerus"] - capture.starts_mm[f"{prefix}humerus"])
    forearm = turned(to_trunk, capture.ends_mm[f"{prefix}wrist"] - capture.starts_mm[f"{prefix}radius"])
    upper /= np.linalg.norm(upper, axis=-1, keepdims=True)
    forearm /= np.linalg.norm(forearm, axis=-1, keepdims=True)
    flexion = np.arctan2(-upper[:, 1], -upper[:, 2])
    abduction = np.arcsin(np.clip(sign * upper[:, 0], -1, 1))
    hanging = np.swapaxes(rot_x(-flexion) @ rot_y(-sign * abduction), -1, -2)
    fore = turned(hanging, forearm)
    return {
        f"shoulder_flexion.{side}": flexion,
        f"shoulder_abduction.{side}": abduction,
        f"shoulder_rotation.{side}": np.arctan2(-sign * fore[:, 0], -fore[:, 1]),
        f"elbow_flexion.{side}": np.arccos(np.clip(-fore[:, 2], -1, 1)),
    }


def _smoothed(signal: np.ndarray, weight: np.ndarray, sigma_frames: float) -> np.ndarray:
    """Weighted running mean with a Gaussian window."""
    reach = int(3 * sigma_frames)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_frames) ** 2)
    total, norm = (np.convolve(np.pad(x, reach, mode="edge"), window, "valid") for x in (signal * weight, weight))
    return total / norm


def _peaks(signal: Float[np.ndarray, "T"], fps: float) -> Float[np.ndarray, "n"]:
    """Frames (between frames: vertex of a parabola) where a signal is the highest within 0.3 s to both sides."""
    reach = round(0.3 * fps)
    edge = round(0.05 * fps)
    peaks = []
    for i in range(edge, len(signal) - edge):
        if signal[i] >= signal[max(0, i - reach) : i + reach + 1].max() and signal[i - 1] < signal[i]:
            before, here, after = signal[i - 1 : i + 2]
            peaks.append(i + 0.5 * (before - after) / (before - 2 * here + after))
    return np.array(peaks)
