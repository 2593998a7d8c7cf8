"""The scripts that learn say what they lack; what is learnt with torch is what NumPy says."""

import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from motion.walks import walk_track

from posegrid.body.skeleton import mirror_order, mirrored
from posegrid.motion.angles import joint_angles

FLEXIONS = ("knee_flexion", "elbow_flexion")
SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(
    "words",
    [("learn_contact.py",), ("learn_over_time.py",), ("learn_feet.py", "--weights", "posegrid-m")],
)
def test_a_folder_without_crops_is_told_in_a_sentence(tmp_path, words):
    name, *more = words
    command = [
        sys.executable,
        str(SCRIPTS / name),
        str(tmp_path),
        "--out",
        str(tmp_path / "o"),
        *more,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert "is no finished data set" in ended.stderr and not (tmp_path / "o").exists()


@pytest.mark.parametrize("ahead", [0, 8])
def test_the_network_over_time_says_the_same_with_torch_and_numpy(monkeypatch, ahead):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    script = importlib.import_module("learn_over_time")
    learner = script.Learner(ahead)
    for norm in learner.norms:
        torch.nn.init.normal_(norm.running_mean, std=0.3)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2.0)
    torch.nn.init.normal_(learner.last.weight, std=0.1)
    shown = torch.randn(1, 70, script.NUM_INPUTS)
    mean, spread = torch.randn(script.NUM_INPUTS), torch.rand(script.NUM_INPUTS) + 0.5
    network = script.folded(learner, mean, spread, ahead)
    with torch.no_grad():
        taken = ((shown - mean) / spread).clamp(-script.MOST, script.MOST)
        expected = learner.eval()(taken)[0].numpy()
    edges = np.clip(np.arange(-network.back, 70 + ahead), 0, 69)
    said = network.said(shown[0].double().numpy()[edges])
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(said, expected, atol=0.02)  # weights of 16 bits


def test_a_mirrored_clip_is_shown_as_the_mirror_image_of_the_clip(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    script = importlib.import_module("learn_over_time")
    track = walk_track(np.arange(30) / 50, noise_mm=20)
    width, order = track.camera.size_wh[0], mirror_order()
    mirror_image = replace(
        track,
        joints_mm=mirrored(track.joints_mm),
        root_mm=track.root_mm * np.float32([-1, 1, 1]),
        keypoints_px=track.keypoints_px[:, order] * np.float32([-1, 1]) + np.float32([width, 0]),
        sigma_mm=track.sigma_mm[:, order],
    )
    answers = [script.RawPoses.of(t, np.arange(30)) for t in (track, mirror_image)]
    shown, reflected = (script.seen_from_person(a, 500.0)[0] for a in answers)
    np.testing.assert_allclose(
        reflected, shown[:, script.MIRRORED] * np.array(script.SIGNS), atol=1e-4
    )


def test_joints_bend_as_angles_says(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    learn = importlib.import_module("learn_over_time")
    track = walk_track(np.arange(60) / 50, noise_mm=5)
    bends = learn._bends(torch.from_numpy(track.joints_mm.reshape(60, 51)))
    angles = joint_angles(track.joints_mm)
    expected = [angles[f"{side}_{part}"] for side in ("right", "left") for part in FLEXIONS]
    for found, angle in zip((bends[:, [0, 1, 3, 4]]).T.numpy(), expected, strict=True):
        np.testing.assert_allclose(found, angle, atol=2e-3)
    trunk = track.joints_mm[:, 0] - track.joints_mm[:, 8]
    thigh = track.joints_mm[:, 2] - track.joints_mm[:, 1]
    lengths = np.linalg.norm(trunk, axis=1) * np.linalg.norm(thigh, axis=1)
    hip = np.arccos((trunk * thigh).sum(axis=1) / lengths)
    np.testing.assert_allclose(bends[:, 2].numpy(), hip, atol=2e-3)


def test_the_radius_that_costs_least_holds_the_share_asked_for(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    learn = importlib.import_module("learn_over_time")
    offsets = torch.from_numpy(np.random.default_rng(0).normal(size=(4000, 51)))
    radii = torch.linspace(1.0, 3.0, 41)
    costs = [float(learn._not_held(offsets, r.expand(4000, 17))) for r in radii]
    best = float(radii[int(np.argmin(costs))])
    beyond = offsets.unflatten(-1, (17, 3)).norm(dim=-1)[:, 1:]
    assert float((beyond <= best).double().mean()) == pytest.approx(learn.HELD, abs=0.02)
