"""Joint angles from joint positions. Definitions with their reasons: docs/angles.md.

A limb's direction is described in the frame of the part of the body it hangs from (F forward, L to
the person's left, U up; F = L x U), as flexion, the turn about L, then abduction, out of the
sagittal plane:

    flexion = atan2(d.F, -d.U);   abduction = asin(d.(outwards) / |d|)

The pelvis' L is the line through the hips, the chest's the line through the shoulders; U of both is
the trunk's axis (pelvis to thorax), made perpendicular. What positions cannot show is not given:
turns of a thigh, upper arm or head about their own length, the tilt of the pelvis against the
trunk, and the ankles where heels and toes are not known.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from posegrid.body.formats.viewer import LEFT, RIGHT
from posegrid.body.rotations import unit
from posegrid.body.skeleton import HUMAN36M_21, JOINT_NAMES, ROOT
from posegrid.errors import optional

if TYPE_CHECKING:
    import matplotlib.figure

ANGLE_NAMES = (
    *(
        f"{side}_{angle}"
        for side in ("right", "left")
        for angle in ("hip_flexion", "hip_abduction", "knee_flexion")
    ),
    *(
        f"{side}_{angle}"
        for side in ("right", "left")
        for angle in ("shoulder_flexion", "shoulder_abduction")
    ),
    *(f"{side}_elbow_flexion" for side in ("right", "left")),
    *("pelvis_obliquity", "trunk_flexion", "trunk_lateral_flexion", "trunk_rotation"),
    *("neck_flexion", "neck_lateral_flexion"),
)
ANKLE_NAMES = ("right_ankle_dorsiflexion", "left_ankle_dorsiflexion")
"""Angles of joints with heels and toes."""
CAMERA_UP = (0.0, -1.0, 0.0)
"""Up in the frame of a level camera."""
LARGEST_ABDUCTION_RAD = np.radians(80)
"""Beyond it a limb points so nearly sideways that its flexion means nothing: NaN."""

KNEE_ERRORS = Path(__file__).with_name("knee_errors.csv")
"""By how much estimated knees read too bent: written by `scripts/measure_gait.py FOLDER --write`."""

Vectors = Float[np.ndarray, "T 3"]
Angle = Float[np.ndarray, "T"]


def joint_angles(
    joints_mm: Float[np.ndarray, "T J 3"],
    up: Float[np.ndarray, "3"] | tuple[float, float, float] = CAMERA_UP,
) -> Mapping[str, Angle]:
    """The angles of `ANGLE_NAMES` in radians, by name, of the 21 joints with heels and toes those of
    `ANKLE_NAMES`, too; NaN where a joint they need is NaN.

    Zero is upright with hanging limbs; flexion and abduction are positive, knees and elbows bend
    from 0 to pi, a foot is at 0 at a right angle to its shank (Wu et al., J. Biomechanics 2002).
    joints_mm: in any right-handed frame, relative to anything. up: the vertical in that frame. Only
    `pelvis_obliquity`, `trunk_flexion` and `trunk_lateral_flexion` depend on it; the default is
    right for a level camera's frame, and as wrong as the camera is tilted otherwise.
    """
    joint: dict[str, Vectors] = dict(
        zip(HUMAN36M_21.joint_names, np.moveaxis(joints_mm.astype(np.float64), 1, 0), strict=False)
    )
    trunk = joint["thorax"] - joint[JOINT_NAMES[ROOT]]
    hips, shoulders = (
        joint[f"left_{part}"] - joint[f"right_{part}"] for part in ("hip", "shoulder")
    )
    pelvis, chest = _Frame(hips, trunk), _Frame(shoulders, trunk)
    angles: dict[str, Angle] = {}
    for side, outwards in (("right", -1.0), ("left", 1.0)):
        thigh, shank = (
            joint[f"{side}_{b}"] - joint[f"{side}_{a}"]
            for a, b in (("hip", "knee"), ("knee", "ankle"))
        )
        upper = joint[f"{side}_elbow"] - joint[f"{side}_shoulder"]
        forearm = joint[f"{side}_wrist"] - joint[f"{side}_elbow"]
        angles[f"{side}_hip_flexion"], angles[f"{side}_hip_abduction"] = pelvis.hanging(
            thigh, outwards
        )
        angles[f"{side}_knee_flexion"] = _between(thigh, shank)
        angles[f"{side}_shoulder_flexion"], angles[f"{side}_shoulder_abduction"] = chest.hanging(
            upper, outwards
        )
        angles[f"{side}_elbow_flexion"] = _between(upper, forearm)
        if f"{side}_toe" in joint:
            sole = joint[f"{side}_toe"] - joint[f"{side}_heel"]
            rise = -_dot(unit(sole), unit(shank))
            angles[f"{side}_ankle_dorsiflexion"] = np.arcsin(np.clip(rise, -1, 1))
    vertical = np.broadcast_to(np.asarray(up, dtype=np.float64), trunk.shape)
    rise = _dot(unit(hips), unit(vertical))
    level = _Frame(unit(hips) - rise[:, None] * unit(vertical), vertical)
    angles["pelvis_obliquity"] = np.arcsin(np.clip(rise, -1, 1))
    angles["trunk_flexion"], angles["trunk_lateral_flexion"] = level.standing(trunk)
    angles["trunk_rotation"] = _turn(hips, shoulders, unit(trunk))
    angles["neck_flexion"], angles["neck_lateral_flexion"] = chest.standing(
        joint["head_top"] - joint["thorax"]
    )
    return {name: angles[name] for name in (*ANGLE_NAMES, *ANKLE_NAMES) if name in angles}


class _Frame:
    """Axes of a part of the body: L along `left`, U towards `up` and perpendicular to it, F = L x
    U.
    """

    def __init__(self, left: Vectors, up: Vectors) -> None:
        self.left = unit(left)
        self.forward = unit(np.cross(self.left, up))
        self.up = np.cross(self.forward, self.left)

    def hanging(self, limb: Vectors, outwards: float) -> tuple[Angle, Angle]:
        """Flexion and abduction of a limb that hangs down at zero; `outwards` is 1 on the left, -1
        on the right.
        """
        abduction = np.arcsin(np.clip(outwards * _dot(unit(limb), self.left), -1, 1))
        flexion = np.arctan2(_dot(limb, self.forward), -_dot(limb, self.up))
        return np.where(np.abs(abduction) > LARGEST_ABDUCTION_RAD, np.nan, flexion), abduction

    def standing(self, part: Vectors) -> tuple[Angle, Angle]:
        """Flexion (forwards) and lateral flexion (to the right) of a part that stands up at
        zero.
        """
        flexion = np.arctan2(_dot(part, self.forward), _dot(part, self.up))
        return flexion, np.arcsin(np.clip(-_dot(unit(part), self.left), -1, 1))


def joint_angles_deg(joints_mm: Float[np.ndarray, "T J 3"]) -> dict[str, Angle]:
    """The same of a level camera's frame in degrees, by names such as left_knee_flexion_deg."""
    return {f"{name}_deg": np.degrees(angle) for name, angle in joint_angles(joints_mm).items()}


def on_knees() -> str:
    """What is known of the error of estimated knees, in a sentence: `KNEE_ERRORS` in words."""
    with KNEE_ERRORS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    off_deg = {row["part"]: float(row["too_bent_deg"]) for row in rows}
    return (
        f"knees: on rendered walks, whose truth is known, {rows[0]['weights']} reads knees that are "
        f"bent by 0 to 10 degrees, as in stance, {off_deg['bent by 0 to 10']:.0f} degrees too "
        f"bent, and the most bent ones {-off_deg['at their most bent']:.0f} degrees too little: "
        "compare a person with themselves rather than with others"
    )


OPENSIM = {
    "pelvis_tilt": ("trunk_flexion", -1),
    "pelvis_list": ("pelvis_obliquity", 1),
    **{
        f"{name}_{side[0]}": (f"{side}_{angle}", sign)
        for side in ("right", "left")
        for name, angle, sign in (
            ("hip_flexion", "hip_flexion", 1),
            ("hip_adduction", "hip_abduction", -1),
            ("knee_angle", "knee_flexion", 1),
            ("arm_flex", "shoulder_flexion", 1),
            ("arm_add", "shoulder_abduction", -1),
            ("elbow_flex", "elbow_flexion", 1),
        )
    },
    **{f"ankle_angle_{side[0]}": (f"{side}_ankle_dorsiflexion", 1) for side in ("right", "left")},
}
"""Coordinates of OpenSim's full-body models (Rajagopal et al., IEEE Trans. Biomed. Eng. 2016): which
angle, and its sign there. The pelvis tilts as the trunk does: positions do not tell them apart."""


def mot_text(
    joints_mm: Float[np.ndarray, "T J 3"], time_s: Float[np.ndarray, "T"], name: str
) -> str:
    """Angles of a level camera's joints as a motion file of OpenSim, degrees; frames without all of
    them are left out.
    """
    angles = joint_angles_deg(joints_mm)
    columns = {
        name: sign * angles[f"{angle}_deg"]
        for name, (angle, sign) in OPENSIM.items()
        if f"{angle}_deg" in angles
    }
    rows = np.stack([time_s, *columns.values()], axis=1)
    rows = rows[np.isfinite(rows).all(axis=1)]
    head = [name, "version=1", f"nRows={len(rows)}", f"nColumns={rows.shape[1]}", "inDegrees=yes"]
    lines = [*head, "endheader", "\t".join(["time", *columns])]
    lines += ["\t".join(f"{value:.6f}" for value in row) for row in rows]
    return "\n".join(lines) + "\n"


def angles_figure(
    joints_mm: Float[np.ndarray, "T 17 3"], time_s: Angle, title: str
) -> "matplotlib.figure.Figure":
    """Flexion of hips, knees and elbows over time, left blue, right orange, for notebooks.

    Raises SettingsError where matplotlib is not installed.
    """
    angles_deg = joint_angles_deg(joints_mm)
    figure = optional("matplotlib.figure").Figure(figsize=(8, 6), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    for axes, joint in zip(panels, ("hip", "knee", "elbow"), strict=True):
        for side, colour in (("left", LEFT), ("right", RIGHT)):
            angle = angles_deg[f"{side}_{joint}_flexion_deg"]
            axes.plot(time_s, angle, color=np.array(colour) / 255, label=side)
        axes.set_ylabel(f"{joint} flexion, degrees")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_title(title, loc="left", fontsize=10)
    panels[0].legend(frameon=False, ncols=2)
    panels[-1].set_xlabel("time, s")
    return figure


def _between(upper: Vectors, lower: Vectors) -> Angle:
    """The angle between two parts of a limb: 0 if it is straight."""
    return np.arctan2(np.linalg.norm(np.cross(upper, lower), axis=1), _dot(upper, lower))


def _turn(start: Vectors, end: Vectors, axis: Vectors) -> Angle:
    """The turn about an axis from one direction to another; to the left, seen from above, is
    positive.
    """
    start = start - _dot(start, axis)[:, None] * axis
    end = end - _dot(end, axis)[:, None] * axis
    return np.arctan2(_dot(np.cross(start, end), axis), _dot(start, end))


def _dot(a: Vectors, b: Vectors) -> Angle:
    return (a * b).sum(axis=1)
