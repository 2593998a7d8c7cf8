"""How much of the error comes from finding the person: rendered videos, with found and with perfect
masks and boxes.

    python benchmarks/end_to_end.py --weights mine.onnx        8 walks, 1280 x 720, coded as H.264:
    some minutes

Each walk goes through `predict`'s own steps four times: boxes and masks found, either of them true,
both true. All four see the same decoded pictures, and count the same frames, those in which the
person was found.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from jaxtyping import Bool, Float

from posegrid.body.camera import Camera
from posegrid.body.metrics import mpjpe_mm
from posegrid.body.skeleton import relative_to_root
from posegrid.people.crop import Silhouette, box_of
from posegrid.people.finder import Sighting, find_people
from posegrid.people.looks import FinderNetwork, load_finder
from posegrid.results.estimator import Estimator, Origin
from posegrid.results.network import OnnxModel, load_onnx
from posegrid.results.watching import person_track
from posegrid.video.video import read_frames, read_spread
from posegrid.video.writer import VideoWriter
from posegrid.walkers.clip import ClipPlan, Scenes, film
from posegrid.walkers.pictures import pictures
from posegrid.walkers.render.cameras import CAMERA_IDS

SIZE_WH, RATE_HZ = (1280, 720), 50
WAYS = {
    "found": (False, False),
    "true boxes": (True, False),
    "true masks": (False, True),
    "both true": (True, True),
}
"""Whether boxes and masks are the true ones."""


@dataclass(frozen=True)
class Settings:
    """What to measure."""

    weights: Path | None = None
    """ONNX weights; default: those that come with posegrid."""
    finder: Path | None = None
    """ONNX weights of the finder; default: those that come with posegrid."""
    walks: int = 8
    """People; half of them in everyday clothes, half in clothes of all kinds."""
    frames: int = 150
    """Of each walk, 50 per second."""
    scenes: Scenes = "plain"
    """plain: rooms. varied: any place and light."""
    seed: int = 770_000
    """No training used this one."""


@dataclass(frozen=True, eq=False)
class Walk:
    """One rendered video and its truth."""

    path: Path
    masks: list[Bool[np.ndarray, "H W"]]
    poses_mm: Float[np.ndarray, "T 17 3"]
    roots_mm: Float[np.ndarray, "T 3"]
    camera: Camera


def main(settings: Settings) -> None:
    """Print one line per walk and the means."""
    model, network = load_onnx(settings.weights), load_finder(settings.finder)
    print(f"{model.name}, {settings}")
    print(
        f"{'walk':8}{'found':>7}"
        + "".join(f"{way:>12}" for way in WAYS)
        + "   ratio   IoU   pelvis off by"
    )
    errors, distances = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(settings.walks):
            walk = rendered(settings, number, Path(folder) / f"walk{number}.mp4")
            shares, mm, iou, off = compared(walk, model, network)
            errors.append(mm)
            distances.append(off)
            values = "".join(f"{value:12.1f}" for value in mm)
            print(
                f"{number:<8}{shares:7.0%}{values}{mm[0] / mm[3]:8.2f}{iou:6.2f}{off:8.1%}",
                flush=True,
            )
    means = np.mean(errors, axis=0)
    ratios = np.array(errors) / np.array(errors)[:, 3:]
    print(
        "mean           "
        + "".join(f"{value:12.1f}" for value in means)
        + f"{means[0] / means[3]:8.2f}"
    )
    print(
        "ratio, mean    "
        + "".join(f"{value:12.2f}" for value in ratios.mean(axis=0))
        + "   over the walks"
    )
    print(f"pelvis: median over the walks {np.median(distances):.1%} of the distance")


def rendered(settings: Settings, number: int, path: Path) -> Walk:
    """One walk before one of the studio's cameras with a wide sensor."""
    plan = ClipPlan(
        settings.seed,
        f"E{number}",
        num_frames=settings.frames,
        people="varied" if number % 2 else "plain",
        scenes=settings.scenes,
    )
    clip, camera_id = film(plan), CAMERA_IDS[number % len(CAMERA_IDS)]
    camera = clip.cameras[camera_id]
    scale = SIZE_WH[1] / camera.size_wh[1]
    focal_px = (camera.focal_px[0] * scale, camera.focal_px[1] * scale)
    camera = replace(
        camera, focal_px=focal_px, principal_px=(SIZE_WH[0] / 2, SIZE_WH[1] / 2), size_wh=SIZE_WH
    )
    masks = []
    with VideoWriter(path, RATE_HZ, SIZE_WH) as video:
        for picture in pictures(clip, camera_id, camera):
            video.write(picture.image)
            masks.append(picture.mask)
    poses = np.stack(
        [camera.world_to_camera(clip.pose_world_mm(frame)) for frame in range(len(masks))]
    )
    plain = replace(camera, rot_world_to_cam=np.eye(3), centre_world_mm=np.zeros(3))
    return Walk(path, masks, relative_to_root(poses), poses[:, 0], plain)


def compared(
    walk: Walk, model: OnnxModel, network: FinderNetwork
) -> tuple[float, list[float], float, float]:
    """Share of frames found, MPJPE of each way, mean overlap of the masks, and the pelvis' error
    over its distance.
    """
    finder = find_people(lambda count: read_spread(walk.path, count), network)
    estimators = {way: Estimator(model) for way in WAYS}
    rows, times, overlaps = [], [], []
    for (frame, sightings), mask in zip(
        finder.follow(read_frames(walk.path)), walk.masks, strict=True
    ):
        times.append(frame.time_s)
        best = max(
            (sighting.silhouette for sighting in sightings),
            key=lambda silhouette: overlap(silhouette, mask),
            default=None,
        )
        found = best is not None and mask.any() and overlap(best, mask) > 0.2
        if found:
            assert best is not None
            rows.append(frame.index)
            overlaps.append(overlap(best, mask))
        for way, silhouette in (
            ways(best, mask) if found and best else [(way, None) for way in WAYS]
        ):
            seen = [] if silhouette is None else [Sighting(1, silhouette)]
            estimators[way].add(frame.picture, seen, frame.time_s)
    mm, off = [], 0.0
    for way in WAYS:
        with estimators[way] as estimator:
            (person,) = estimator.finished()
        origin = Origin("", walk.camera, RATE_HZ, camera_assumed=False)
        track = person_track(person, np.array(times), model, origin)
        mm.append(mpjpe_mm(track.joints_mm[rows].astype(np.float64), walk.poses_mm[rows]))
        if way == "found":
            distance = np.linalg.norm(walk.roots_mm[rows], axis=1)
            off = float(
                np.median(
                    np.linalg.norm(track.root_mm[rows] - walk.roots_mm[rows], axis=1) / distance
                )
            )
    return len(rows) / len(times), mm, float(np.mean(overlaps)), off


def ways(found: Silhouette, mask: Bool[np.ndarray, "H W"]) -> Iterator[tuple[str, Silhouette]]:
    """The silhouette of each way."""
    true_box = box_of(mask)
    assert true_box is not None
    x0, y0, x1, y1 = (int(v) for v in true_box)
    true = Silhouette(mask[y0:y1, x0:x1] * np.uint8(255), (x0, y0), 1, SIZE_WH)
    for way, (box_is_true, mask_is_true) in WAYS.items():
        base = true if mask_is_true else found
        yield way, replace(base, given_box_xyxy=true_box if box_is_true else found.box_xyxy)


def overlap(silhouette: Silhouette, mask: Bool[np.ndarray, "H W"]) -> float:
    """Intersection over union."""
    found = silhouette.in_picture()
    return float((found & mask).sum() / max((found | mask).sum(), 1))


if __name__ == "__main__":
    main(tyro.cli(Settings))
