from pathlib import Path

import numpy as np
import pytest
from walkers.motion.test_captured import made_up_capture

from posegrid.errors import SourceError
from posegrid.walkers.clip import ClipPlan
from posegrid.walkers.motion.captured import Captures
from posegrid.walkers.scenes.cut_out_files import load_cut_outs, save_cut_outs
from posegrid.walkers.scenes.cut_outs import SIDE_PX, cut_outs
from posegrid.walkers.scenes.figures import load_library
from tests.walkers.scenes.made_up_scenes import cut_out


def test_a_rendered_cut_out_fits_its_person() -> None:
    plan = ClipPlan(seed=3, subject="W0001", num_frames=12, people="varied", scenes="varied")
    for person in cut_outs(plan, Captures(), 2):
        height, width, _ = person.rgba.shape
        assert max(height, width) == pytest.approx(SIDE_PX, abs=3)
        solid = person.rgba[..., 3] > 127
        assert solid.any(axis=0).mean() > 0.95
        assert solid.any(axis=1).mean() > 0.95
        inside = (person.points_px > -2) & (person.points_px < [width + 2, height + 2])
        assert inside.all()
        assert 0.1 < person.shade.mean() / 255 <= 1


def test_files_hold_cut_outs_as_they_were(tmp_path: Path) -> None:
    people = [cut_out((10, 20, 30)), cut_out((200, 100, 50), elevation_rad=0.3)]
    save_cut_outs(tmp_path / "W0001.npz", people)
    for before, after in zip(people, load_cut_outs(tmp_path / "W0001.npz"), strict=True):
        np.testing.assert_array_equal(before.rgba, after.rgba)
        np.testing.assert_allclose(before.points_px, after.points_px)
        assert after.elevation_rad == pytest.approx(before.elevation_rad)


def test_with_other_captures_people_strike_their_poses() -> None:
    plan = ClipPlan(seed=3, subject="W0001", num_frames=12)
    walking = next(cut_outs(plan, Captures(), 1))
    capture, _ = made_up_capture()
    posed = next(cut_outs(plan, Captures(others=(capture,)), 1))
    assert posed.rgba.shape != walking.rgba.shape or (posed.rgba != walking.rgba).any()
    assert posed.height_mm == walking.height_mm


def test_a_folder_without_people_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"holds no people W\*"):
        load_library(tmp_path, "W")
