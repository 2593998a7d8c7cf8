"""One crop of a walker with everything in it that makes real ones hard.

The box comes first: faults of its edges, what hides the person and where the picture ends are known
before anything is rendered. The window is cut from the faulty box, as `predict` would cut it, and
the mask is then made to fit the box: so one rendering is enough.

Crops rendered straight in the crop's camera, equal in meaning to those that `prepare` cuts out
of whole pictures.

The person's box is that of the posed surface's points in the picture, which is the box of the mask
to within a pixel: so one small rendering is enough, of the window that the box asks for. Pictures
without background are darkened towards the person's edge as averaging over masked pixels would do
it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, UInt8

from posegrid.body.camera import Camera
from posegrid.walkers.clip import Clip
from posegrid.walkers.render.cameras import (
    CAMERA_IDS,
    STUDIO_REACH_MM,
    VARIED_REACH_MM,
    varied_camera,
)
from posegrid.walkers.render.degradation import Footage, degraded, random_footage
from posegrid.walkers.render.faults import (
    MaskFaults,
    draw,
    faulty_mask,
    random_faults,
    random_occluder,
)
from posegrid.walkers.render.picture_kernels import (
    averaged,
    divide_by_coverage,
    multiply_by_coverage,
    projected_bounds,
)
from posegrid.walkers.render.places import Backdrop, Room
from posegrid.walkers.render.renderer import PosedPerson, Rendered, Sensor, expose, render

WORKING_PIXELS = 640 * 360
"""Background subtraction compares pictures that are reduced to about so many pixels
(`prepare/background.py`).
"""


@dataclass(frozen=True)
class Trouble:
    """What kinds of difficulties a shot may have."""

    faulty_masks: bool
    varied_scene: bool
    """Occluders, poor footage."""


@dataclass(frozen=True, eq=False)
class Shot:
    """What one camera made of one moment."""

    image: UInt8[np.ndarray, "size size 3"]
    """RGB."""
    mask: Bool[np.ndarray, "size size"]
    window: Float[np.ndarray, "3"]
    """x0, y0, side in the camera's pixels."""


def take_shot(
    posed: PosedPerson,
    camera: Camera,
    true_box: Float[np.ndarray, "4"],
    window_of_box: Callable[[Float[np.ndarray, "4"]], Float[np.ndarray, "3"]],
    size: int,
    place: Room | Backdrop,
    sensor_of_window: Callable[[Float[np.ndarray, "3"]], Sensor],
    rng: np.random.Generator,
    trouble: Trouble,
) -> Shot:
    """The crop of the person and a mask of what is seen of them, faulty or not.

    `true_box`: x0, y0, x1, y1 of the whole person in the camera's pixels, over the picture's edge
    perhaps.
    """
    faults = random_faults(rng) if trouble.faulty_masks else None
    occluder = random_occluder(rng) if trouble.varied_scene else None
    footage = random_footage(rng) if trouble.varied_scene else Footage()
    box = clipped(true_box if occluder is None else occluder.box(true_box), camera)
    box = box if faults is None else clipped(faults.box(box), camera)
    window = window_of_box(box).astype(np.float32)
    behind = place.picture(camera.windowed(window, size))
    rendered = render(posed, camera, window, size, behind)
    scale, corner = size / float(window[2]), np.tile(window[:2], 2)
    mask = _mask(rendered, behind, faults, (box - corner) * scale, scale, camera, rng)
    if occluder is not None:
        hidden = draw(occluder, rendered.light, rendered.coverage, (true_box - corner) * scale, rng)
        mask = (
            _beside_others(mask, hidden, rendered.coverage)
            if faults and faults.takes_in_others and occluder.moves
            else mask & ~hidden
        )
    image = degraded(
        expose(rendered.light, sensor_of_window(window), rng), footage, rendered.coverage
    )
    outside = _outside(window, size, camera)
    image[outside], mask[outside] = 0, False
    return Shot(image, mask, window)


def clipped(box: Float[np.ndarray, "4"], camera: Camera) -> Float[np.ndarray, "4"]:
    """The part of a box that lies in the camera's picture."""
    return np.clip(box, 0.0, np.tile(np.array(camera.size_wh, np.float64), 2))


def _mask(
    rendered: Rendered,
    behind: np.ndarray,
    faults: MaskFaults | None,
    box_crop_px: np.ndarray,
    scale: float,
    camera: Camera,
    rng: np.random.Generator,
) -> np.ndarray:
    if faults is None:
        return rendered.mask
    factor = max(1, round((camera.size_wh[0] * camera.size_wh[1] / WORKING_PIXELS) ** 0.5))
    return faulty_mask(rendered, behind, faults, box_crop_px, factor * scale, rng)


def _beside_others(mask: np.ndarray, others: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """The mask with what is near of somebody else."""
    near = np.empty_like(coverage)
    averaged(coverage, len(coverage) // 12, near)
    return mask | (others & (near > np.float32(0.02)))


def _outside(window: np.ndarray, size: int, camera: Camera) -> np.ndarray:
    """True for the crop's pixels whose centres lie outside the camera's picture."""
    steps = (np.arange(size) + 0.5) * (window[2] / size)
    across, upright = window[0] + steps, window[1] + steps
    width, height = camera.size_wh
    return ((upright < 0) | (upright >= height))[:, None] | ((across < 0) | (across >= width))


POSE_DECIMALS = 3
"""Poses are rounded to the micrometre: linear algebra on more threads or another machine differs by
less.
"""
CROP_BLUR = 0.08
"""Sensor blur that makes a crop as sharp as one averaged out of a whole picture (fitted: least grey
difference).
"""
ROLLED_SHARE, OVERHANG_SHARE, OVERHANG_MM = 0.35, 0.15, 700.0
"""Of the cameras of varied scenes: so many are rolled, so many have the person up to so far over
the picture's edge.
"""
LEAST_SEEN = 0.6
"""So much of the width and height of the person's box must lie in the picture."""
CameraKind = Literal["human36m", "varied"]
MaskKind = Literal["clean", "faulty"]
WindowOfBox = Callable[[Float[np.ndarray, "4"], float], Float[np.ndarray, "3"]]


@dataclass(frozen=True)
class CropPlan:
    """Which crops of a clip to render, and how."""

    num_crops: int
    views: int = 4
    """Cameras that see each moment, 1 to 4."""
    every_nth_frame: int = 1
    image_size: int = 128
    """Width and height in pixels."""
    margin: float = 0.1
    """The window's side is (1 + margin) x the longer side of the person's box."""
    background: Literal["removed", "kept", "masked"] = "removed"
    """masked: as kept, with the mask for use beside the image."""
    cameras: CameraKind = "human36m"
    """varied: a new camera for every crop, with an id of its own."""
    masks: MaskKind = "clean"
    """faulty: most masks, and the boxes that windows are cut from, are as wrong as background
    subtraction's.
    """


@dataclass(frozen=True, eq=False)
class WalkerCrop:
    """One rendered crop and the truth about it."""

    image: UInt8[np.ndarray, "size size 3"]
    """RGB; black off the person if the background is removed."""
    mask: Bool[np.ndarray, "size size"]
    """True where the person covers half of a pixel or more."""
    pose_cam_mm: Float[np.ndarray, "17 3"]
    """Absolute, in the frame of `camera`."""
    camera: Camera
    """Of the whole picture; `camera.windowed(window, size)` is the crop's."""
    camera_id: str
    window: Float[np.ndarray, "3"]
    """x0, y0, side in the whole picture's pixels."""
    frame_index: int
    """Frame of the clip, at 50 per second."""


def render_crops(clip: Clip, plan: CropPlan, window_of_box: WindowOfBox) -> Iterator[WalkerCrop]:
    """The crops of a clip, moment by moment, at most `num_crops`.

    `window_of_box(box_xyxy, margin)` is the preparation's rule for windows. A person who is not
    whole in a picture is left out of it.
    """
    room = _room(clip, plan)
    noise = clip.plan.clip_rng("noise")
    for count, (frame, camera_id) in enumerate(_moments(clip, plan)):
        if count % plan.views == 0:
            posed = clip.posed(frame)
        camera = _camera(clip, plan, frame, camera_id)
        box = surface_box_px(posed, camera)
        if not _is_seen(box, camera, whole=clip.plan.scenes == "plain"):
            continue
        if room is not None and _is_varied(clip, plan):
            shot = _varied_shot(
                clip, plan, posed, camera, box, room, frame, camera_id, window_of_box
            )
        else:
            window = window_of_box(box, plan.margin).astype(np.float32)
            shot = _clean_shot(posed, camera, window, plan, room, clip.sensor, noise)
        yield WalkerCrop(
            image=shot.image,
            mask=shot.mask,
            pose_cam_mm=np.round(camera.world_to_camera(clip.pose_world_mm(frame)), POSE_DECIMALS),
            camera=camera,
            camera_id=camera_id if plan.cameras == "human36m" else f"{camera_id}-{frame}",
            window=shot.window,
            frame_index=frame,
        )


def surface_box_px(posed: PosedPerson, camera: Camera) -> Float[np.ndarray, "4"]:
    """The box (x0, y0, x1, y1) of the person's surface in the picture, in whole pixels as a mask's
    box is.

    Half of a pixel covered makes it the mask's; NaN where the person is not wholly in front of the
    camera.
    """
    bounds = projected_bounds(
        posed.vertices_mm,
        camera.rot_world_to_cam,
        camera.centre_world_mm,
        camera.focal_px,
        camera.principal_px,
        camera.distortion,
    )
    return np.floor(bounds + 0.5)


def _moments(clip: Clip, plan: CropPlan) -> Iterator[tuple[int, str]]:
    """(frame, camera id) of each crop: `views` different cameras per moment, in turn drawn at
    random.
    """
    rng = clip.plan.clip_rng("views")
    left = plan.num_crops
    for frame in range(0, clip.motion.num_frames, plan.every_nth_frame):
        chosen = np.sort(rng.choice(len(CAMERA_IDS), plan.views, replace=False))
        for index in chosen[:left]:
            yield frame, CAMERA_IDS[index]
        left -= len(chosen)
        if left <= 0:
            return


def _camera(clip: Clip, plan: CropPlan, frame: int, camera_id: str) -> Camera:
    if plan.cameras == "human36m":
        return clip.cameras[camera_id]
    rng = clip.plan.clip_rng(f"camera/{frame}/{camera_id}")
    around = clip.motion.root_mm[frame] * [1.0, 1.0, 0.0]
    stature_mm, size_px = clip.person.body.stature_mm, clip.plan.picture_size
    if clip.plan.scenes == "plain":
        return varied_camera(rng, around, stature_mm, size_px)
    overhang_mm = OVERHANG_MM if rng.random() < OVERHANG_SHARE else 0.0
    return varied_camera(
        rng, around, stature_mm, size_px, rolled_share=ROLLED_SHARE, overhang_mm=overhang_mm
    )


def _is_varied(clip: Clip, plan: CropPlan) -> bool:
    return plan.masks == "faulty" or clip.plan.scenes == "varied"


def _is_seen(box: Float[np.ndarray, "4"], camera: Camera, *, whole: bool) -> bool:
    """Whether the person is whole in the picture, or for the most part; no person behind the camera
    is.
    """
    inside = clipped(box, camera)
    shares = (inside[2:] - inside[:2]) / (box[2:] - box[:2])
    return bool(shares.min() == 1.0 if whole else shares.min() >= LEAST_SEEN)


def _room(clip: Clip, plan: CropPlan) -> Room | Backdrop | None:
    if plan.background == "removed" and not _is_varied(clip, plan):
        return None
    return clip.room(STUDIO_REACH_MM if plan.cameras == "human36m" else VARIED_REACH_MM)


def _averaged(sensor: Sensor, window: np.ndarray, plan: CropPlan) -> Sensor:
    """What is left of a sensor's faults when a window of its picture is averaged to the size of a
    crop.
    """
    share = min(1.0, plan.image_size / float(window[2]))
    blur = min(0.25, CROP_BLUR + sensor.blur * share * share)
    return replace(sensor, blur=blur, noise_levels=sensor.noise_levels * share)


def _clean_shot(
    posed: PosedPerson,
    camera: Camera,
    window: np.ndarray,
    plan: CropPlan,
    room: Room | Backdrop | None,
    sensor: Sensor,
    noise: np.random.Generator,
) -> Shot:
    scene = None if room is None else room.picture(camera.windowed(window, plan.image_size))
    rendered = render(posed, camera, window, plan.image_size, scene)
    sensor = _averaged(sensor, window, plan)
    image = (
        _cut_out(rendered, sensor, noise) if room is None else expose(rendered.light, sensor, noise)
    )
    return Shot(image, rendered.coverage >= 0.5, window)


def _varied_shot(
    clip: Clip,
    plan: CropPlan,
    posed: PosedPerson,
    camera: Camera,
    box: np.ndarray,
    room: Room | Backdrop,
    frame: int,
    camera_id: str,
    window_of_box: WindowOfBox,
) -> Shot:
    """A shot from random numbers of its own, whatever other crops there are."""
    shot = take_shot(
        posed,
        camera,
        box,
        lambda box_xyxy: window_of_box(box_xyxy, plan.margin),
        plan.image_size,
        room,
        lambda window: _averaged(clip.sensor, window, plan),
        clip.plan.clip_rng(f"shot/{frame}/{camera_id}"),
        Trouble(faulty_masks=plan.masks == "faulty", varied_scene=clip.plan.scenes == "varied"),
    )
    if plan.background != "removed":
        return shot
    return replace(shot, image=np.where(shot.mask[..., None], shot.image, np.uint8(0)))


def _cut_out(rendered: Rendered, sensor: Sensor, noise: np.random.Generator) -> np.ndarray:
    """The person before black, each pixel its share of the person: exposed first and weighted then,
    as masking does.
    """
    light = rendered.light.copy()
    divide_by_coverage(light, rendered.coverage)
    image = expose(light, sensor, noise)
    multiply_by_coverage(image, rendered.coverage)
    return image
