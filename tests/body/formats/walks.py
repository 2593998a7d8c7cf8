"""A made-up motion with bones of constant length, as other programs' files hold it."""

from dataclasses import replace

import numpy as np

from posegrid.body.camera import Camera
from posegrid.body.formats.animation import bone_name, end_name
from posegrid.body.skeleton import BONES, FEET_PARENTS, PARENTS_21
from posegrid.body.track import Track

LENGTHS_MM = (130, 450, 440, 130, 450, 440, 230, 250, 120, 110, 150, 280, 250, 150, 280, 250)


def make_walk(num_frames: int = 40, fps: float = 25.0) -> Track:
    """A person whose every bone swings by its own; nobody in frames 0, 1 and 10; no place of the
    pelvis in 20.
    """
    rng = np.random.default_rng(3)
    time_s = np.arange(num_frames) / fps + 0.2
    joints = np.zeros((num_frames, 17, 3))
    for (parent, joint), length in zip(BONES, LENGTHS_MM, strict=True):
        rest = rng.normal(0, 1, 3)
        swing = rng.normal(0, 0.8, (2, 3))
        angle = 2 * np.pi * time_s[:, None] * rng.uniform(0.5, 1.2)
        bone = rest / np.linalg.norm(rest) + np.sin(angle) * swing[0] + np.cos(angle) * swing[1]
        joints[:, joint] = joints[:, parent] + length * bone / np.linalg.norm(
            bone, axis=1, keepdims=True
        )
    root = np.stack(
        [900 * time_s - 500, 100 + 30 * np.sin(9 * time_s), 4000 - 500 * time_s], axis=1
    )
    joints[[0, 1, 10]], root[[0, 1, 10, 20]] = np.nan, np.nan
    return Track(
        frame=np.arange(num_frames),
        time_s=time_s,
        joints_mm=joints.astype(np.float32),
        root_mm=root.astype(np.float32),
        keypoints_px=np.full((num_frames, 17, 2), np.nan, np.float32),
        sigma_mm=np.full((num_frames, 17), 30.0, np.float32),
        box_xyxy=np.full((num_frames, 4), np.nan, np.float32),
        confidence=np.linspace(0, 1, num_frames, dtype=np.float32),
        feet_mm=np.full((num_frames, 4, 3), np.nan, np.float32),
        camera=Camera((1000.0, 1000.0), (500.0, 500.0), (1000, 1000)),
        fps=fps,
        weights="none",
        source="walk.mp4",
    )


FOOT_MM = ((-50.0, 80.0, 0.0), (150.0, 80.0, 0.0))


def make_walk_with_feet(num_frames: int = 40) -> Track:
    """The same with rigid feet that turn about their ankles, each at its own rate."""
    walk = make_walk(num_frames)
    rate = 2 * np.pi * np.array([0.7, 1.1])
    cosine, sine = np.cos(walk.time_s[:, None] * rate), np.sin(walk.time_s[:, None] * rate)
    turns = np.stack([cosine, -sine, 0 * sine, sine, cosine, 0 * sine], axis=-1)
    turns = np.concatenate([turns, np.broadcast_to([0.0, 0, 1], (*sine.shape, 3))], axis=-1)
    feet = turns.reshape(num_frames, 2, 1, 3, 3) @ np.array(FOOT_MM)[..., None]
    feet_mm = walk.joints_mm[:, FEET_PARENTS] + feet.reshape(num_frames, 4, 3)
    return replace(walk, feet_mm=feet_mm.astype(np.float32))


def places_mm(track: Track) -> np.ndarray:
    """Joints in space by hand: x right, y up, z towards the camera."""
    places = track.joints_and_feet_mm.astype(np.float64) + track.root_mm[:, None]
    return np.stack([places[..., 0], -places[..., 1], -places[..., 2]], axis=-1)


def node_names(num_joints: int) -> list[str]:
    """What the bone that starts, or the last one that ends, at each of 17 or 21 joints is called in
    files of animation.
    """
    parents = PARENTS_21[:num_joints]
    child_of = {parent: child for child, parent in reversed(list(enumerate(parents)))}
    return [
        bone_name(child_of[joint]) if joint in child_of else end_name(joint)
        for joint in range(num_joints)
    ]
