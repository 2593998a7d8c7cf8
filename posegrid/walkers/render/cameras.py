"""Where walkers are filmed: the studio's four cameras, other cameras, and the space to walk in.

The studio is laid out like Human3.6M's (Ionescu et al., TPAMI 2014): four cameras in the corners of
a room, about five metres from its middle at the height of a shoulder, tilted slightly down. The
world's origin lies on the floor in the middle of the room, z up. The lenses' numbers are of
Human3.6M's kind, not its calibration.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from posegrid.body.camera import NO_DISTORTION, Camera, look_at

CAMERA_IDS = ("54138969", "55011271", "58860488", "60457274")
PICTURE_SIZE_PX = 1000
FRAME_RATE_HZ = 50.0
STUDIO_REACH_MM = 5500.0
VARIED_REACH_MM = 9000.0
"""How far from the middle the studio's cameras stand at most, and most others: rooms fit it."""
ROLLED_SHARE = {"plain": 0.125, "varied": 0.35, "real": 0.35}
FIELDS_OF_VIEW_DEG = {"plain": (35.0, 90.0), "varied": (35.0, 90.0), "real": (25.0, 100.0)}
OVERHANG_SHARE, OVERHANG_MM = 0.15, 700.0
"""So many of the random cameras are rolled; so many of the varied ones have the person up to so far
over the picture's edge."""

WALKING_CENTRE_MM = (0.0, 300.0)
WALKING_HALF_SIZE_MM = (1300.0, 1400.0)
"""Where people walk: inside this ellipse (x, y) all four cameras see them whole."""

_CENTRES_MM = np.array(
    [(1840, 4960, 1560), (1760, -5080, 1610), (-1850, 5220, 1490), (-1790, -3720, 1570)], float
)
_TARGET_MM = np.array([0.0, 150.0, 900.0])
"""What the studio's cameras look at: the middle of the walking space, at the height of a pelvis."""


@dataclass(frozen=True)
class Lens:
    """What a camera keeps wherever it stands."""

    focal_px: tuple[float, float]
    principal_px: tuple[float, float]
    distortion: tuple[float, float, float, float, float]


_LENSES = (
    Lens((1145.5, 1144.1), (512.0, 514.0), (-0.205, 0.245, -0.003, -0.0010, -0.0014)),
    Lens((1149.3, 1147.6), (509.0, 508.0), (-0.195, 0.240, 0.007, -0.0016, -0.0027)),
    Lens((1148.8, 1148.4), (518.0, 502.0), (-0.210, 0.255, -0.002, 0.0015, -0.0008)),
    Lens((1145.2, 1144.7), (514.0, 503.0), (-0.198, 0.220, -0.009, -0.0006, -0.0018)),
)


def studio_cameras(rng: np.random.Generator, size_px: int = PICTURE_SIZE_PX) -> dict[str, Camera]:
    """The studio's four cameras by their id, each standing and looking a little different for every
    subject.

    `size_px`: width and height of the picture; the field of view stays the same. Each lens keeps
    its numbers: as in the release, a camera has one calibration for all subjects, and a place and
    turn for each.
    """
    return {
        camera_id: _jittered(rng, centre_mm, lens, size_px)
        for camera_id, centre_mm, lens in zip(CAMERA_IDS, _CENTRES_MM, _LENSES, strict=True)
    }


def _jittered(rng: np.random.Generator, centre_mm: np.ndarray, lens: Lens, size_px: int) -> Camera:
    centre = centre_mm + rng.normal(0.0, 30.0, 3)
    target = _TARGET_MM + rng.normal(0.0, [60.0, 60.0, 40.0])
    camera = Camera(
        focal_px=lens.focal_px,
        principal_px=lens.principal_px,
        size_wh=(PICTURE_SIZE_PX, PICTURE_SIZE_PX),
        distortion=lens.distortion,
        rot_world_to_cam=look_at(centre, target, rng.normal(0.0, np.radians(0.4))),
        centre_world_mm=centre,
    )
    return camera.resized(size_px, size_px)


def random_camera(
    rng: np.random.Generator,
    around_mm: Float[np.ndarray, "3"],
    person_height_mm: float,
    size_px: int = PICTURE_SIZE_PX,
    kind: Literal["plain", "varied", "real"] = "plain",
) -> Camera:
    """A camera somewhere about a person: 2 to 12 m away, 0.5 to 3 m high, 35 to 90 degrees wide.

    `around_mm`: a point on the floor under the person, world frame. The person stands somewhere in
    the picture, not in its middle, and whole, unless the lens is too narrow for that. Some cameras
    are rolled by up to 30 degrees, the others slightly; half of the lenses distort. varied: more
    are rolled, and some have the person over the picture's edge; so do cameras in real places,
    which are 25 to 100 degrees wide.
    """
    rolled_share, overhang_mm = ROLLED_SHARE[kind], 0.0
    if kind != "plain" and rng.random() < OVERHANG_SHARE:
        overhang_mm = OVERHANG_MM
    field_of_view = np.radians(rng.uniform(*FIELDS_OF_VIEW_DEG[kind]))
    focal = 0.5 * size_px / np.tan(0.5 * field_of_view)
    nearest = max(2000.0, 0.65 * person_height_mm / np.tan(0.5 * field_of_view))
    distance = np.exp(rng.uniform(np.log(nearest), np.log(12000.0)))
    bearing = rng.uniform(0.0, 2 * np.pi)
    ahead, aside = np.array([np.cos(bearing), np.sin(bearing)]), [-np.sin(bearing), np.cos(bearing)]
    centre = np.array([*(around_mm[:2] + distance * ahead), rng.uniform(500.0, 3000.0)])
    half_width = distance * np.tan(0.5 * field_of_view)
    room_across = max(0.0, 0.8 * (half_width - 600.0)) + overhang_mm
    room_upright = max(0.0, 0.8 * (half_width - 0.6 * person_height_mm)) + overhang_mm
    across = rng.uniform(-1.0, 1.0) * room_across
    upright = rng.uniform(-1.0, 1.0) * room_upright
    across_mm = around_mm[:2] + across * np.array(aside)
    target = np.array([*across_mm, 0.5 * person_height_mm + upright])
    rolled = rng.random() < rolled_share
    roll = np.radians(rng.uniform(-30.0, 30.0) if rolled else rng.normal(0.0, 2.5))
    return Camera(
        focal_px=(focal, focal),
        principal_px=(0.5 * size_px, 0.5 * size_px),
        size_wh=(size_px, size_px),
        distortion=_any_distortion(rng, field_of_view),
        rot_world_to_cam=look_at(centre, target, roll),
        centre_world_mm=centre,
    )


def _any_distortion(
    rng: np.random.Generator, field_of_view: float
) -> tuple[float, float, float, float, float]:
    """None in half of all cases, else up to 12 % inwards or 4 % outwards in the corners."""
    if rng.random() < 0.5:
        return NO_DISTORTION
    k1 = float(rng.uniform(-0.12, 0.04) / (2 * np.tan(0.5 * field_of_view) ** 2))
    return (k1, 0.0, 0.0, 0.0, 0.0)
