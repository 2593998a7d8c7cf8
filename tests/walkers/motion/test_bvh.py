"""BVH files: places by hand and by bvhio, what posegrid writes itself, other names, damaged files."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from body.formats.walks import make_walk_with_feet, places_mm

from posegrid.errors import SourceError
from posegrid.walkers.body.mesh import BONE_INDEX, forward_kinematics, load_body_model
from posegrid.walkers.motion.bvh import NAMINGS, load_bvh
from posegrid.walkers.motion.capture_files import load_motion_captures
from posegrid.walkers.motion.captured_angles import captured_angles, posed_on_the_spot
from posegrid.walkers.motion.motion_capture import MotionCapture

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # bvhio imports PyGLM by a name that will go
    import bvhio


def joint(name: str, offset: str, inner: str, order: str = "Z Y X") -> str:
    turns = " ".join(f"{axis}rotation" for axis in order.split())
    return f"JOINT {name}\n{{\nOFFSET {offset}\nCHANNELS 3 {turns}\n{inner}}}\n"


def end(offset: str) -> str:
    return f"End Site\n{{\nOFFSET {offset}\n}}\n"


def hierarchy(naming: int = 0, head: str = "Head", prefix: str = "") -> str:
    """A figure in a T pose that faces +z, the left side at +x, 170 cm high; 54 turns."""
    (left, right), limbs, _ = (words.split() for words in [*NAMINGS.values()][naming])

    def side(name: str, sign: int, chain: list[str], last: str) -> str:
        text = end(last)
        places = chain[::-1]
        for limb, place in zip(limbs_of(chain)[::-1], places, strict=True):
            text = joint(prefix + name + limb, place.replace("+", "" if sign > 0 else "-"), text)
        return text

    def limbs_of(chain: list[str]) -> list[str]:
        return limbs[:3] if chain is legs else limbs[3:]

    legs, arms = ["+9 -4 0", "0 -42 1", "0 -40 -3"], ["+17 20 0", "+28 0 0", "+25 0 0"]
    sides = ((left, 1), (right, -1))
    arms_text = "".join(side(name, sign, arms, f"{9 * sign} 0 0") for name, sign in sides)
    legs_text = "".join(side(name, sign, legs, "0 -6 14") for name, sign in sides)
    trunk = joint("low", "0 12 0", joint("high", "0 20 0", arms_text + neck(prefix + head)))
    root = "Xposition Yposition Zposition Yrotation Xrotation Zrotation"
    return (
        f"HIERARCHY\nROOT {prefix}Hips\n{{\nOFFSET 0 0 0\nCHANNELS 6 {root}\n{trunk}{legs_text}}}\n"
    )


def neck(head: str) -> str:
    return joint("neck", "0 24 1", joint(head, "0 9 1", end("0 20 0"), "X Z Y"))


def bvh(values: np.ndarray, text: str | None = None, frame_s: float = 0.04) -> str:
    rows = "\n".join(" ".join(f"{value:.6f}" for value in row) for row in values)
    text = text or hierarchy()
    return f"{text}MOTION\nFrames: {len(values)}\nFrame Time: {frame_s}\n{rows}\n"


CHANNELS = 6 + 3 * 16


def rest(frames: int = 3) -> np.ndarray:
    return np.tile(np.array([10.0, 90.0, 20.0] + [0.0] * (CHANNELS - 3)), (frames, 1))


def loaded(folder: Path, text: str) -> MotionCapture:
    (folder / "a.bvh").write_text(text)
    return load_bvh(folder / "a.bvh")


def test_bones_are_where_they_are_by_hand(tmp_path: Path):
    """The file's (x, y, z) cm is our (x, -z, y) mm x 10. In frame 1 the hips turn by 90 degrees to
    the left about y (z becomes x, x becomes -z); in frame 2 the left knee bends by 90 degrees.
    """
    values = rest()
    values[1, 3] = 90
    names = [line.split()[1] for line in hierarchy().splitlines() if line.startswith("JOINT")]
    values[2, 6 + 3 * names.index("LeftLeg") + 2] = 90
    capture = loaded(tmp_path, bvh(values))
    assert capture.fps == pytest.approx(25)
    knee, foot = capture.starts_mm["ltibia"], capture.starts_mm["lfoot"]
    np.testing.assert_allclose(knee[0], [190, -210, 440], atol=1e-9)
    np.testing.assert_allclose(knee[1], [110, -110, 440], atol=1e-9)
    np.testing.assert_allclose(foot[0], [190, -180, 40], atol=1e-9)
    np.testing.assert_allclose(foot[2], [190, 190, 470], atol=1e-9)
    np.testing.assert_allclose(capture.ends_mm["lfoot"][0], [190, -320, -20], atol=1e-9)
    np.testing.assert_allclose(capture.ends_mm["lwrist"][0], [800, -200, 1420], atol=1e-9)
    assert captured_angles(capture)["knee_flexion.L"] == pytest.approx([0, 0, np.pi / 2], abs=0.1)


def test_bvhio_has_the_same_places(tmp_path: Path):
    values = rest(4)
    values[:, 3:] = np.random.default_rng(5).uniform(-120, 120, (4, CHANNELS - 3))
    capture = loaded(tmp_path, bvh(values))
    root = bvhio.readAsHierarchy(str(tmp_path / "a.bvh"))
    for frame in range(4):
        root.loadPose(frame)
        for bone, name in (("lwrist", "LeftHand"), ("rfoot", "RightFoot"), ("head", "Head")):
            (read,) = root.filter(name, isEqual=True)
            x, y, z = read.PositionWorld
            np.testing.assert_allclose(
                capture.starts_mm[bone][frame], [10 * x, -10 * z, 10 * y], atol=0.01
            )


def test_a_body_takes_over_the_directions_of_the_limbs(tmp_path: Path):
    values = rest(2)
    values[:, 3] = 70
    values[:, 6:] = np.random.default_rng(1).uniform(-9, 9, (2, CHANNELS - 6))
    capture = loaded(tmp_path, bvh(values))
    body = load_body_model().sample(np.random.default_rng(3))
    bones = forward_kinematics(body, *posed_on_the_spot(body, captured_angles(capture)))
    facing = np.diff([bones[0, BONE_INDEX[f"upperleg01.{side}"]] for side in "RL"], axis=0)[0]
    assert abs(np.degrees(np.arctan2(facing[1], facing[0]))) < 3, "it faces -y"
    for prefix, side in (("l", "L"), ("r", "R")):
        for one, first, last in (
            ("tibia", f"lowerleg01.{side}", f"foot.{side}"),
            ("radius", f"lowerarm01.{side}", f"wrist.{side}"),
        ):
            ours = bones[:, BONE_INDEX[last]] - bones[:, BONE_INDEX[first]]
            theirs = capture.ends_mm[prefix + one] - capture.starts_mm[prefix + one]
            np.testing.assert_allclose(falling(ours), falling(theirs), atol=0.12)


def falling(bones: np.ndarray) -> np.ndarray:
    """How much of each bone's length is upwards."""
    return bones[:, 2] / np.linalg.norm(bones, axis=1)


@pytest.mark.parametrize(
    ("naming", "head", "prefix"),
    [(0, "Head", "mixamorig:"), (1, "Head", ""), (2, "head", "")],
    ids=["Mixamo", "Biovision", "Poser"],
)
def test_other_programs_names_are_the_same_bones(naming, head, prefix, tmp_path: Path):
    values = rest()
    values[:, 3:] = np.random.default_rng(2).uniform(-90, 90, (3, CHANNELS - 3))
    usual = loaded(tmp_path, bvh(values))
    other = loaded(tmp_path, bvh(values, hierarchy(naming, head, prefix)))
    assert set(usual.starts_mm) == set(other.starts_mm)
    for bone, start_mm in usual.starts_mm.items():
        np.testing.assert_array_equal(start_mm, other.starts_mm[bone])


def test_what_posegrid_writes_is_read_back(tmp_path: Path):
    walk = make_walk_with_feet()
    walk.save(tmp_path / "walk.bvh")
    capture = load_motion_captures(tmp_path)[0]
    left_knee, left_ankle = places_mm(walk)[2:-2, 5], places_mm(walk)[2:-2, 6]
    found = np.isfinite(left_knee[:, 0])
    shank = (capture.ends_mm["ltibia"] - capture.starts_mm["ltibia"])[2:-2]
    x, y, z = (left_ankle - left_knee).T
    np.testing.assert_allclose(shank[found], np.stack([x, -z, y], axis=1)[found], atol=0.2)


def cut(text: str) -> str:
    return text[: len(text) - 200]


def other(old: str, new: str):
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        (cut, "frame 3 has 32 numbers, the joints 54 channels"),
        (other("Frames: 3", "Frames: 4"), "3 frames, where 4 are said"),
        (other("Frames: 3", "Frames: many"), "many"),
        (other("Frame Time: 0.04", "Frame Time: 0"), "Frame Time"),
        (other("Frame Time", "Frame Rate"), "Frame Rate"),
        (other("MOTION", ""), "no MOTION"),
        (lambda text: text[:900], "no MOTION"),
        (other("HIERARCHY", "HIER"), "no whole HIERARCHY"),
        (other("JOINT low\n{", "JOINT low\n"), "ROOT|joint|HIERARCHY|line|MOTION"),
        (other("OFFSET 0 12 0", ""), "no OFFSET of low"),
        (other("OFFSET 0 12 0", "OFFSET 0 12"), "OFFSET 0 12"),
        (other("CHANNELS 3", "CHANNELS 2"), "CHANNELS 2"),
        (other("Yrotation", "Wrotation"), "Wrotation"),
        (other("90.000000", "nan"), "not finite"),
        (other("90.000000", "ninety"), "ninety"),
        (other("LeftForeArm", "Ulna"), "no joint LeftForeArm; expected.*Ulna"),
        (other("JOINT Head", "JOINT Skull"), "no joint Head; expected.*Skull"),
        (other(end("0 -6 14"), ""), "LeftFoot has no toes"),
        (lambda text: text.replace("OFFSET 28 0 0", "OFFSET 0 0 0"), "lhumerus of its rest pose has no length"),
        (lambda text: text.replace("OFFSET 0 -6 14", "OFFSET 0 14 6"), "faces \\+z"),
        (lambda text: text.replace("OFFSET 9", "OFFSET -9").replace("OFFSET --9", "OFFSET 9"), "hips"),
    ],
)  # fmt: skip
def test_what_is_damaged_or_of_another_kind_is_refused(damaged, said, tmp_path: Path):
    with pytest.raises(SourceError, match=said) as refused:
        loaded(tmp_path, damaged(bvh(rest())))
    assert "a.bvh" in str(refused.value) and len(str(refused.value)) < 900


def test_bones_that_grow_are_refused(tmp_path: Path):
    text = hierarchy().replace(
        "OFFSET 0 12 0\nCHANNELS 3", "OFFSET 0 12 0\nCHANNELS 6 Xposition Yposition Zposition", 1
    )
    values = np.insert(rest(), [6, 6, 6], [0.0, 12.0, 0.0], axis=1)
    assert loaded(tmp_path, bvh(values, text)).num_frames == 3
    values[1, 7] = 14
    with pytest.raises(SourceError, match="low moves against its parent, by 2"):
        loaded(tmp_path, bvh(values, text))
