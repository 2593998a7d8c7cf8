"""Crops rendered straight in the crop's camera, equal in meaning to those that `prepare` cuts out
of whole pictures, and with everything in them that makes real ones hard, if wanted.

The box comes first: that of the posed surface's points in the picture, which is the box of the mask
to within a pixel. Faults of its edges, what hides the person and where the picture ends are known
before anything is rendered. The window is cut from the box, as `predict` would cut it, and the mask
is then made to fit: so one small rendering is enough. Pictures without background are darkened
towards the person's edge as averaging over masked pixels would do it.
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
    random_camera,
)
from posegrid.walkers.render.location import AnyPlace
from posegrid.walkers.render.mask_faults import faulty_mask, random_mask_faults
from posegrid.walkers.render.occluders import draw, random_occluder
from posegrid.walkers.render.picture_kernels import (
    averaged,
    divide_by_coverage,
    multiply_by_coverage,
)
from posegrid.walkers.render.renderer import PosedPerson, Rendered, render, surface_box_px
from posegrid.walkers.render.sensor import Degradation, Sensor, degraded, expose, random_degradation
from posegrid.walkers.render.wide_shots import (
    WIDTH_PX,
    FindIn,
    WideShot,
    expected_box,
    random_reference,
    wide_window,
)

POSE_DECIMALS = 3
"""Poses are rounded to the micrometre: other machines' linear algebra differs by less."""
CROP_BLUR = 0.08
"""Sensor blur that makes a crop as sharp as one averaged out of a whole picture (fitted)."""
LEAST_SEEN = 0.6
"""So much of the width and height of the person's box must lie in the picture of a varied scene; in
a plain one all of it."""
WORKING_PIXELS = 640 * 360
"""Background subtraction compares pictures that are reduced to about so many pixels."""
CameraKind = Literal["human36m", "varied", "fixed"]
MaskKind = Literal["clean", "faulty", "found"]
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
    background: Literal["removed", "kept", "masked", "colour", "masked_colour"] = "removed"
    """masked, colour, masked_colour: as kept; with the mask, the image's colours, or both, for
    use."""
    cameras: CameraKind = "human36m"
    """varied: a new camera for every crop, with an id of its own. fixed: as varied, but each of a
    clip's views has one throughout, and what is wrong with its pictures lasts."""
    masks: MaskKind = "clean"
    """faulty: most masks, and the boxes that windows are cut from, are as wrong as those of
    background subtraction. found: they are a finder's."""


@dataclass(frozen=True, eq=False)
class WalkerCrop:
    """One rendered crop and the truth about it."""

    image: UInt8[np.ndarray, "size size 3"]
    """RGB; black off the person if the background is removed."""
    mask: UInt8[np.ndarray, "size size"]
    """255 where the person covers half of a pixel or more, faults aside, else 0; found ones: how
    sure the finder is."""
    pose_cam_mm: Float[np.ndarray, "17 3"]
    """Absolute, in the frame of `camera`."""
    camera: Camera
    """Of the whole picture; `camera.windowed(window, size)` is the crop's."""
    camera_id: str
    window: Float[np.ndarray, "3"]
    """x0, y0, side in the whole picture's pixels."""
    frame_index: int
    """Frame of the clip, at 50 per second."""


def render_crops(
    clip: Clip, plan: CropPlan, window_of_box: WindowOfBox, find: FindIn | None = None
) -> Iterator[WalkerCrop]:
    """The crops of a clip, moment by moment, at most `num_crops`.

    `window_of_box(box_xyxy, margin)` is the preparation's rule for windows; `find` looks for the
    person where masks are to be found. Who is not seen enough in a picture, or not found, is left
    out of it. Each crop has random numbers of its own, whatever other crops there are; those of a
    fixed camera share them, but for noise.
    """
    place = _place(clip, plan)
    posed, last = clip.posed(0), 0
    for frame, camera_id in _moments(clip, plan):
        if frame != last:
            posed, last = clip.posed(frame), frame
        camera = _camera(clip, plan, frame, camera_id)
        box = np.floor(surface_box_px(posed, camera) + 0.5)  # in whole pixels, as a mask's box is
        if not _is_seen(box, camera, 1.0 if clip.plan.scenes == "plain" else LEAST_SEEN):
            continue
        rng = noise = clip.plan.clip_rng(f"shot/{frame}/{camera_id}")
        if plan.cameras == "fixed":
            rng = clip.plan.clip_rng(f"shot/{camera_id}")
        if plan.masks == "found":
            assert find is not None and place is not None
            shot = _found_shot(clip, find, place, posed, camera, box, rng, noise)
        else:
            shot = _shot(clip, plan, window_of_box, place, posed, camera, box, rng, noise)
        if shot is None:
            continue
        image, mask, window = shot
        yield WalkerCrop(
            image=image,
            mask=mask,
            pose_cam_mm=np.round(camera.world_to_camera(clip.pose_world_mm(frame)), POSE_DECIMALS),
            camera=camera,
            camera_id=f"{camera_id}-{frame}" if plan.cameras == "varied" else camera_id,
            window=window,
            frame_index=frame,
        )


def _moments(clip: Clip, plan: CropPlan) -> Iterator[tuple[int, str]]:
    """(frame, camera id) of each crop: `views` different cameras per moment, drawn at random; fixed
    ones once for the clip.
    """
    rng = clip.plan.clip_rng("views")
    left = plan.num_crops
    for frame in range(0, clip.motion.num_frames, plan.every_nth_frame):
        if frame == 0 or plan.cameras != "fixed":
            chosen = np.sort(rng.choice(len(CAMERA_IDS), plan.views, replace=False))
        for index in chosen[:left]:
            yield frame, CAMERA_IDS[index]
        left -= len(chosen)
        if left <= 0:
            return


def _camera(clip: Clip, plan: CropPlan, frame: int, camera_id: str) -> Camera:
    if plan.cameras == "human36m":
        return clip.cameras[camera_id]
    fixed = plan.cameras == "fixed"
    rng = clip.plan.clip_rng(f"camera/{camera_id}" if fixed else f"camera/{frame}/{camera_id}")
    root_mm = clip.motion.root_mm.mean(axis=0) if fixed else clip.motion.root_mm[frame]
    around = root_mm * [1.0, 1.0, 0.0]
    stature_mm, size_px = clip.person.body.stature_mm, clip.plan.picture_size
    kind = "real" if clip.plan.backgrounds else clip.plan.scenes
    return random_camera(rng, around, stature_mm, size_px, kind)


def _place(clip: Clip, plan: CropPlan) -> AnyPlace | None:
    """Where the clip is filmed; None if nothing of it can be seen in a crop or a mask."""
    if plan.background == "removed" and plan.masks == "clean" and clip.plan.scenes == "plain":
        return None
    return clip.location.place(STUDIO_REACH_MM if plan.cameras == "human36m" else VARIED_REACH_MM)


def _is_seen(box: Float[np.ndarray, "4"], camera: Camera, least_share: float) -> bool:
    """Whether so much of the box is in the picture, and nothing of it behind the camera."""
    inside = clipped(box, camera)
    return bool(((inside[2:] - inside[:2]) / (box[2:] - box[:2])).min() >= least_share)


def clipped(box: Float[np.ndarray, "4"], camera: Camera) -> Float[np.ndarray, "4"]:
    """The part of a box that lies in the camera's picture."""
    return np.minimum(np.maximum(box, 0.0), camera.size_wh * 2)


def _shot(
    clip: Clip, plan: CropPlan, window_of_box: WindowOfBox,
    place: AnyPlace | None,
    posed: PosedPerson, camera: Camera, true_box: np.ndarray,
    rng: np.random.Generator, noise: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Image, mask of what is seen of the person, faulty or not, and window of one crop.

    `true_box`: x0, y0, x1, y1 of the whole person in the camera's pixels, over the picture's edge
    perhaps.
    """
    size, varied = plan.image_size, clip.plan.scenes == "varied"
    faults = random_mask_faults(rng) if plan.masks == "faulty" else None
    occluder = random_occluder(rng) if varied else None
    degradation = random_degradation(rng) if varied else Degradation()
    box = clipped(true_box if occluder is None else occluder.box(true_box), camera)
    box = box if faults is None else clipped(faults.box(box), camera)
    window = window_of_box(box, plan.margin).astype(np.float32)
    behind = None if place is None else place.picture(camera.windowed(window, size))
    rendered = render(posed, camera, window, size, behind)
    scale, corner = size / float(window[2]), np.tile(window[:2], 2)
    mask = rendered.mask
    if faults is not None and behind is not None:
        block_px = _block_px(camera) * scale
        mask = faulty_mask(rendered, behind, faults, (box - corner) * scale, block_px, rng)
    if occluder is not None:
        hidden = draw(occluder, rendered.light, rendered.coverage, (true_box - corner) * scale, rng)
        taken_in = faults is not None and faults.takes_in_others and occluder.moves
        mask = _with_others(mask, hidden, rendered.coverage) if taken_in else mask & ~hidden
    sensor = _averaged(clip.location.sensor, min(1.0, scale))
    if behind is None:
        return _cut_out(rendered, sensor, noise), _levels(mask), window
    image = degraded(expose(rendered.light, sensor, noise), degradation, rendered.coverage)
    outside = _outside(window, size, camera)
    image[outside], mask[outside] = 0, False
    image = image if plan.background != "removed" else image * mask[..., None]
    return image, _levels(mask), window


def _found_shot(
    clip: Clip, find: FindIn, place: AnyPlace, posed: PosedPerson,
    camera: Camera, true_box: np.ndarray,
    rng: np.random.Generator, noise: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:  # fmt: skip
    """As `_shot`, with the mask and the window of a finder that looks at a wider picture; None if
    it does not find the person.
    """
    occluder, degradation = random_occluder(rng), random_degradation(rng)
    box = clipped(true_box if occluder is None else occluder.box(true_box), camera)
    window = wide_window(box)
    scale, corner = WIDTH_PX / float(window[2]), np.tile(window[:2], 2)
    behind = place.picture(camera.windowed(window, WIDTH_PX))
    rendered = render(posed, camera, window, WIDTH_PX, behind)
    sensor = _averaged(clip.location.sensor, min(1.0, scale))
    empty = expose(np.ascontiguousarray(behind), sensor, noise)
    seen, outside = rendered.mask, _outside(window, WIDTH_PX, camera)
    if occluder is not None:
        wide_box = (true_box - corner) * scale
        seen = seen & ~draw(occluder, rendered.light, rendered.coverage, wide_box, rng)
    image = degraded(expose(rendered.light, sensor, noise), degradation, rendered.coverage)
    empty = degraded(empty, degradation, np.zeros_like(rendered.coverage))
    reference, known = random_reference(rng, empty, image, seen)
    image[outside], known[outside], seen = 0, 0, seen & ~outside
    expected = expected_box(noise, (box - corner) * scale)
    found = find(WideShot(image, reference, known, expected, seen))
    if found is None:
        return None
    cut_out = np.array([*(found.window[:2] / scale + window[:2]), found.window[2] / scale])
    return found.image, found.mask, cut_out.astype(np.float32)


def _levels(mask: Bool[np.ndarray, "size size"]) -> UInt8[np.ndarray, "size size"]:
    return mask * np.uint8(255)


def _averaged(sensor: Sensor, share: float) -> Sensor:
    """What is left of a sensor's faults when its picture is averaged to a share of its width."""
    blur = min(0.25, CROP_BLUR + sensor.blur * share * share)
    return replace(sensor, blur=blur, noise_levels=sensor.noise_levels * share)


def _block_px(camera: Camera) -> int:
    """Side of the blocks of the camera's pixels that background subtraction compares."""
    return max(1, round((camera.size_wh[0] * camera.size_wh[1] / WORKING_PIXELS) ** 0.5))


def _with_others(mask: np.ndarray, others: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """The mask with what is near of somebody else."""
    near = np.empty_like(coverage)
    averaged(coverage, len(coverage) // 12, near)
    return mask | (others & (near > np.float32(0.02)))


def _cut_out(rendered: Rendered, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """The person before black: exposed first, then weighted by coverage, as masking does."""
    light = rendered.light.copy()
    divide_by_coverage(light, rendered.coverage)
    image = expose(light, sensor, rng)
    multiply_by_coverage(image, rendered.coverage)
    return image


def _outside(window: np.ndarray, size: int, camera: Camera) -> np.ndarray:
    """True for the crop's pixels whose centres lie outside the camera's picture."""
    steps = (np.arange(size) + 0.5) * (window[2] / size)
    across, upright = window[0] + steps, window[1] + steps
    width, height = camera.size_wh
    return ((upright < 0) | (upright >= height))[:, None] | ((across < 0) | (across >= width))
