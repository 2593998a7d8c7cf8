from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from walkers.motion.test_captured import made_up_capture

from posegrid.errors import OutputError, SourceError
from posegrid.walkers.clip import ClipPlan
from posegrid.walkers.motion.captured import Captures
from posegrid.walkers.scenes.cut_out_files import load_cut_outs, save_cut_outs
from posegrid.walkers.scenes.cut_outs import SIDE_PX, cut_outs
from posegrid.walkers.scenes.figures import Library, load_library
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
    people = [
        cut_out((10, 20, 30)),
        replace(cut_out((200, 100, 50), elevation_rad=0.3), place="a hall"),
    ]
    save_cut_outs(tmp_path / "W0001.npz", people)
    for before, after in zip(people, load_cut_outs(tmp_path / "W0001.npz"), strict=True):
        np.testing.assert_array_equal(before.rgba, after.rgba)
        np.testing.assert_allclose(before.points_px, after.points_px)
        assert after.elevation_rad == pytest.approx(before.elevation_rad)
        assert after.place == before.place


def test_people_that_cannot_be_written_are_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "people").write_text("a file")
    told = r"W0001\.npz: cannot be written \(.*\); make room and call `posegrid scenes` again"
    with pytest.raises(OutputError, match=told):
        save_cut_outs(tmp_path / "people" / "W0001.npz", [cut_out((10, 20, 30))])
    assert [path.name for path in tmp_path.iterdir()] == ["people"]


def test_files_of_before_places_were_written_are_read(tmp_path: Path) -> None:
    path = tmp_path / "W0001.npz"
    save_cut_outs(path, [cut_out((10, 20, 30))])
    with np.load(path) as held:
        old = {name: held[name] for name in held.files if name != "places"}
    np.savez(path, **old)
    assert [person.place for person in load_cut_outs(path)] == [""]


def test_most_people_are_lit_by_the_radiance_of_a_place(tmp_path: Path) -> None:
    radiance = np.full((8, 16, 3), 0.01)
    radiance[2, 4] = 200.0  # ahead of +x the longitude is 0: this is to the left, and above
    np.savez(tmp_path / "hall.npz", radiance=radiance)
    plan = ClipPlan(seed=3, subject="W0001", num_frames=60)
    people = list(cut_outs(plan, Captures(), 6, [tmp_path / "hall"]))
    lit = [person for person in people if person.place == "hall"]
    assert 1 <= len(lit) <= 6
    assert {person.place for person in people} <= {"hall", ""}
    for person in lit:
        assert np.linalg.norm(person.towards_light_cam) == pytest.approx(1)


def test_of_a_place_that_lights_people_half_are_lit_by_it() -> None:
    people = [replace(cut_out((n, n, n)), place="hall" if n < 4 else "") for n in range(40)]
    light = np.array([p.towards_light_cam for p in people])
    names = np.array([p.place for p in people])
    library = Library(people, np.arange(40), np.zeros(40), light, names)
    rng = np.random.default_rng(0)
    chosen = [library.pick(rng, 0.0, None, place="hall")[0].place for _ in range(200)]
    assert 0.45 < np.mean([place == "hall" for place in chosen]) < 0.75


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
