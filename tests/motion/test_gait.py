"""Gait figures of a made-up walk whose figures are known."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from motion.walks import (
    STANCE,
    STEP_HALF_WIDTH_MM,
    STRIDE_MM,
    STRIDE_S,
    circle_track,
    walk_track,
    walking_mm,
    with_feet,
    without_frames,
)

from posegrid.body.skeleton import JOINT_NAMES, mirror_order
from posegrid.errors import OutputError, SettingsError, SourceError
from posegrid.motion.gait import gait_of
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.world import to_world, up_of_camera

TIME_S = np.arange(300) / 60


def as_motion(track) -> MotionTrack:
    return MotionTrack(**{name: getattr(track, name) for name in track.__dataclass_fields__})


@pytest.fixture(scope="module")
def gait():
    return as_motion(walk_track(TIME_S)).gait()


def test_strikes_come_every_stride_the_left_half_a_stride_later(gait):
    right, left = gait.events["right"].strike_s, gait.events["left"].strike_s
    assert np.diff(right) == pytest.approx(STRIDE_S, abs=0.005) and np.diff(left) == pytest.approx(
        STRIDE_S, abs=0.005
    )
    assert left[0] - right[0] == pytest.approx(-STRIDE_S / 2, abs=0.005)
    late = (right + STRIDE_S / 2) % STRIDE_S - STRIDE_S / 2
    assert late == pytest.approx(0, abs=0.045)


@pytest.mark.parametrize(
    ("name", "true", "within"),
    [
        ("cadence", 120 / STRIDE_S, 0.5),
        ("stride_time", STRIDE_S, 0.005),
        ("stride_length", STRIDE_MM, 10),
        ("speed", STRIDE_MM / STRIDE_S / 1000, 0.01),
        ("step_width", 2 * STEP_HALF_WIDTH_MM, 5),
        ("step_length_right", STRIDE_MM / 2, 10),
        ("step_time_left", STRIDE_S / 2, 0.01),
        ("asymmetry_step_time", 0, 1),
        ("asymmetry_step_length", 0, 2),
    ],
)
def test_figures_are_those_of_the_walk(gait, name, true, within):
    quantity = gait.quantities[name]
    assert quantity.value == pytest.approx(true, abs=within)
    assert quantity.count >= 3 and quantity.uncertainty > 0


def test_phases_are_those_of_the_walk(gait):
    # the network has never seen this walk, whose feet have neither heel nor toe
    assert gait.quantities["stance_left"].value == pytest.approx(100 * STANCE, abs=3)
    assert gait.quantities["double_support"].value == pytest.approx(100 * (2 * STANCE - 1), abs=6)


def test_ranges_are_those_of_the_joints(gait):
    knee = gait.flexion_deg("knee", "right")
    assert knee.shape == (gait.quantities["stance_right"].count, 101)
    assert gait.quantities["knee_range_right"].value == pytest.approx(np.ptp(knee, axis=1).mean())
    assert gait.quantities["hip_range_left"].value > 25


@pytest.mark.parametrize("out_deg", [-5.0, 0.0, 12.0])
@pytest.mark.parametrize("side", ["right", "left"])
def test_feet_of_a_known_angle_give_it(side, out_deg, gait):
    walk = with_feet(walk_track(TIME_S), pitch_rad=np.radians(10), out_rad=np.radians(out_deg))
    found = as_motion(walk).gait()
    foot = found.quantities[f"foot_progression_{side}"]
    assert foot.value == pytest.approx(out_deg, abs=1.5) and foot.unit == "degrees"
    ankle = found.flexion_deg("ankle", side)
    assert ankle.shape == found.flexion_deg("knee", side).shape
    assert found.quantities[f"ankle_range_{side}"].value == pytest.approx(
        np.ptp(ankle, axis=1).mean()
    )
    assert sum("ankles and feet: " in note for note in found.notes) == 1
    moving = as_motion(replace(walk, camera_fixed=False)).gait()
    assert np.isnan(moving.quantities[f"foot_progression_{side}"].value)
    assert not any("ankle" in name or "foot" in name for name in gait.quantities)
    assert not any("feet" in note for note in gait.notes)


def test_the_ankle_of_a_foot_that_never_turns_goes_as_its_shank():
    walk = with_feet(walk_track(TIME_S))
    found = as_motion(walk).gait()
    shank = walk["right_ankle"] - walk["right_knee"]
    lean_deg = np.degrees(np.arctan2(-shank[:, 0], shank[:, 1]))  # the ankle behind the knee: +
    stride = next(s for s in found.strides if s.side == "right")
    at_s = np.linspace(stride.begin_s, stride.end_s, 101)
    assert stride.flexion_deg["ankle"] == pytest.approx(np.interp(at_s, TIME_S, lean_deg), abs=2)


@pytest.mark.parametrize("radius_mm", [3000.0, -3000.0])
def test_on_a_circle_feet_along_the_way_point_along_it(radius_mm):
    walk, feet = circle_track(TIME_S, radius_mm), []
    for side in ("right", "left"):
        ankle = walk[f"{side}_ankle"]
        angle = (walking_mm(TIME_S)[:, JOINT_NAMES.index(f"{side}_ankle"), 0] + 1500) / radius_mm
        ahead = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], axis=1)
        feet += [ankle - 50 * ahead + [0, 80, 0], ankle + 150 * ahead + [0, 80, 0]]
    found = as_motion(replace(walk, feet_mm=np.stack(feet, axis=1).astype(np.float32))).gait()
    for side in ("right", "left"):
        assert found.quantities[f"foot_progression_{side}"].value == pytest.approx(0, abs=1.5)


def test_a_longer_walk_is_surer_and_a_known_height_much_more():
    short, long = (as_motion(walk_track(np.arange(count) / 60, 8)) for count in (180, 500))
    uncertainty = [track.gait().quantities["stride_time"].uncertainty for track in (short, long)]
    assert uncertainty[1] < uncertainty[0]
    known = replace(long, scale_known=True).gait()
    assert (
        known.quantities["stride_length"].uncertainty
        < 0.6 * long.gait().quantities["stride_length"].uncertainty
    )
    assert any("height" in note for note in long.gait().notes) and not any(
        "height" in note for note in known.notes
    )


def test_the_whole_person_scaled_scales_lengths_and_keeps_times(gait):
    track = walk_track(TIME_S)
    tall = as_motion(
        replace(track, joints_mm=1.1 * track.joints_mm, root_mm=1.1 * track.root_mm)
    ).gait()
    assert tall.quantities["stride_length"].value == pytest.approx(
        1.1 * gait.quantities["stride_length"].value, rel=1e-3
    )
    assert tall.quantities["cadence"].value == pytest.approx(
        gait.quantities["cadence"].value, rel=1e-6
    )


def test_a_noisy_walk_made_smooth_gives_the_same_figures():
    gait = as_motion(walk_track(TIME_S, noise_mm=15)).refined().gait()
    assert gait.quantities["cadence"].value == pytest.approx(120 / STRIDE_S, rel=0.02)
    assert gait.quantities["stride_length"].value == pytest.approx(STRIDE_MM, rel=0.05)


def test_gaps_cost_their_strides_only():
    track = without_frames(walk_track(TIME_S), list(range(140, 175)))
    gait = as_motion(track).gait()
    assert gait.quantities["cadence"].value == pytest.approx(120 / STRIDE_S, abs=1.5)
    assert len(gait.strides) < len(as_motion(walk_track(TIME_S)).gait().strides)


def test_contacts_of_legs_exchanged_in_the_first_frames_are_not_told():
    track, order = walk_track(TIME_S, noise_mm=15), mirror_order()
    joints, keypoints = track.joints_mm.copy(), track.keypoints_px.copy()
    joints[:22], keypoints[:22] = joints[:22, order], keypoints[:22, order]
    gait = as_motion(replace(track, joints_mm=joints, keypoints_px=keypoints)).refined().gait()
    spans = [(stride.begin_s, stride.end_s) for stride in gait.strides]
    for events in gait.events.values():
        for time_s in (*events.strike_s, *events.off_s):
            assert time_s > 0.4 and any(begin <= time_s <= end for begin, end in spans)
    assert any("contacts outside" in note for note in gait.notes)
    assert gait.quantities["cadence"].value == pytest.approx(120 / STRIDE_S, abs=1)


def test_contacts_of_an_ankle_that_is_much_less_sure_are_not_told(gait):
    right = gait.events["right"].strike_s
    doubtful = int(np.abs(TIME_S - right[1]).argmin())
    track = walk_track(TIME_S)
    sigma = track.sigma_mm.copy()
    sigma[doubtful - 3 : doubtful + 4, 3] = 100
    found = as_motion(replace(track, sigma_mm=sigma)).gait()
    assert np.abs(found.events["right"].strike_s - right[1]).min() > 0.5
    assert len(found.events["left"].strike_s) >= len(gait.events["left"].strike_s) - 1
    assert found.quantities["cadence"].value == pytest.approx(120 / STRIDE_S, abs=0.5)


def test_strides_too_unlike_to_be_true_are_told(gait):
    assert not any("stride times vary" in note for note in gait.notes)
    within = (TIME_S / STRIDE_S) % 2  # every second stride of the right foot takes 0.6 of its time
    hurried = STRIDE_S * (2 * (TIME_S / STRIDE_S // 2) * 0.8 + np.minimum(within, 1))
    hurried += STRIDE_S * 0.6 * np.clip(within - 1, 0, 1)
    notes = as_motion(replace(walk_track(TIME_S), time_s=hurried)).gait().notes
    assert sum("unlikely: stride times vary by 1" in note for note in notes) == 1


def test_who_stands_or_walks_backwards_is_not_walking():
    standing = walk_track(TIME_S)
    still = replace(standing, joints_mm=np.repeat(standing.joints_mm[:1], 300, axis=0))
    with pytest.raises(SourceError, match=r"walk\.mp4: no walking was found"):
        as_motion(still).gait()
    backwards = replace(
        standing, joints_mm=standing.joints_mm[::-1].copy(), root_mm=standing.root_mm[::-1].copy()
    )
    with pytest.raises(SourceError, match="0 strides forwards"):
        as_motion(backwards).gait()


def test_a_tilted_camera_changes_nothing_once_gravity_is_known(gait):
    pitch = np.radians(12)
    turn = np.array(
        [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    )
    up = up_of_camera(pitch)
    np.testing.assert_allclose(turn.T @ up, [0, -1, 0], atol=1e-9) if up[2] < 0 else None
    track = walk_track(TIME_S)
    joints, root = track.joints_mm @ turn.T, track.root_mm @ turn.T
    tilted = as_motion(
        replace(track, joints_mm=joints.astype(np.float32), root_mm=root.astype(np.float32))
    )
    for given in (turn @ [0.0, -1.0, 0.0], None):
        figures = tilted.gait(given).quantities
        assert figures["stride_length"].value == pytest.approx(STRIDE_MM, rel=0.02)


def test_the_world_has_z_up_and_the_feet_on_the_floor():
    track = walk_track(TIME_S)
    motion = to_world(track, np.array([0.0, -1.0, 0.0]))
    assert motion.joints_world_mm[:, [3, 6], 2].min() == pytest.approx(80, abs=2)
    assert (
        motion.joints_world_mm[:, 10, 2] > 1400
    ).all() and motion.camera_height_mm == pytest.approx(1000, abs=5)
    np.testing.assert_allclose(
        motion.to_camera(motion.joints_world_mm),
        track.joints_mm + track.root_mm[:, None],
        atol=0.01,
    )


def test_gravity_is_found_from_trunk_and_feet():
    up = to_world(walk_track(TIME_S)).rot_cam_to_world[2]
    assert np.degrees(np.arccos(up @ [0, -1, 0])) < 2


def test_a_track_without_places_has_no_world():
    track = walk_track(TIME_S)
    with pytest.raises(SettingsError, match=r"walk\.mp4: no frame"):
        to_world(replace(track, root_mm=np.full_like(track.root_mm, np.nan)))


def test_a_world_motion_gives_the_same_gait_whatever_the_heading(gait):
    motion = to_world(walk_track(TIME_S), np.array([0.0, -1.0, 0.0]))
    turn = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
    turned = replace(motion, joints_world_mm=motion.joints_world_mm @ turn.T)
    figures = gait_of(turned, scale_known=False, source="x").quantities
    for name in ("stride_length", "step_width", "double_support"):
        assert figures[name].value == pytest.approx(gait.quantities[name].value, rel=0.02, abs=1)


@pytest.mark.parametrize("radius_mm", [1300.0, 2500.0, -1300.0, 20_000.0])
def test_strides_in_a_bend_are_measured_along_it(radius_mm):
    """The straight walk wound round a circle: lengths along the way stay, chords are shorter."""
    straight = to_world(walk_track(TIME_S)).joints_world_mm
    angle = straight[..., 0] / radius_mm
    aside = radius_mm - straight[..., 1] + straight[0, 0, 1]
    bent = np.stack(
        [aside * np.sin(angle), radius_mm - aside * np.cos(angle), straight[..., 2]], axis=-1
    )
    motion = replace(to_world(walk_track(TIME_S)), joints_world_mm=bent)
    gait = gait_of(motion, scale_known=True, source="a.mp4")
    assert gait.quantities["stride_length"].value == pytest.approx(STRIDE_MM, rel=0.012)
    assert gait.quantities["speed"].value == pytest.approx(STRIDE_MM / STRIDE_S / 1000, rel=0.012)
    turns = [stride.turn_rad for stride in gait.strides]
    assert np.array(turns) == pytest.approx(STRIDE_MM / radius_mm, rel=0.1)
    said = [note for note in gait.notes if "the way bends" in note]
    assert bool(said) == (abs(radius_mm) < 4000)


@pytest.mark.parametrize("noise_mm", [0.0, 15.0])
@pytest.mark.parametrize("radius_mm", [1300.0, -1300.0, 2500.0])
def test_a_walk_on_a_circle_has_its_true_strides_and_says_so(radius_mm, noise_mm):
    """From the camera's Track, refined: the chord of a stride on 1.3 m is 3 % shorter than its arc."""
    track = as_motion(replace(circle_track(TIME_S, radius_mm, noise_mm), raw=True)).refined()
    gait = track.gait()
    assert gait.quantities["stride_length"].value == pytest.approx(STRIDE_MM, rel=0.032)
    assert gait.quantities["speed"].value == pytest.approx(STRIDE_MM / STRIDE_S / 1000, rel=0.032)
    assert gait.quantities["cadence"].value == pytest.approx(120 / STRIDE_S, rel=0.01)
    assert len([note for note in gait.notes if "the way bends" in note]) == 1
    (said,) = track.warnings
    assert "the way bends: strides are measured along it" in said


def test_contacts_that_nobody_made_are_told():
    """A slow walk whose ankles both swing once more a stride, as of an estimate that wavers: they
    pass each other as before. Either that makes no contacts, or it is said.
    """
    track = walk_track(TIME_S)
    joints = track.joints_mm.copy()
    joints[:, [3, 6], 0] += np.float32(250 * np.sin(4 * np.pi * TIME_S / STRIDE_S))[:, None]
    wavering = as_motion(replace(track, joints_mm=joints, time_s=1.5 * TIME_S)).gait()
    said = [note for note in wavering.notes if note.startswith("contacts make")]
    is_right = abs(wavering.quantities["cadence"].value / (120 / STRIDE_S / 1.5) - 1) < 0.03
    assert is_right != ("the ankles pass each other 73 times" in "".join(said))


def test_of_a_camera_that_moved_there_are_times_and_angles_and_no_lengths():
    """The camera goes along with the walker: seen from it, nobody gets ahead."""
    track = as_motion(walk_track(TIME_S))
    along = replace(track, root_mm=track.root_mm * np.float32([0, 1, 1]))
    with pytest.raises(SourceError, match="no walking"):
        along.gait()
    seen = replace(along, camera_fixed=False).gait()
    for name, quantity in track.gait().quantities.items():
        if quantity.unit in ("mm", "m/s") or "length" in name:
            assert np.isnan(seen.quantities[name].value), name
    assert seen.quantities["cadence"].value == pytest.approx(
        track.gait().quantities["cadence"].value, rel=0.02
    )
    assert any("camera moved" in note for note in seen.notes)


def test_a_gait_is_saved_shown_and_read_by_pandas(tmp_path):
    found = as_motion(walk_track(TIME_S)).gait()
    found.save(tmp_path / "gait.json")
    content = json.loads((tmp_path / "gait.json").read_text())
    assert content["quantities"]["cadence"]["value"] == found.quantities["cadence"].value
    assert len(content["strides"]) == len(found.strides)
    assert len(content["strides"][0]["flexion_deg"]["knee"]) == 101
    found.save(tmp_path / "gait.csv")
    with (tmp_path / "gait.csv").open(newline="") as file:
        rows = {row["quantity"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(found.quantities)
    assert float(rows["speed"]["value"]) == pytest.approx(found.quantities["speed"].value)
    with pytest.raises(OutputError, match=r"ends in \.json or \.csv"):
        found.save(tmp_path / "gait.xlsx")
    motion = as_motion(walk_track(TIME_S))
    for thing in (found, found.strides[0], motion.to_world(), motion.to("coco17"), motion):
        assert len(repr(thing)) < 400
    pytest.importorskip("pandas")
    table = found.to_dataframe().set_index("quantity")
    assert table.value["cadence"] == found.quantities["cadence"].value
