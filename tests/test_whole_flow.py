"""The whole method on a small set in Human3.6M's own layout: render, prepare, pre-train, train,
evaluate, report.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from posegrid import cli

SUBJECTS = ("S1", "S8", "S9")
"""One that trains, one that validates, one that tests."""
FRAMES = 12


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every command has run, by its own flags, one after another."""
    root = tmp_path_factory.mktemp("flow")
    release, data, run = str(root / "release"), str(root / "data"), root / "run"
    rendered = (
        "--layout",
        "human36m",
        "--frames",
        str(FRAMES),
        "--picture-size",
        "256",
        "--workers",
        "1",
    )
    call("synth", release, "--subjects", *SUBJECTS, *rendered)
    call("prepare", release, data, "--workers", "1")
    call("pretrain", data, "--run", str(run / "pretrain"), "--max-images", "320")
    pretrained = str(run / "pretrain" / "best.safetensors")
    call("train", data, "--run", str(run / "train"), "--init", pretrained, "--max-images", "1280")
    call("train", data, "--run", str(run / "scratch"), "--max-images", "160")
    best = str(run / "train" / "best.safetensors")
    call("evaluate", best, data, "--out", str(run / "evaluation"))
    call("report", str(run), "--data", data, "--video-s", "0.4")
    call("export", best, "--out", str(root / "small.onnx"))
    call("evaluate", str(root / "small.onnx"), data, "--out", str(root / "onnx"))
    return root


def call(*arguments: str) -> None:
    assert cli.run(list(arguments)) == 0, arguments


def test_every_rendered_frame_became_a_crop(flow: Path) -> None:
    facts = json.loads((flow / "data" / "dataset.json").read_text())
    assert facts["skipped"] == [] and facts["synthetic"]
    assert facts["num_crops"] == len(SUBJECTS) * 2 * 4 * FRAMES
    assert (flow / "release" / "SYNTHETIC.txt").is_file()


def test_the_network_learns_more_than_the_mean_pose_of_those_it_saw(
    flow: Path, tmp_path: Path
) -> None:
    best = str(flow / "run" / "train" / "best.safetensors")
    call(
        *("evaluate", best, str(flow / "data"), "--out", str(tmp_path)),
        *("--split", "train", "--allow-seen-subjects"),
    )
    scores = json.loads((tmp_path / "evaluation.json").read_text())
    assert scores["mpjpe_mm"] < 0.9 * scores["mean_pose_mpjpe_mm"]
    curve = (flow / "run" / "train" / "metrics.csv").read_text().splitlines()
    losses = [float(line.split(",")[curve[0].split(",").index("train_loss")]) for line in curve[1:]]
    assert losses[-1] < 0.6 * losses[0]


def test_the_cost_of_pre_training_is_counted(flow: Path) -> None:
    header, *rows = (flow / "run" / "train" / "metrics.csv").read_text().splitlines()
    last = dict(zip(header.split(","), rows[-1].split(","), strict=True))
    assert int(last["images"]) == 1280 and int(last["total_images"]) == 1600


def test_the_evaluation_names_what_it_scored(flow: Path) -> None:
    scores = json.loads((flow / "run" / "evaluation" / "evaluation.json").read_text())
    for name in ("mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm", "mean_pose_mpjpe_mm"):
        assert 0 < scores[name] < 400
    assert scores["num_poses"] == 2 * 4 * FRAMES and scores["split"] == "test"
    assert scores["pa_mpjpe_mm"] <= scores["n_mpjpe_mm"] <= scores["mpjpe_mm"] + 1e-6


def test_exported_weights_score_the_same(flow: Path) -> None:
    torch_scores = json.loads((flow / "run" / "evaluation" / "evaluation.json").read_text())
    onnx_scores = json.loads((flow / "onnx" / "evaluation.json").read_text())
    assert onnx_scores["mpjpe_mm"] == pytest.approx(torch_scores["mpjpe_mm"], abs=0.01)


def test_the_report_has_curves_samples_and_both_videos(flow: Path) -> None:
    names = {path.name for path in (flow / "run").iterdir()}
    assert {"report.html", "samples.png", "walk_test.mp4", "walk_validation.mp4"} <= names
    page = (flow / "run" / "report.html").read_text()
    assert "from scratch" in page and "mean pose" in page


def test_a_rendered_video_becomes_a_track(flow: Path) -> None:
    videos = sorted((flow / "release" / "S9" / "Videos").glob("Walking 1.*.mp4"))
    call(
        "predict",
        str(videos[0]),
        "--weights",
        str(flow / "small.onnx"),
        "--out",
        str(flow / "track"),
    )
    with np.load(flow / "track" / f"{videos[0].stem}.npz", allow_pickle=False) as track:
        assert track["joints_mm"].shape == (FRAMES, 17, 3) and np.isfinite(track["joints_mm"]).any()


def test_a_second_call_of_every_step_does_nothing_over(flow: Path) -> None:
    shards = {path: path.stat().st_mtime_ns for path in (flow / "data").iterdir()}
    call("prepare", str(flow / "release"), str(flow / "data"), "--workers", "1")
    assert {path: path.stat().st_mtime_ns for path in (flow / "data").iterdir()} == shards
