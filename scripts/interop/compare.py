"""What other programs read from the files that posegrid writes, beside what was written.

    make interop        installs them once (Node's three.js, Blender's and OpenSim's wheels)

A person of known bones and feet walks aslant before a camera that looks down; so where the joints are in
the world is known. Each program reads the file in its own process and says where it has each joint.
A table is printed: the largest error of any joint in any frame, and the height of the floor, which
is that of the standing ankle less its height over the floor. The exit code is 1 for an error of
over 1 mm, or a floor more than 5 mm off. What is not installed is said.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests")]

import ezc3d  # noqa: E402
from body.formats.test_animation import node_places_m, read_joints_cm  # noqa: E402
from body.formats.test_usd import joint_places_m  # noqa: E402
from body.formats.walks import node_names  # noqa: E402
from motion.walks import ANKLE_MM, walk_track, with_feet  # noqa: E402
from pygltflib import GLTF2  # noqa: E402

from posegrid.body.skeleton import HUMAN36M_21  # noqa: E402
from posegrid.motion.angles import OPENSIM  # noqa: E402
from posegrid.motion.feet import ANKLES  # noqa: E402
from posegrid.motion.motion_track import MotionTrack  # noqa: E402

HERE = Path(__file__).parent
INSTALLED = ROOT / ".interop"
MODULE = {"blender": "bpy", "opensim": "opensim"}
FRAMES, RATE = 90, 30.0
LIMIT_MM, FLOOR_LIMIT_MM = 1.0, 5.0
ASLANT_RAD, PITCH_RAD = 0.6, 0.2

Places = np.ndarray
"""(T, 21, 3) forwards, left, up, mm."""


@dataclass(frozen=True)
class Reading:
    """One program that reads one format."""

    program: str
    ending: str
    read: Callable[[Path], Places]


def main() -> None:
    """Print the table."""
    track, truth = walk()
    bad = []
    print(f"| {'program':<24} | {'format':<6} | {'largest error':>13} | {'floor':>8} |")
    print("|---|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for reading in readings():
            path = Path(folder) / f"walk{reading.ending}"
            track.save(path)
            try:
                places = reading.read(path)
            except FileNotFoundError as error:
                print(
                    f"| {reading.program:<24} | {reading.ending:<6} | not installed ({error}) | |"
                )
                continue
            error_mm = float(np.linalg.norm(places - truth, axis=-1).max())
            floor_mm = float(np.median(places[:, ANKLES, 2].min(axis=1))) - ANKLE_MM
            print(
                f"| {reading.program:<24} | {reading.ending:<6} | {error_mm:10.3f} mm "
                f"| {floor_mm:5.2f} mm |"
            )
            if not (error_mm <= LIMIT_MM and abs(floor_mm) <= FLOOR_LIMIT_MM):
                bad.append(f"{reading.program} {reading.ending}")
        bad += angles(track, Path(folder) / "walk.mot")
    if bad:
        sys.exit(f"off by more than {LIMIT_MM:g} mm: {', '.join(bad)}")


def walk() -> tuple[MotionTrack, Places]:
    """A Track of the walk, and where its joints truly are."""
    level = with_feet(walk_track(np.arange(FRAMES) / RATE), pitch_rad=0.2, out_rad=0.1)
    turned = _about_y(ASLANT_RAD)
    cosine, sine = np.cos(PITCH_RAD), np.sin(PITCH_RAD)
    tilt = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]]) @ turned
    middle = np.array([0.0, 0.0, 4000.0])
    changed = replace(
        level,
        joints_mm=(level.joints_mm @ tilt.T).astype(np.float32),
        root_mm=((level.root_mm - middle) @ tilt.T + middle).astype(np.float32),
        feet_mm=(level.feet_mm @ tilt.T).astype(np.float32),
    )
    track = MotionTrack(**{name: getattr(changed, name) for name in changed.__dataclass_fields__})
    joints = (level.joints_and_feet_mm + level.root_mm[:, None]).astype(np.float64)
    start = joints[0, 0]
    forwards, left = joints[..., 0] - start[0], joints[..., 2] - start[2]
    lowest = np.median(-joints[:, ANKLES, 1].max(axis=1))
    return track, np.stack([forwards, left, ANKLE_MM - joints[..., 1] - lowest], axis=-1)


def readings() -> list[Reading]:
    """Every program with every format that it reads."""
    return [
        Reading("three.js BVHLoader", ".bvh", lambda path: _yup(10 * three(path))),
        Reading("three.js GLTFLoader", ".glb", lambda path: _yup(1000 * three(path))),
        Reading("bvhio", ".bvh", lambda path: _yup(10 * read_joints_cm(path, 21))),
        Reading("pygltflib, glTF's rules", ".glb", lambda path: _yup(1000 * gltf(path))),
        Reading("usd-core, UsdSkel", ".usd", lambda path: _yup(1000 * usd(path))),
        Reading("ezc3d", ".c3d", lambda path: c3d(path)),
        Reading("Blender", ".bvh", lambda path: _blender(1000 * blender(path))),
        Reading("Blender", ".glb", lambda path: _blender(1000 * blender(path))),
        Reading("Blender", ".usd", lambda path: _blender(1000 * blender(path))),
        Reading("OpenSim", ".trc", lambda path: _opensim(1000 * opensim_markers(path))),
    ]


def three(path: Path) -> np.ndarray:
    """By three.js under Node."""
    if not (INSTALLED / "node_modules" / "three").is_dir():
        raise FileNotFoundError("make interop")
    script = INSTALLED / "read_three.mjs"
    script.write_text((HERE / "read_three.mjs").read_text())  # it looks for three beside itself
    call = ["node", str(script), str(path), str(FRAMES), str(RATE)]
    out = subprocess.run(call, check=True, capture_output=True, text=True).stdout
    return _of_bones(json.loads(out))


def blender(path: Path) -> np.ndarray:
    """By Blender's importers."""
    return _of_bones(_said("blender", path, str(FRAMES), str(RATE)))


def opensim_markers(path: Path) -> np.ndarray:
    """By OpenSim's reader of marker files."""
    said = _said("opensim", path)
    return np.stack([said[name] for name in HUMAN36M_21.joint_names], axis=1)


def gltf(path: Path) -> np.ndarray:
    """By pygltflib's reading of the file and the rules of glTF's nodes."""
    return _of_bones(node_places_m(GLTF2().load(str(path)), FRAMES))


def usd(path: Path) -> np.ndarray:
    """By usd-core's queries of skeletons."""
    return _of_bones(joint_places_m(path, np.arange(FRAMES)))


def c3d(path: Path) -> Places:
    """By ezc3d; x forwards, y left, z up as they are."""
    return ezc3d.c3d(str(path))["data"]["points"][:3].transpose(2, 1, 0)


def angles(track: MotionTrack, path: Path) -> list[str]:
    """OpenSim's reading of the angles; its name where it is off."""
    track.save(path)
    try:
        said = _said("opensim", path)
    except FileNotFoundError:
        return []
    true = track.angles()
    off = max(
        float(np.abs(np.array(said[name]) - sign * true[f"{angle}_deg"]).max())
        for name, (angle, sign) in OPENSIM.items()
    )
    print(f"| {'OpenSim':<24} | {'.mot':<6} | {off:6.4f} degrees | |")
    return ["OpenSim .mot"] if off > 0.001 else []


def _said(program: str, path: Path, *more: str) -> Mapping[str, list]:
    """What a program in a Python of its own says of a file."""
    if not any(INSTALLED.glob(f"{program}/lib/python*/site-packages/{MODULE[program]}")):
        raise FileNotFoundError("make interop")
    out = path.with_name("said.json")
    python = INSTALLED / program / "bin" / "python"
    call = [str(python), str(HERE / f"read_{program}.py"), str(path), *more, str(out)]
    subprocess.run(call, check=True, capture_output=True)
    return json.loads(out.read_text())


def _of_bones(places: Mapping[str, list] | Mapping[str, np.ndarray]) -> np.ndarray:
    """The joints' places from those of the bones that start, or end, at them."""
    return np.stack([np.array(places[name]) for name in node_names(21)], axis=1)


def _yup(places: np.ndarray) -> Places:
    """From x left, y up, z forwards."""
    return places[..., [2, 0, 1]]


def _blender(places: np.ndarray) -> Places:
    """From Blender's z up, in which what faced z faces -y, Blender's front."""
    return np.stack([-places[..., 1], places[..., 0], places[..., 2]], axis=-1)


def _opensim(places: np.ndarray) -> Places:
    """From x forwards, y up, z right."""
    return np.stack([places[..., 0], -places[..., 2], places[..., 1]], axis=-1)


def _about_y(angle_rad: float) -> np.ndarray:
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


if __name__ == "__main__":
    main()
