"""What people do in varied clips: all of it turns up, with captured and made-up gaits, inside human
limits.
"""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from walkers.motion.walking import foot_sink_mm, foot_slip_mm

from posegrid.walkers.body.mesh import load_body_model
from posegrid.walkers.clip import ClipPlan, activity_of
from posegrid.walkers.motion.activities import ACTIVITIES, GAITS, restyled, varied_motion
from posegrid.walkers.motion.capture_files import load_walks
from posegrid.walkers.motion.captured import recorded_loop
from posegrid.walkers.motion.gait_style import GaitStyle, gait_angles, sample_unusual_style
from posegrid.walkers.motion.paths import ellipse_path

CMU = Path(
    os.environ.get(
        "POSEGRID_CMU_DIR", Path(__file__).parents[3].parent / "shared" / "data" / "cmu_walk"
    )
)
PATH = ellipse_path(1300.0, 1400.0)


@pytest.fixture(scope="module")
def body():
    return load_body_model().sample(np.random.default_rng(3))


@pytest.mark.parametrize("activity", list(ACTIVITIES))
def test_feet_keep_to_the_floor_and_nobody_jumps(body, activity):
    for seed in range(3):
        motion = varied_motion(activity, body, None, PATH, 200, np.random.default_rng(seed))
        assert motion.num_frames == 200
        assert foot_slip_mm(body, motion) < 0.5
        assert foot_sink_mm(body, motion) < 0.5
        assert np.linalg.norm(np.diff(motion.bone_positions(body), axis=0), axis=-1).max() < 200


@pytest.mark.skipif(
    not CMU.is_dir(), reason=f"no captured walks in {CMU}; POSEGRID_CMU_DIR names their folder"
)
@pytest.mark.parametrize("activity", [name for name in ACTIVITIES if name != "upright"])
def test_captured_walks_do_it_too(body, activity):
    walk = load_walks(CMU / "08")[0]
    motion = varied_motion(activity, body, walk, PATH, 200, np.random.default_rng(0))
    assert foot_slip_mm(body, motion) < 0.5
    assert foot_sink_mm(body, motion) < 0.5
    gait = recorded_loop(walk, body)
    assert 1000 < gait.stride_mm < 1900 and 0.8 < gait.cycle_s < 1.5


def test_gaits_are_all_but_what_is_done_on_the_spot():
    plans = [
        ClipPlan(0, f"W{number:04d}", num_frames=2, activities="gaits") for number in range(400)
    ]
    counts = Counter(activity_of(plan) for plan in plans)
    assert set(counts) == set(ACTIVITIES) - {"upright"} == set(GAITS)
    assert sum(GAITS.values()) == pytest.approx(1)
    for activity, share in GAITS.items():
        assert abs(counts[activity] / 400 - share) < 4 * np.sqrt(share * (1 - share) / 400)


def test_a_captured_walk_in_another_style_keeps_its_legs():
    angles = gait_angles(GaitStyle(), 0.42, np.linspace(0, 2, 100))
    styled = restyled(angles, sample_unusual_style(np.random.default_rng(4)))
    assert set(styled) == set(angles)
    for name, angle in angles.items():
        if name.startswith(("hip", "knee", "foot", "pelvis")):
            np.testing.assert_array_equal(styled[name], angle)
    assert np.abs(styled["trunk_tilt"] - angles["trunk_tilt"]).max() > 0.01


def test_who_limps_spares_one_leg_and_leans_over_it():
    phase = np.linspace(0, 1, 200, endpoint=False)
    even, limping = (gait_angles(GaitStyle(limp=limp), 0.4, phase) for limp in (0.0, 0.8))
    assert np.ptp(limping["knee_flexion.L"]) < 0.7 * np.ptp(even["knee_flexion.L"])
    np.testing.assert_array_equal(limping["knee_flexion.R"], even["knee_flexion.R"])
    more = limping["trunk_list"] - even["trunk_list"]
    assert more[50] > 0.1 and np.abs(more[130:170]).max() < 0.01
