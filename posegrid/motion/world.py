"""Which way is up, seen from the camera, and a motion in a world whose z axis points there and
whose floor is at 0; and its files for other programs.

Gravity comes from the pitch and roll that the user gives, or from the motion itself: on average
over a walk the trunk stands upright, and the feet stand on one plane.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid.body.formats.c3d import Markers
from posegrid.body.formats.in_space import motion_bytes
from posegrid.body.skeleton import JOINT_NAMES, ROOT
from posegrid.body.track import Track
from posegrid.errors import OutputError, SettingsError
from posegrid.files import written
from posegrid.motion.feet import ANKLES
from posegrid.motion.gait_events import facing_world
from posegrid.motion.smoothing import known

THORAX = JOINT_NAMES.index("thorax")
ANKLE_HEIGHT_MM = 80.0
"""Height of an ankle joint above the floor while the foot stands on it."""
LEAN_RAD, HEIGHT_NOISE_MM = 0.06, 40.0
"""How far the mean trunk of a walk is from upright, and a standing ankle from its plane, one
standard deviation: they weigh the trunk against the plane."""
AXES_OF = {".trc": "F U R", ".c3d": "F L U"} | dict.fromkeys((".bvh", ".glb", ".usd"), "L U F")
"""What x, y and z are in the files of a motion in the world: forwards, left, right or up. Each
format's programs expect it so: OpenSim walks along x with y up, motion-capture laboratories have z
up, animation and glTF face z with y up."""
WALKED_MM = 500.0
"""Who gets no farther than this stays on the spot: forwards is then where they face."""


@dataclass(frozen=True, eq=False, repr=False)
class WorldMotion:
    """A motion in the world: x right and y away as the first camera sees it, z up; the floor at z =
    0. mm.

    The origin is on the floor under the camera.
    """

    time_s: Float[np.ndarray, "T"]
    joints_world_mm: Float[np.ndarray, "T 17 3"]
    """Absolute; NaN where nobody was found, or where the pelvis' place is unknown."""
    feet_world_mm: Float[np.ndarray, "T 4 3"]
    """Heels and toes (`FEET_NAMES`); NaN where they are not known."""
    sigma_mm: Float[np.ndarray, "T 17"]
    """As in the Track; NaN where the weights do not say."""
    rot_cam_to_world: Float[np.ndarray, "3 3"]
    camera_height_mm: float
    frame: Int[np.ndarray, "T"]
    """Index in the source."""
    fps: float
    source: str

    def __repr__(self) -> str:
        return (
            f"WorldMotion({len(self.time_s)} frames, the camera {self.camera_height_mm:.0f} mm "
            "above the floor)"
        )

    @property
    def found(self) -> Bool[np.ndarray, "T"]:
        """True where the whole body's place is known."""
        return known(self.joints_world_mm)

    def save(self, path: Path | str) -> None:
        """Write the motion for another program, in the format that the name ends in: .trc, .c3d,
        .bvh, .glb or .usd; axes as in `AXES_OF`.

        The floor is at 0, the pelvis starts over the origin, and the person walks along an axis:
        towards the place farthest from the start or, on the spot, where they face. A standing
        foot's ankle is `ANKLE_HEIGHT_MM` above the floor. Raises OutputError: another ending, or a
        folder that cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() not in AXES_OF:
            raise OutputError(f"{path}: expected a name that ends in {', '.join(AXES_OF)}.")
        content = motion_bytes(path.suffix.lower(), self._markers(path.suffix.lower()), path.name)
        with written(path, "choose another place") as temporary:
            temporary.write_bytes(content)

    def _markers(self, ending: str) -> Markers:
        joints = self.joints_world_mm
        start, ahead = joints[self.found][0, ROOT, :2], self._ahead()
        if np.isfinite(self.feet_world_mm).any():
            joints = np.concatenate([joints, self.feet_world_mm], axis=1)
        level = joints[..., :2] - start
        forwards = level @ ahead
        left = level @ np.array([-ahead[1], ahead[0]])
        along = {"F": forwards, "L": left, "R": -left, "U": joints[..., 2]}
        axes = AXES_OF[ending].split()
        return Markers(
            frame=self.frame,
            time_s=self.time_s,
            places_mm=np.stack([along[axis] for axis in axes], axis=-1),
            rate_hz=self.fps,
            source=self.source,
            origin="the floor where the person starts",
            up="XYZ"[axes.index("U")],
        )

    def _ahead(self) -> Float[np.ndarray, "2"]:
        """The direction of the way on the floor, a unit vector."""
        joints = self.joints_world_mm[self.found]
        way = joints[:, ROOT, :2] - joints[0, ROOT, :2]
        farthest = way[np.linalg.norm(way, axis=1).argmax()]
        if np.linalg.norm(farthest) < WALKED_MM:
            farthest = facing_world(joints, self.time_s[self.found]).mean(axis=0)
        length = float(np.linalg.norm(farthest))
        return farthest / length if length > 0 else np.array([0.0, 1.0])

    def to_camera(
        self, points_world_mm: Float[np.ndarray, "*batch 3"]
    ) -> Float[np.ndarray, "*batch 3"]:
        """World points in the camera's frame, mm."""
        return (points_world_mm - [0.0, 0.0, self.camera_height_mm]) @ self.rot_cam_to_world


def to_world(track: Track, up_cam: Float[np.ndarray, "3"] | None = None) -> WorldMotion:
    """The track's motion in the world. up_cam: the direction against gravity in the camera's frame,
    if it is known.

    Raises SettingsError if the pelvis' place is known in no frame.
    """
    joints_cam_mm = (track.joints_mm + track.root_mm[:, None]).astype(np.float64)
    found = known(joints_cam_mm)
    if not found.any():
        raise SettingsError(
            f"{track.source}: no frame has a person whose place is known, so there is no world to show."
        )
    up = (
        estimated_up(joints_cam_mm[found])
        if up_cam is None
        else np.asarray(up_cam, float) / np.linalg.norm(up_cam)
    )
    rotation = _rotation_with(up)
    joints_world_mm = joints_cam_mm @ rotation.T
    lower_mm = joints_world_mm[:, ANKLES, 2][found].min(axis=1)
    height_mm = ANKLE_HEIGHT_MM - float(np.median(lower_mm))
    joints_world_mm += [0.0, 0.0, height_mm]
    return WorldMotion(
        track.time_s,
        joints_world_mm,
        (track.feet_mm + track.root_mm[:, None]) @ rotation.T + [0.0, 0.0, height_mm],
        track.sigma_mm,
        rotation,
        height_mm,
        track.frame,
        track.fps,
        track.source,
    )


def up_of_camera(pitch_rad: float, roll_rad: float = 0.0) -> Float[np.ndarray, "3"]:
    """The direction against gravity for a camera that looks down by pitch_rad and is turned
    clockwise by roll_rad.
    """
    level = np.array([0.0, -np.cos(pitch_rad), -np.sin(pitch_rad)])
    cosine, sine = np.cos(roll_rad), np.sin(roll_rad)
    return np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]]) @ level


def estimated_up(joints_cam_mm: Float[np.ndarray, "N 17 3"]) -> Float[np.ndarray, "3"]:
    """The direction against gravity, camera frame: the mean trunk, turned towards the plane that
    the feet stand on.
    """
    up, across, precision, pull = _trunk_and_plane(joints_cam_mm)
    tilted = up + np.linalg.solve(precision, pull) @ across
    return tilted / np.linalg.norm(tilted)


def spread_of_up_rad(
    joints_cam_mm: Float[np.ndarray, "N 17 3"], towards: Float[np.ndarray, "3"]
) -> float:
    """How far `estimated_up` may be tilted in the direction of a level vector: one standard
    deviation.
    """
    _, across, precision, _ = _trunk_and_plane(joints_cam_mm)
    along = across @ towards / np.linalg.norm(towards)
    return float(np.sqrt(along @ np.linalg.solve(precision, along)))


def lowest_ankles(
    joints_cam_mm: Float[np.ndarray, "N 17 3"], up: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "N 3"]:
    """The lower ankle of each pose."""
    lower = (joints_cam_mm[:, ANKLES] @ up).argmin(axis=1)
    return joints_cam_mm[np.arange(len(joints_cam_mm)), np.array(ANKLES)[lower]]


def _trunk_and_plane(
    joints_cam_mm: Float[np.ndarray, "N 17 3"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The mean trunk's direction, two level ones across it, and for a tilt along these the
    precision and the pull of the plane that the lower ankles are in, held back by the trunk.
    """
    trunk = joints_cam_mm[:, THORAX] - joints_cam_mm[:, ANKLES].mean(axis=1)
    up = (trunk / np.linalg.norm(trunk, axis=1, keepdims=True)).mean(axis=0)
    up /= np.linalg.norm(up)
    standing = lowest_ankles(joints_cam_mm, up)
    across = np.linalg.svd(up[None])[2][1:]
    points = (standing - standing.mean(axis=0)) / HEIGHT_NOISE_MM
    flat, upright = points @ across.T, points @ up
    # Neighbouring frames share their errors: a step counts as one observation, not as all of its
    # frames.
    weight = 1 / max(len(points) / 10, 1.0)
    return up, across, weight * flat.T @ flat + np.eye(2) / LEAN_RAD**2, -weight * flat.T @ upright


def _rotation_with(up: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """rot_cam_to_world: z along up, x as near to the camera's right as it gets."""
    right = np.array([1.0, 0.0, 0.0]) - up[0] * up
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(up, right), up])
