"""A person of made-up bones who walks on the floor before a level camera, with exact events."""

from dataclasses import replace

import numpy as np

from posegrid.body.camera import Camera
from posegrid.body.skeleton import BONES, FEET_PARENTS, JOINT_NAMES
from posegrid.body.track import Track

THIGH_MM, SHANK_MM, HIP_HALF_MM, ANKLE_MM = 430.0, 420.0, 110.0, 80.0
STRIDE_S, STRIDE_MM, STANCE = 1.1, 1100.0, 0.62
STEP_HALF_WIDTH_MM = 60.0
CAMERA = Camera((1100.0, 1100.0), (640.0, 360.0), (1280, 720))
CAMERA_HEIGHT_MM = 1000.0


def foot_ahead_mm(phase: np.ndarray) -> np.ndarray:
    """Where along the way a foot is, that strikes the floor at every whole phase; it rests for the
    share STANCE.
    """
    number, part = np.divmod(phase, 1)
    swing = np.clip((part - STANCE) / (1 - STANCE), 0, 1)
    return STRIDE_MM * (number + swing - np.sin(2 * np.pi * swing) / (2 * np.pi))


def walking_mm(time_s: np.ndarray) -> np.ndarray:
    """(T, 17, 3): camera frame (x right, y down, z forward), towards +x, 4 m away; the right foot
    strikes at 0.
    """
    phase = time_s / STRIDE_S
    middle = STRIDE_MM * (phase - STANCE / 2)
    pelvis = np.stack(
        [middle, ANKLE_MM + 772 + 12 * np.cos(4 * np.pi * (phase - 0.3)), 0 * phase], axis=1
    )
    upright = {"pelvis": 0, "spine": 230, "thorax": 470, "nose": 560, "head_top": 690}
    joints = {name: pelvis + [0.0, up, 0.0] for name, up in upright.items()}
    for side, sign, shift in (("right", -1.0, 0.0), ("left", 1.0, 0.5)):
        hip = pelvis + [0.0, 0.0, sign * HIP_HALF_MM]
        part = (phase + shift) % 1
        lift = 100 * np.sin(np.pi * np.clip((part - STANCE) / (1 - STANCE), 0, 1)) ** 2
        ahead = foot_ahead_mm(phase + shift) - shift * STRIDE_MM
        ankle = np.stack(
            [ahead, ANKLE_MM + lift, np.full_like(phase, sign * STEP_HALF_WIDTH_MM)], axis=1
        )
        joints[f"{side}_hip"], joints[f"{side}_ankle"] = hip, ankle
        joints[f"{side}_knee"] = _knee(hip, ankle)
        shoulder = pelvis + [0.0, 460.0, sign * 170]
        swing = 0.4 * np.cos(2 * np.pi * (phase + shift))
        arm = np.stack([-np.sin(swing), -np.cos(swing), 0 * swing], axis=1)
        joints[f"{side}_shoulder"] = shoulder
        joints[f"{side}_elbow"], joints[f"{side}_wrist"] = (
            shoulder + 290 * arm,
            shoulder + 540 * arm,
        )
    world = np.stack(
        [joints[name] for name in JOINT_NAMES], axis=1
    )  # x ahead, y up, z to the person's left
    return np.stack(
        [world[..., 0] - 1500, CAMERA_HEIGHT_MM - world[..., 1], 4000 + world[..., 2]], axis=-1
    )


FOOT_MM = {"heel": (-50.0, -ANKLE_MM, 0.0), "toe": (150.0, -ANKLE_MM, 0.0)}
"""A flat foot's points from its ankle: ahead, up, to the outside."""


def with_feet(track: Track, pitch_rad: float = 0.0, out_rad: float = 0.0) -> Track:
    """The walk with rigid feet, their toes lifted by `pitch_rad` and turned outwards by `out_rad`."""
    cosine, sine = np.cos(pitch_rad), np.sin(pitch_rad)
    ahead = np.array([cosine * np.cos(out_rad), sine, cosine * np.sin(out_rad)])
    up = np.array([-sine * np.cos(out_rad), cosine, -sine * np.sin(out_rad)])
    points = [at * ahead + height * up for at, height, _ in FOOT_MM.values()]
    feet = [point * [1.0, -1.0, sign] for sign in (-1.0, 1.0) for point in points]
    feet_mm = track.joints_mm[:, FEET_PARENTS] + np.array(feet)
    return replace(track, feet_mm=feet_mm.astype(np.float32))


def _knee(hip: np.ndarray, ankle: np.ndarray) -> np.ndarray:
    """Of a leg bent forwards."""
    way = ankle - hip
    distance = np.minimum(np.linalg.norm(way, axis=1, keepdims=True), THIGH_MM + SHANK_MM - 1e-3)
    along = way / np.linalg.norm(way, axis=1, keepdims=True)
    ahead = np.array([1.0, 0.0, 0.0]) - along[:, :1] * along
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    cosine = (THIGH_MM**2 + distance**2 - SHANK_MM**2) / (2 * THIGH_MM * distance)
    return hip + THIGH_MM * (cosine * along + np.sqrt(1 - cosine**2) * ahead)


def walk_track(time_s: np.ndarray, noise_mm: float = 0.0, seed: int = 0) -> Track:
    """The walk as a Track, its joints and keypoints with as much noise (the keypoints' at 4 m)."""
    rng = np.random.default_rng(seed)
    joints = walking_mm(time_s)
    count = len(time_s)
    relative = joints - joints[:, :1] + noise_mm * rng.normal(size=joints.shape)
    keypoints = CAMERA.project(joints) + noise_mm * 1100 / 4000 * rng.normal(size=(count, 17, 2))
    return Track(
        frame=np.arange(count),
        time_s=time_s,
        joints_mm=(relative - relative[:, :1]).astype(np.float32),
        root_mm=(joints[:, 0] + noise_mm * rng.normal(size=(count, 3)) * [0.5, 0.5, 4]).astype(
            np.float32
        ),
        keypoints_px=keypoints.astype(np.float32),
        sigma_mm=np.full((count, 17), 30, np.float32),
        box_xyxy=np.concatenate(
            [keypoints.min(axis=1) - 10, keypoints.max(axis=1) + 10], axis=1
        ).astype(np.float32),
        confidence=np.ones(count, np.float32),
        feet_mm=np.full((count, 4, 3), np.nan, np.float32),
        camera=CAMERA,
        fps=float((count - 1) / (time_s[-1] - time_s[0])),
        weights="none",
        source="walk.mp4",
    )


def circle_track(
    time_s: np.ndarray, radius_mm: float, noise_mm: float = 0.0, seed: int = 0
) -> Track:
    """The walk wound round a circle of which a part is 4 m from the camera; to the left if the radius
    is positive. Lengths along the way stay as they are.
    """
    rng, straight = np.random.default_rng(seed), walk_track(time_s)
    x, y, z = np.moveaxis(walking_mm(time_s), -1, 0)
    angle, reach = (x + 1500) / radius_mm, radius_mm - (z - 4000)
    joints = np.stack([reach * np.sin(angle), y, 4000 + radius_mm - reach * np.cos(angle)], axis=-1)
    relative = joints - joints[:, :1] + noise_mm * rng.normal(size=joints.shape)
    keypoints = CAMERA.project(joints) + noise_mm * 1100 / 4000 * rng.normal(
        size=(*joints.shape[:2], 2)
    )
    return replace(
        straight,
        joints_mm=(relative - relative[:, :1]).astype(np.float32),
        root_mm=joints[:, 0].astype(np.float32),
        keypoints_px=keypoints.astype(np.float32),
    )


def without_frames(track: Track, rows: list[int]) -> Track:
    """The Track, nobody found in these frames."""
    changed = {}
    for name in ("joints_mm", "root_mm", "keypoints_px", "sigma_mm", "box_xyxy", "confidence"):
        values = getattr(track, name).copy()
        values[rows] = np.nan
        changed[name] = values
    return replace(track, **changed)


def bone_spread(joints_mm: np.ndarray) -> np.ndarray:
    """(16,) std of each bone's length as a share of its mean."""
    lengths = np.stack(
        [np.linalg.norm(joints_mm[:, c] - joints_mm[:, p], axis=1) for p, c in BONES]
    )
    return lengths.std(axis=1) / lengths.mean(axis=1)
