"""Scenes: light, sensor and place that belong together."""

from pathlib import Path

import numpy as np
from PIL import Image

from posegrid.walkers.clip import ClipPlan, film
from posegrid.walkers.render.places import picture_files


def test_varied_clips_with_pictures_still_render(tmp_path: Path) -> None:
    Image.fromarray(np.full((50, 50, 3), 90, np.uint8)).save(tmp_path / "a.png")
    kinds = set()
    for subject in ("A", "B", "C", "D", "E", "F"):
        plan = ClipPlan(
            seed=1,
            subject=subject,
            num_frames=2,
            scenes="varied",
            backgrounds=picture_files(tmp_path),
        )
        kinds.add(type(film(plan).location.place(4000.0)).__name__)
    assert kinds == {"Place", "Backdrop"}
