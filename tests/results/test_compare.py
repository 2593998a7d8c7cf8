"""Two runs on one page: which poses they share, what differs, and where errors come from."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from results.made_up import predictions_of, write_data
from results.test_report import checked, write_curve

from posegrid import cli
from posegrid.body.skeleton import JOINT_NAMES
from posegrid.motion.gait_events import facing_world
from posegrid.results.compare import common, group_differences, ranked_rows, score_differences
from posegrid.results.conditions import by_heading, by_hidden, heading_deg, heights_m, hidden_joints
from posegrid.results.evaluate import evaluation
from posegrid.results.predictions import NAME, Predictions
from posegrid.results.run_parts import gather


def people(count: int, turn_deg: float = 0.0, scale: float = 1.0) -> np.ndarray:
    """Upright people who face into the camera, then turned to the picture's right."""
    pose = np.zeros((17, 3))
    upright = {"thorax": -500, "nose": -600, "head_top": -720, "spine": -250}
    for name, y in upright.items():
        pose[JOINT_NAMES.index(name), 1] = y
    for side, x in (("left", 1.0), ("right", -1.0)):
        for joint, place in (
            ("hip", (130, 0)),
            ("knee", (130, 430)),
            ("ankle", (130, 850)),
            ("shoulder", (180, -480)),
            ("elbow", (200, -200)),
            ("wrist", (210, 40)),
        ):
            pose[JOINT_NAMES.index(f"{side}_{joint}"), :2] = x * place[0], place[1]
    sine, cosine = np.sin(np.radians(turn_deg)), np.cos(np.radians(turn_deg))
    turn = np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])
    return np.repeat(scale * (pose @ turn.T)[None], count, axis=0).astype(np.float32)


@pytest.mark.parametrize("turn_deg", [0, 45, 90, -90, 135, 179])
def test_heading_is_where_the_person_faces(turn_deg: float) -> None:
    """By hand; and as gait sees it in the world, z up."""
    truth = people(12, turn_deg)
    found = heading_deg(predictions_of(truth, truth))
    assert found == pytest.approx(np.full(12, turn_deg), abs=1e-3)
    world = truth[..., [0, 2, 1]] * [1, 1, -1]
    right, away = facing_world(world, np.arange(12) / 50)[0]
    assert np.degrees(np.arctan2(right, -away)) == pytest.approx(turn_deg, abs=1e-3)
    means = by_heading(found, np.arange(12.0))
    assert np.nanmax(means) == 5.5 and np.isfinite(means).sum() == 1


def test_heights_grow_with_the_bones() -> None:
    truth = np.concatenate([people(3), people(3, scale=1.1)])
    found = heights_m(predictions_of(truth, truth, subject=np.repeat(["S1", "S2"], 3)))
    assert found["S2"] == pytest.approx(1.1 * found["S1"]) and 1.4 < found["S1"] < 2


def test_errors_are_told_by_how_many_joints_are_hidden(tmp_path: Path) -> None:
    """People sideways before the camera hide their far side; the camera's place is in the data."""
    data, truth = write_data(tmp_path / "walkers"), people(14, turn_deg=90)
    found = predictions_of(truth, truth)
    hidden = hidden_joints(found, data)
    assert hidden is not None and hidden.shape == (14, 17) and (hidden == hidden[0]).all()
    names = {JOINT_NAMES[joint] for joint in np.flatnonzero(hidden[0])}
    assert {"left_hip", "left_knee"} <= names or {"right_hip", "right_knee"} <= names
    means = by_hidden(hidden, np.arange(14.0))
    assert means[len(names)] == 6.5 and np.isfinite(means).sum() == 1
    assert hidden_joints(found, None) is None
    assert hidden_joints(predictions_of(truth, truth, frame_index=np.arange(14) + 1), data) is None


def test_only_the_same_frames_are_compared() -> None:
    truth = people(6)
    one = predictions_of(truth + np.float32(1), truth)
    other = predictions_of(truth, truth, frame_index=np.arange(3, 9))
    first, second = common(one, other)
    assert first.frame_index.tolist() == second.frame_index.tolist() == [3, 4, 5]
    assert first.error_mm == pytest.approx(np.full(3, np.sqrt(3)), abs=1e-3)
    assert second.error_mm.tolist() == [0, 0, 0]
    back, again = common(other, one)
    np.testing.assert_array_equal(back.pose_pred_cam_mm, second.pose_pred_cam_mm)
    assert len(again) == 3


def test_samples_go_from_the_best_to_the_worst() -> None:
    errors = np.random.default_rng(0).permutation(100).astype(float)
    rows = ranked_rows(errors, 5)
    assert errors[rows].tolist() == [0, 24, 49, 74, 99]
    assert len(ranked_rows(errors[:2], 5)) == 2


def made(folder: Path, data: Path, predictions: Predictions) -> Path:
    (folder / "evaluation").mkdir(parents=True)
    predictions.facts["data"] = str(data)
    predictions.save(folder / "evaluation" / NAME)
    text = json.dumps(evaluation(predictions))
    (folder / "evaluation" / "evaluation.json").write_text(text)
    return folder


@pytest.fixture
def two_runs(tmp_path: Path) -> tuple[Path, Path]:
    data, truth = write_data(tmp_path / "walkers"), people(14)
    rng = np.random.default_rng(1)
    folders = []
    for name, off_mm in (("a", 40), ("b", 20)):
        estimate = (truth + rng.normal(0, off_mm, truth.shape)).astype(np.float32)
        estimate[:, 0] = 0
        folders.append(made(tmp_path / name, data, predictions_of(estimate, truth)))
        write_curve(tmp_path / name / "train", "validation_mpjpe_mm", [120, 90, off_mm])
    return folders[0], folders[1]


def test_differences_are_the_second_less_the_first(two_runs: tuple[Path, Path]) -> None:
    one, other = (gather(run, {}, None, None).figures for run in two_runs)
    assert one and other
    by_name = {name: (a, b, d) for name, a, b, d in score_differences(one, other)}
    a, b = one["mpjpe_mm"], other["mpjpe_mm"]
    assert by_name["MPJPE, 17 joints"] == (f"{a:.1f} mm", f"{b:.1f} mm", f"{b - a:+.1f}")
    assert all(d == "+0.0" for *_, d in score_differences(one, one))
    assert group_differences(one, other)[0] == (
        "action Walking",
        f"{a:.1f}",
        f"{b:.1f}",
        f"{b - a:+.1f}",
    )


def test_two_runs_have_one_page(two_runs: tuple[Path, Path], tmp_path: Path) -> None:
    assert cli.run(["report", str(two_runs[0]), str(two_runs[1])]) == 0
    out = tmp_path / "a-and-b"
    figures = {"curves", "joints", "conditions"}
    names = {path.name for path in out.iterdir()}
    assert names == {"report.html"} | {f"{name}.{e}" for name in figures for e in ("png", "svg")}
    for name in figures:
        assert ElementTree.parse(out / f"{name}.svg").getroot().tag.endswith("svg")
    seen = checked(out / "report.html")
    for words in ("14 poses in common: b is nearer", "a, mm", "a trunk of 130 mm", "of a."):
        assert words in seen.text
    assert sum(source.startswith("data:image/jpeg") for source in seen.sources) == 14
    assert not (two_runs[0] / "report.html").exists()
    shutil.rmtree(tmp_path / "walkers")
    assert cli.run(["report", str(two_runs[0]), str(two_runs[1])]) == 0
    assert "Hidden joints are not shown" in checked(out / "report.html").text


def test_what_belongs_to_one_run_is_refused_of_two(
    two_runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["report", *map(str, two_runs), "--train", str(two_runs[0])]
    assert cli.run(call) == 1
    assert "--train: is of one run" in capsys.readouterr().err
    (two_runs[1] / "evaluation" / "evaluation.json").write_text("{}")
    assert cli.run(call[:3]) == 1
    assert "does not hold an evaluation" in capsys.readouterr().err


def test_runs_that_were_evaluated_otherwise_are_told_so(two_runs: tuple[Path, Path]) -> None:
    path = two_runs[1] / "evaluation" / "evaluation.json"
    changed = json.loads(path.read_text()) | {"split": "validation"}
    path.write_text(json.dumps(changed))
    assert cli.run(["report", *map(str, two_runs)]) == 0
    text = checked(two_runs[0].parent / "a-and-b" / "report.html").text
    assert "The two were not evaluated alike: they differ in split" in text
