"""Rendered people cut out of their pictures: colours, coverage and shadow, to paste before any
place.

A cut-out is as large as the person's box. Beside it lie the shadow on the floor, in a wider window,
and where head and ankles are. One file a person; files of different people share no random numbers.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from posegrid.body.camera import Camera, look_at
from posegrid.walkers.clip import Clip, ClipPlan, choose_motion, film
from posegrid.walkers.clothes.sewing import MATERIALS, Person
from posegrid.walkers.clothes.wardrobe import random_materials, sporty
from posegrid.walkers.motion.captured import Captures
from posegrid.walkers.render.light import Light, random_light
from posegrid.walkers.render.panoramas import light_of_panorama
from posegrid.walkers.render.renderer import pose_person, render, surface_box_px
from posegrid.walkers.render.sensor import expose

SIDE_PX = 192
"""Longer side of a cut-out."""
SHADOW_PX = 96
"""Side of the shadow's window."""
SHADOW_REACH = 1.6
"""Side of the shadow's window over the longer side of the person's box."""
FRAMES_APART = 9
REALLY_LIT = 0.6
"""Of the cut-outs, where there are places whose light is known."""
CHILD_MM = 1450.0
"""Who is smaller has no grey hair."""
POINTS = {"crown": 10, "nose": 9, "ankle_right": 3, "ankle_left": 6}
"""Joints whose places are kept, and their number among the 17."""


@dataclass(frozen=True, eq=False)
class CutOut:
    """One person in one pose, seen by one camera."""

    rgba: UInt8[np.ndarray, "h w 4"]
    """Colours as a camera with the sRGB tone curve shows them, and the share of each pixel that is
    the person's.
    """
    shade: UInt8[np.ndarray, "96 96"]
    """Share (of 255) of the floor's light that is left, in a square about the box's middle."""
    points_px: Float[np.ndarray, "4 2"]
    """Of `POINTS`, in the cut-out's pixels."""
    elevation_rad: float
    """Of the camera above the person's middle: positive where it looks down."""
    distance_mm: float
    """From the camera to the person's middle."""
    height_mm: float
    """Of the person when upright."""
    upright_share: float
    """Height of the pose's surface over the person's height: 1 standing, less for who sits or
    squats.
    """
    towards_light_cam: tuple[float, float, float]
    """Unit vector towards the strongest light, camera frame: x right, y down, z forward."""
    place: str = ""
    """Name of the panorama whose light is on them; empty: a made-up light."""


def cut_outs(
    plan: ClipPlan, captures: Captures, count: int, places: Sequence[Path] = ()
) -> Iterator[CutOut]:
    """`count` cut-outs of the plan's person, each with clothes' colours, a light and a camera of
    its own.

    places: panoramas with radiance beside them, whose light falls on most of the cut-outs.
    """
    clip = film(choose_motion(plan, captures, 0.5, 1.0))
    rng = plan.clip_rng("cut-outs")
    for number in range(count):
        frame = number * FRAMES_APART % clip.motion.num_frames
        if places and rng.random() < REALLY_LIT:
            place = places[int(rng.integers(len(places)))]
            light = light_of_panorama(rng, place)
            if light is not None:
                yield replace(_cut_out(clip, frame, light, rng), place=place.stem)
                continue
        yield _cut_out(clip, frame, random_light(rng), rng)


def _cut_out(clip: Clip, frame: int, light: Light, rng: np.random.Generator) -> CutOut:
    person = clip.person if rng.random() < 0.2 else _dyed(clip.person, rng)
    posed = pose_person(person, clip.bone_rotations[frame], clip.bone_positions_mm[frame], light)
    low, high = posed.vertices_mm.min(axis=0), posed.vertices_mm.max(axis=0)
    middle = 0.5 * (low + high).astype(np.float64)
    camera, distance, elevation = _camera_round(middle, rng)
    box = surface_box_px(posed, camera)
    size = float((box[2:] - box[:2]).max())
    side = SHADOW_REACH * size
    corner = 0.5 * (box[:2] + box[2:]) - 0.5 * side
    window, pixels = np.array([*corner, side]), round(SIDE_PX * SHADOW_REACH)
    lone = render(posed, camera, window, pixels)
    coverage = lone.coverage[..., None]
    image = expose(
        np.where(coverage > 0, lone.light / np.maximum(coverage, 1e-3), 0).astype(np.float32)
    )
    white = np.ones((SHADOW_PX, SHADOW_PX, 3), np.float32)
    on_white = render(posed, camera, window, SHADOW_PX, white)
    rows, columns = np.nonzero(lone.coverage > 0.02)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    rgba = np.concatenate([image, (255 * coverage + 0.5).astype(np.uint8)], axis=-1)[
        top:bottom, left:right
    ]
    joints = camera.project(
        camera.world_to_camera(clip.pose_world_mm(frame)[list(POINTS.values())])
    )
    towards = camera.rot_world_to_cam @ np.asarray(light.towards_key, np.float64)
    return CutOut(
        rgba=rgba,
        shade=_shade(on_white.light.mean(axis=-1), on_white.coverage),
        points_px=(joints - corner) * (pixels / side) - [left, top],
        elevation_rad=elevation,
        distance_mm=distance,
        height_mm=clip.person.body.stature_mm,
        upright_share=float((high - low)[2] / clip.person.body.stature_mm),
        towards_light_cam=_three(towards / np.linalg.norm(towards)),
    )


def _dyed(person: Person, rng: np.random.Generator) -> Person:
    """The person in clothes of other colours: any, now and then a dark suit as laboratories use, or
    a bare trunk.
    """
    child = person.body.stature_mm < CHILD_MM
    skin = person.materials[MATERIALS.index("skin")]
    dyes = sporty(rng, random_materials(rng, person.attire, child=child) | {"skin": skin})
    materials = person.materials.copy()
    for name, dye in dyes.items():
        if name not in ("skin", "hair", "eye"):
            materials[MATERIALS.index(name)] = dye
    return replace(person, materials=materials)


def _camera_round(middle_mm: np.ndarray, rng: np.random.Generator) -> tuple[Camera, float, float]:
    """A camera anywhere about the person, from the floor to under a high ceiling."""
    across = float(np.exp(rng.uniform(np.log(1200.0), np.log(9000.0))))
    height = float(rng.uniform(200.0, 3400.0) if rng.random() < 0.7 else rng.uniform(900.0, 1900.0))
    bearing = rng.uniform(0, 2 * np.pi)
    centre = np.array(
        [middle_mm[0] + across * np.cos(bearing), middle_mm[1] + across * np.sin(bearing), height]
    )
    distance = float(np.linalg.norm(centre - middle_mm))
    target = middle_mm + rng.normal(0.0, 0.12 * distance, 3)
    roll = float(np.radians(rng.normal(0.0, 3.0) if rng.random() < 0.75 else rng.uniform(-30, 30)))
    camera = Camera(
        focal_px=(1000.0, 1000.0),
        principal_px=(500.0, 500.0),
        size_wh=(1000, 1000),
        distortion=(0.0, 0.0, 0.0, 0.0, 0.0),
        rot_world_to_cam=look_at(centre, target, roll),
        centre_world_mm=centre,
    )
    return camera, distance, float(np.arcsin((height - middle_mm[2]) / distance))


def _three(values: Iterable[float]) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z


def _shade(on_white: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """The floor's light without the person before it; what the person hides is as dark as the
    darkest beside it.
    """
    shade = np.where(coverage < 0.03, on_white, np.nan)
    for _ in range(4):
        padded = np.pad(shade, 1, constant_values=np.nan)
        rows, columns = shade.shape
        beside = [padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
        shade = np.where(np.isnan(shade), np.fmin.reduce(beside), shade)
    return (255 * np.clip(np.nan_to_num(shade, nan=1.0), 0, 1) + 0.5).astype(np.uint8)
