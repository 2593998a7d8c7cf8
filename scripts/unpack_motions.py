"""Motion capture that is packed as npz or gzip, as the files that `posegrid synth --poses` takes.

    python -m scripts.unpack_motions cmu_more OUT

cmu_more/asfamc: ASF files, and AMC files in gzip. cmu_more/bvh: npz with `hierarchy` (a BVH's text
up to MOTION), `channels` and `frame_time`. cmu_more/expmap: npz with `expmap` (the root's place and
38 rotations as exponential maps of row vectors, 120 frames a second), and skeleton.json with the
joints' parents and offsets. Of the npz clips the first five frames are left out, which lead in from
a T pose, and those about a glitch; what is between becomes a BVH file each, every second frame.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.spatial.transform import Rotation

from posegrid.errors import PosegridError, SourceError
from posegrid.files import write_text, written
from posegrid.untrusted import DAMAGED
from posegrid.walkers.motion.bvh import load_bvh

LEAD_IN = 5
GLITCH = 0.15
"""Of a leg's length (120 mm): farther in one frame no hand, foot or head moves, nor the hips."""
WATCHED = ("root", "head", "lfoot", "rfoot", "lwrist", "rwrist")
ABOUT = 3
"""Frames to both sides of a glitch."""
EVERY = 2
SHORTEST_S = 1.0
ROTATIONS = "Zrotation Yrotation Xrotation"
NAMES = (
    *("Hips", "LHipJoint", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase", "LeftToe"),
    *("RHipJoint", "RightUpLeg", "RightLeg", "RightFoot", "RightToeBase", "RightToe"),
    *("LowerBack", "Spine", "Spine1", "Neck", "Neck1", "Head", "Crown"),
    *("LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand", "LeftFingers", "LeftFinger"),
    *("LeftFingerEnd", "LeftThumb", "LeftThumbEnd"),
    *("RightShoulder", "RightArm", "RightForeArm", "RightHand", "RightFingers", "RightFinger"),
    *("RightFingerEnd", "RightThumb", "RightThumbEnd"),
)
"""Of the exponential maps' joints, in their order."""


def bvh_text(hierarchy: str, channels: np.ndarray, frame_s: float) -> str:
    """A BVH file's text."""
    rows = StringIO()
    np.savetxt(rows, channels, fmt="%.6g")
    timed = f"Frames: {len(channels)}\nFrame Time: {frame_s:.8f}\n"
    return f"{hierarchy.rstrip()}\nMOTION\n{timed}{rows.getvalue()}"


def hierarchy_of(parents: list[int], offsets: list[list[float]], index: int = 0) -> str:
    """The BVH text of a joint and of all that hangs from it."""
    places = "" if index else "Xposition Yposition Zposition "
    count = 3 if index else 6
    inner = "".join(
        hierarchy_of(parents, offsets, child) for child, up in enumerate(parents) if up == index
    )
    inner = inner or "End Site\n{\nOFFSET 0 0 0\n}\n"
    offset = " ".join(map(str, offsets[index]))
    head = f"{'JOINT' if index else 'HIERARCHY' + chr(10) + 'ROOT'} {NAMES[index]}\n{{\n"
    return f"{head}OFFSET {offset}\nCHANNELS {count} {places}{ROTATIONS}\n{inner}}}\n"


def channels_of(expmap: np.ndarray) -> np.ndarray:
    """BVH's numbers for exponential maps of row vectors, whose rotations are the transposed ones."""
    turns = Rotation.from_rotvec(-expmap[:, 3:].reshape(-1, 3)).as_euler("ZYX", degrees=True)
    return np.concatenate([expmap[:, :3], turns.reshape(len(expmap), -1)], axis=1)


def packed_clips(folder: Path) -> Iterator[tuple[str, str, np.ndarray, float]]:
    """Name, BVH hierarchy, channels and seconds a frame of each npz clip."""
    for path in sorted((folder / "bvh").glob("*.npz")):
        with _packed(path) as clip:
            yield path.stem, str(clip["hierarchy"]), clip["channels"], float(clip["frame_time"])
    skeleton = folder / "expmap" / "skeleton.json"
    if not skeleton.is_file():
        return
    facts = json.loads(skeleton.read_text())
    # a depth-first order is that of the channels, and NAMES are in it
    hierarchy = hierarchy_of(facts["parents"], facts["offsets_units"])
    for path in sorted((folder / "expmap").glob("*.npz")):
        with _packed(path) as clip:
            yield path.stem, hierarchy, channels_of(clip["expmap"].astype(float)), 1 / 120


@contextmanager
def _packed(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """An npz file's arrays. Raises SourceError for a damaged one."""
    try:
        with np.load(path) as clip:
            yield clip
    except DAMAGED as error:
        raise SourceError(
            f"{path}: cannot be read ({error}); expected a clip as npz: unpack or copy it again."
        ) from error


def sound_stretches(path: Path) -> list[slice]:
    """The frames of a BVH file between its lead-in and its glitches."""
    capture = load_bvh(path)
    places = np.stack([capture.starts_mm[name] for name in WATCHED])
    steps_mm = np.linalg.norm(np.diff(places, axis=1), axis=2).max(axis=0)
    thigh, shank = (
        capture.ends_mm[bone] - capture.starts_mm[bone] for bone in ("lfemur", "ltibia")
    )
    leg_mm = np.linalg.norm(thigh[0]) + np.linalg.norm(shank[0])
    bad = np.zeros(capture.num_frames, bool)
    bad[1:] = steps_mm > GLITCH * leg_mm
    bad = binary_dilation(bad, iterations=ABOUT)
    bad[:LEAD_IN] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[True], bad, [True]])))
    return [
        slice(first, last)
        for first, last in edges.reshape(-1, 2)
        if last - first > SHORTEST_S * capture.fps
    ]


def unpack(folder: Path, out: Path) -> int:
    """Writes all clips of a folder as files of motion capture; how many there are.

    Raises SourceError for a folder without clips.
    """
    plain = [*sorted((folder / "asfamc").rglob("*.asf")), *(folder / "asfamc").rglob("*.amc.gz")]
    for path in plain:
        target = out / path.parent.name / path.name.removesuffix(".gz")
        target.parent.mkdir(parents=True, exist_ok=True)
        data = path.read_bytes()
        with written(target) as temporary:
            temporary.write_bytes(gzip.decompress(data) if path.suffix == ".gz" else data)
    written_files = sum(path.suffix == ".gz" for path in plain)
    (out / "bvh").mkdir(parents=True, exist_ok=True)
    for name, hierarchy, channels, frame_s in packed_clips(folder):
        with TemporaryDirectory() as temporary:
            whole = Path(temporary) / f"{name}.bvh"
            whole.write_text(bvh_text(hierarchy, channels, frame_s))
            stretches = sound_stretches(whole)
        for number, stretch in enumerate(stretches, 1):
            text = bvh_text(hierarchy, channels[stretch][::EVERY], EVERY * frame_s)
            write_text(out / "bvh" / f"{name}_{number}.bvh", text)
        written_files += len(stretches)
    if not written_files:
        raise SourceError(f"{folder}: no clips; expected asfamc/, bvh/ or expmap/ in it.")
    return written_files


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="with asfamc/, bvh/ or expmap/")
    parser.add_argument("out", type=Path, help="where the files go")
    chosen = parser.parse_args()
    try:
        print(f"{chosen.out}: {unpack(chosen.folder, chosen.out)} motions")
    except PosegridError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
