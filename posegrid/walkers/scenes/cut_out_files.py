"""Files of rendered people: one of each, their cut-outs one after the other."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posegrid.errors import SourceError
from posegrid.files import written
from posegrid.untrusted import DAMAGED, arrays_of_npz
from posegrid.walkers.clip import ClipPlan
from posegrid.walkers.clothes.wardrobe import PeopleKind
from posegrid.walkers.motion.captured import Captures
from posegrid.walkers.scenes.cut_outs import FRAMES_APART, POINTS, SHADOW_PX, CutOut, cut_outs

CUT_OUT_ARRAYS = ("rgba", "shade", "points_px", "sizes", "numbers", "places")
AGAIN = "make room and call `posegrid scenes` again"


def save_cut_outs(path: Path, people: list[CutOut]) -> None:
    """One file with the cut-outs one after the other. Raises OutputError."""
    sizes = np.array([p.rgba.shape[:2] for p in people], np.int32)
    numbers = np.array(
        [
            (p.elevation_rad, p.distance_mm, p.height_mm, p.upright_share, *p.towards_light_cam)
            for p in people
        ],
        np.float32,
    )
    with written(path, AGAIN) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            rgba=np.concatenate([p.rgba.reshape(-1) for p in people]),
            shade=np.stack([p.shade for p in people]),
            points_px=np.stack([p.points_px for p in people]).astype(np.float32),
            sizes=sizes,
            numbers=numbers,
            places=np.array([p.place for p in people]),
        )


def load_cut_outs(path: Path) -> list[CutOut]:
    """The cut-outs of a file, as they were. Raises SourceError."""
    try:
        return _cut_outs_of(arrays_of_npz(path, CUT_OUT_ARRAYS))
    except DAMAGED as error:
        raise SourceError(
            f"{path}: cannot be read as rendered people ({error}); delete it and call "
            "`posegrid scenes` again."
        ) from error


def _cut_outs_of(held: dict[str, np.ndarray]) -> list[CutOut]:
    flat, shade, points = held["rgba"], held["shade"], held["points_px"]
    sizes, numbers = held["sizes"], held["numbers"]
    count = len(sizes)
    lit_in = held.get("places", np.full(count, ""))  # files of before 0.2 have made-up lights alone
    shapes = {"shade": (count, SHADOW_PX, SHADOW_PX), "points_px": (count, len(POINTS), 2)}
    shapes |= {"sizes": (count, 2), "numbers": (count, 7)}
    wrong = [name for name, shape in shapes.items() if held[name].shape != shape]
    wrong += ["places"] if lit_in.shape != (count,) or lit_in.dtype.kind != "U" else []
    finite = np.isfinite(points).all() and np.isfinite(numbers).all()
    if wrong or not finite or sizes.dtype.kind != "i" or sizes.min(initial=1) < 1:
        raise ValueError(f"{wrong[0] if wrong else 'a number'} is not as it was written")
    if flat.dtype != np.uint8 or shade.dtype != np.uint8:
        raise ValueError("its pictures have no 8 bits")
    people, start = [], 0
    for (height, width), dark, where, facts, place in zip(
        sizes, shade, points, numbers, lit_in, strict=True
    ):
        end = start + int(height) * int(width) * 4
        elevation, distance, stature, upright, x, y, z = (float(v) for v in facts)
        rgba = flat[start:end].reshape(int(height), int(width), 4)
        facts = elevation, distance, stature, upright
        people.append(CutOut(rgba, dark, where, *facts, (x, y, z), str(place)))
        start = end
    return people


def write_person(
    folder: Path,
    subject: str,
    count: int,
    seed: int,
    captures: Captures,
    places: Sequence[Path] = (),
    people: PeopleKind = "varied",
) -> Path:
    """The file of one person's cut-outs; rendered unless it is there."""
    path = folder / f"{subject}.npz"
    if not path.exists():
        plan = ClipPlan(
            seed=seed,
            subject=subject,
            num_frames=(count - 1) * FRAMES_APART + 1,
            activities="varied",
            people=people,
            scenes="varied",
        )
        save_cut_outs(path, list(cut_outs(plan, captures, count, places)))
    return path
