"""What is unlikely in a motion is said with the reason; an ordinary walk gets no warning."""

from dataclasses import replace

import numpy as np
import pytest
from motion.walks import circle_track, walk_track

from posegrid.body.track import Track
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.plausible import (
    bones_to_height_mm,
    doubts,
    of_level_camera,
    on_cadence,
    on_changed_pictures,
    on_counts,
    on_untrained,
    steps_per_minute,
)
from posegrid.motion.refine_settings import check_fov

FPS, STEPS_PER_MINUTE = 50, 120 / 1.1


def walk(seconds: float = 4.0, slower: float = 1.0) -> Track:
    """A walk whose recording is played so many times slower."""
    track = walk_track(np.arange(0, seconds, 1 / FPS))
    return replace(track, time_s=track.time_s * slower, fps=track.fps / slower)


def changed(track: Track, **arrays: np.ndarray) -> Track:
    return replace(track, **{name: values.astype(np.float32) for name, values in arrays.items()})


def test_an_ordinary_walk_gets_no_warning():
    assert doubts(walk(), walk()) == ()


def test_nobody_gets_no_warning():
    nobody = changed(walk(), joints_mm=np.full((200, 17, 3), np.nan))
    assert doubts(nobody, nobody) == ()


@pytest.mark.parametrize("slower", [0.4, 1, 1.5, 2, 4, 8])
def test_cadence_is_counted_and_slow_motion_noticed(slower):
    track = walk(slower=slower)
    said = steps_per_minute(of_level_camera(track.joints_mm.astype(np.float64)), track.time_s)
    assert said == pytest.approx(STEPS_PER_MINUTE / slower, rel=0.05)
    warned = [line for line in doubts(track, track) if "steps a minute" in line]
    assert bool(warned) == (slower in (0.4, 2, 4, 8)) == bool(on_cadence(said))
    assert not warned or "`capture_fps`" in warned[0]


@pytest.mark.parametrize("radius_mm", [1000.0, -1300.0, 3000.0, 20_000.0])
def test_steps_are_counted_and_bends_told_whichever_way_the_person_turns(radius_mm):
    track = circle_track(np.arange(0, 8, 1 / FPS), radius_mm, noise_mm=10.0)
    level_mm = of_level_camera(track.joints_mm.astype(np.float64))
    assert steps_per_minute(level_mm, track.time_s) == pytest.approx(STEPS_PER_MINUTE, rel=0.03)
    lines = doubts(track, track)
    assert bool(lines) == (abs(radius_mm) < 4000)
    assert all("the way bends" in line for line in lines)
    assert doubts(track, replace(track, camera_fixed=False)) == ()


def test_a_gap_takes_no_steps_from_the_count():
    track = walk(8.0)
    seen = np.r_[0:120, 190:400]
    level_mm = of_level_camera(track.joints_mm.astype(np.float64))[seen]
    said = steps_per_minute(level_mm, track.time_s[seen])
    assert said == pytest.approx(STEPS_PER_MINUTE, rel=0.03)


@pytest.mark.parametrize(
    ("contacts", "warned"), [(73, False), (80, False), (110, True), (45, True)]
)
def test_steps_of_which_contacts_and_ankles_make_different_counts(contacts, warned):
    said = on_counts(contacts, 73.0)
    assert bool(said) == warned and on_counts(contacts, None) == ""
    assert not warned or (f"contacts make {contacts} steps a minute" in said and "73 times" in said)


def test_who_stands_has_no_cadence():
    track = walk()
    still = np.repeat(track.joints_mm[:1], len(track), axis=0).astype(np.float64)
    still += np.random.default_rng(0).normal(0, 15, still.shape)
    assert steps_per_minute(of_level_camera(still), track.time_s) is None and on_cadence(None) == ""


@pytest.mark.parametrize(
    ("scale", "warned"), [(0.5, True), (0.7, False), (1.2, False), (1.4, True)]
)
def test_a_stature_that_nobody_has(scale, warned):
    track = changed(walk(), joints_mm=walk().joints_mm * scale)
    height_m = bones_to_height_mm(track.joints_mm.astype(np.float64)) / 1000
    lines = [line for line in doubts(track, track) if "m tall" in line]
    assert bool(lines) == warned == (not 1.0 <= height_m <= 2.2)
    assert not lines or f"{height_m:.2f} m tall" in lines[0]


@pytest.mark.parametrize(
    ("jump_mm", "frames", "warned"),
    [(2000, 100, True), (-900, 30, True), (2000, 1, False), (300, 100, False)],
)
def test_a_distance_that_jumps_and_stays(jump_mm, frames, warned):
    """One frame that is off is noise; a level that changes at once is another person."""
    track = walk()
    root_mm = track.root_mm.copy()
    root_mm[80 : 80 + frames, 2] += jump_mm
    lines = [line for line in doubts(changed(track, root_mm=root_mm), track) if "jumps" in line]
    assert bool(lines) == warned
    assert not lines or "at 1.6 s" in lines[0]


def test_a_jump_over_a_gap_is_none():
    track = walk()
    root_mm, joints_mm = track.root_mm.copy(), track.joints_mm.copy()
    root_mm[100:, 2] += 2000
    joints_mm[80:100] = np.nan
    track = changed(track, root_mm=root_mm, joints_mm=joints_mm)
    assert not [line for line in doubts(track, track) if "jumps" in line]


@pytest.mark.parametrize(("spread", "warned"), [(0.0, False), (0.1, False), (0.25, True)])
def test_a_limb_whose_length_changes(spread, warned):
    track = walk()
    joints_mm = track.joints_mm.astype(np.float64)
    factor = 1 + np.random.default_rng(1).normal(0, spread, (len(track), 1))
    joints_mm[:, 13] = joints_mm[:, 12] + (joints_mm[:, 13] - joints_mm[:, 12]) * factor
    lines = doubts(changed(track, joints_mm=joints_mm), track)
    assert bool(lines) == warned
    assert not warned or "from left elbow to left wrist the length changes by 2" in lines[0]


@pytest.mark.parametrize(
    ("seconds", "warned"), [(0.4, True), (0.9, True), (1.0, True), (1.1, False)]
)
def test_a_person_seen_for_a_moment(seconds, warned):
    track = walk(2.0)
    joints_mm = track.joints_mm.copy()
    joints_mm[round(seconds * FPS) :] = np.nan
    track = changed(track, joints_mm=joints_mm)
    lines = [line for line in doubts(track, track) if "is seen for" in line]
    assert bool(lines) == warned and (not lines or f"seen for {seconds:.1f} s only" in lines[0])


def test_pictures_that_are_unlike_the_rest():
    time_s, share = np.arange(50) / 25, np.full(50, 0.1)
    assert on_changed_pictures(share, time_s) == ""
    share[10:15] = 0.9
    assert "in 5 frames (0.4 to 0.6 s)" in on_changed_pictures(share, time_s)
    assert on_changed_pictures(share, time_s, is_camera_fixed=False) == ""


def test_warnings_go_with_the_track_and_its_gait(tmp_path):
    fields = vars(walk(slower=3.0))
    raw = MotionTrack(**{**fields, "warnings": ("the lamp went out",)})
    motion = raw.refined()
    assert motion.warnings[0] == "the lamp went out" and "steps a minute" in motion.warnings[1]
    assert motion.refined().warnings == motion.warnings, "none twice"
    for ending in ("npz", "json", "csv"):
        motion.save(tmp_path / f"a.{ending}")
        assert MotionTrack.load(tmp_path / f"a.{ending}").warnings == motion.warnings


@pytest.mark.parametrize("fov_deg", [1.05, 0.0, -60.0, 4.9, 171.0, 1000.0, float("nan")])
def test_an_angle_of_view_that_no_lens_has_is_refused(fov_deg):
    from posegrid.errors import SettingsError

    with pytest.raises(SettingsError, match="expected an angle of view of 5 to 170 degrees") as got:
        check_fov(fov_deg)
    assert ("1.05 radians are 60 degrees" in str(got.value)) == (fov_deg == 1.05)


def moved(track, root_mm, joints_mm=None):
    joints_mm = track.joints_mm if joints_mm is None else joints_mm
    return replace(
        track, root_mm=root_mm.astype(np.float32), joints_mm=joints_mm.astype(np.float32)
    )


def test_motions_that_were_never_trained_are_told():
    walk = walk_track(np.arange(90) / 30)
    assert on_untrained(walk) == []
    quick = walk.root_mm + np.outer(walk.time_s, [1500.0, 0.0, 0.0])
    assert "moves at 2.5 m/s" in on_untrained(moved(walk, quick))[0]
    assert on_untrained(replace(moved(walk, quick), camera_fixed=False)) == []
    lying = walk.joints_mm @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    assert any("lies flat" in line for line in on_untrained(moved(walk, walk.root_mm, lying)))
    aloft = walk.root_mm - np.outer(np.arange(90) % 30 < 8, [0.0, 350.0, 0.0])
    (said,) = on_untrained(moved(walk, aloft))
    assert said.startswith("in 24 frames both feet are off the floor")
    assert on_untrained(replace(moved(walk, aloft), raw=True)) == []
