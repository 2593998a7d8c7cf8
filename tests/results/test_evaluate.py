"""Scores by hand and by law, and the guards that keep an evaluation honest."""

import json
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from results.made_up import FACTS, Guessing, model_of, poses, predictions_of, write_data
from rich.console import Console

from posegrid.body.estimate import Estimate
from posegrid.body.metrics import mpjpe_mm
from posegrid.body.skeleton import body_size_mm, mirror_order
from posegrid.datasets.stored_crops import Crops, read_crops
from posegrid.errors import CheckpointError, OutputError, SettingsError, ShardError, SourceError
from posegrid.results import evaluate as module
from posegrid.results import scores as scores_module
from posegrid.results.evaluate import (
    EvaluateSettings,
    check_repeats,
    evaluate,
    evaluation,
    trained_subjects,
)
from posegrid.results.models import load_model
from posegrid.results.predictions import Predictions, predicted, predicted_in_parts
from posegrid.results.scores import (
    keypoint_errors,
    longest_repeat,
    scores,
    size_floor_mm,
    swapped_share,
    within_radius,
)
from posegrid.results.tables import score_rows, title_of


def test_truth_against_truth_has_no_error() -> None:
    truth = poses(12)
    figures = scores(predictions_of(truth, truth))
    for name in ("mpjpe_mm", "mpjpe_without_root_mm", "n_mpjpe_mm", "mpjve_mm", "median_pose_mm"):
        assert figures[name] == 0.0
    assert figures["pa_mpjpe_mm"] == pytest.approx(0, abs=1e-3)
    assert figures["pck_150mm"] == figures["auc_0_150mm"] == 1.0
    assert figures["left_right_swapped_share"] == {"legs": 0.0, "arms": 0.0}
    assert figures["mean_pose_mpjpe_mm"] > 0


def test_a_scaled_pose_has_an_error_but_none_after_scaling() -> None:
    truth = poses(5)
    figures = scores(predictions_of(1.3 * truth, truth))
    assert figures["mpjpe_mm"] > 10
    assert figures["n_mpjpe_mm"] == pytest.approx(0, abs=1e-3)


def test_one_joint_off_by_3_4_0_counts_as_5_mm() -> None:
    truth = poses(4)
    estimate = truth.copy()
    estimate[:, 5] += np.array([3, 4, 0], np.float32)
    figures = scores(predictions_of(estimate, truth))
    assert figures["mpjpe_mm"] == pytest.approx(5 / 17, rel=1e-3)
    assert figures["mpjpe_without_root_mm"] == pytest.approx(5 / 16, rel=1e-3)
    assert figures["per_joint_mm"]["left_knee"] == pytest.approx(5, rel=1e-3)
    assert figures["per_joint_mm"]["pelvis"] == 0.0
    assert figures["per_axis_mm"]["x"] == pytest.approx(3 / 17, rel=1e-3)
    assert figures["per_axis_mm"]["z"] == 0.0


def test_velocity_is_per_frame_at_50_hz_whatever_the_spacing() -> None:
    truth = np.zeros((6, 17, 3), np.float32)
    estimate = truth.copy()
    estimate[:, :, 0] = np.arange(6)[:, None] * 10.0
    figures = scores(
        predictions_of(estimate, truth, frame_index=np.arange(6) * 5, time_s=np.arange(6) * 0.1)
    )
    assert figures["mpjve_mm"] == pytest.approx(2.0)
    assert figures["mpjve_spacing_s"] == pytest.approx(0.1)
    assert figures["mpjve_pairs"] == 5


def test_velocity_leaves_out_gaps_and_other_cameras() -> None:
    truth = np.zeros((6, 17, 3), np.float32)
    estimate = truth.copy()
    estimate[3:] = 1000
    camera, frame = np.array(list("aaabbb")), np.array([0, 1, 2, 3, 4, 9])
    figures = scores(
        predictions_of(estimate, truth, camera_id=camera, frame_index=frame, time_s=frame / 50)
    )
    assert figures["mpjve_pairs"] == 3
    assert figures["mpjve_mm"] == 0.0


def test_frames_too_far_apart_have_no_velocity() -> None:
    truth = poses(4)
    figures = scores(
        predictions_of(truth, truth, frame_index=np.arange(4) * 50, time_s=np.arange(4.0))
    )
    assert figures["mpjve_mm"] is None
    assert figures["mpjve_pairs"] == 0


def test_exchanged_sides_are_counted() -> None:
    truth = poses(8)
    estimate = truth.copy()
    estimate[:2] = truth[:2, mirror_order()]
    assert swapped_share(estimate, truth) == {"legs": 0.25, "arms": 0.25}


def test_groups_hold_their_own_poses() -> None:
    truth = poses(4)
    estimate = truth + np.array([0, 0, 0, 10], np.float32)[:, None, None]
    figures = scores(
        predictions_of(estimate, truth, action=np.array(["Sit", "Walk", "Walk", "Walk"]))
    )
    assert figures["per_action"]["Sit"]["mpjpe_mm"] == 0.0
    assert figures["per_action"]["Walk"]["num_poses"] == 3
    assert figures["per_action"]["Walk"]["mpjpe_mm"] == pytest.approx(10 * 3**0.5 / 3, rel=1e-4)


def test_figures_are_the_same_however_many_poses_are_measured_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    truth, estimate = poses(23), poses(23, seed=1)
    sigma = np.full((23, 17), 300.0)
    predictions = predictions_of(
        estimate, truth, sigma_mm=sigma, camera_id=np.array(["a", "b"] * 12)[:23]
    )
    predictions.facts["trained_size_mm"] = 6000.0
    at_once = scores(predictions)
    monkeypatch.setattr(scores_module, "BLOCK", 5)
    in_fives = scores(predictions)
    assert str(in_fives.keys()) == str(at_once.keys())
    for name in ("mean_pose", "per_camera", "left_right_swapped_share", "within_radius_share"):
        for key, value in at_once[name].items():
            assert in_fives[name][key] == pytest.approx(value, rel=1e-12)
    numbers = [name for name, value in at_once.items() if isinstance(value, float)]
    assert "size_floor_mpjpe_mm" in numbers
    for name in numbers:
        assert in_fives[name] == pytest.approx(at_once[name], rel=1e-12)


def test_scoring_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 6000
    predictions = predictions_of(poses(count), poses(count, seed=1))
    monkeypatch.setattr(scores_module, "BLOCK", 250)
    tracemalloc.start()
    scores(predictions)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1000 * count  # bytes: 1.6 million in 1.6 GB


def test_predictions_survive_their_file(tmp_path: Path) -> None:
    before = predictions_of(poses(7), poses(7, seed=1))
    before.save(tmp_path / "predictions.npz")
    after = Predictions.load(tmp_path / "predictions.npz")
    assert (after.pose_pred_cam_mm == before.pose_pred_cam_mm).all()
    assert (after.sequence == before.sequence).all()
    assert after.facts["weights"] == "best.safetensors"
    assert list(tmp_path.iterdir()) == [tmp_path / "predictions.npz"]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    with pytest.raises(SourceError, match="no such file"):
        Predictions.load(path)
    path.write_text("<html>")
    with pytest.raises(SourceError, match="not a file of predictions"):
        Predictions.load(path)


def test_one_estimate_for_many_frames_is_warned_about() -> None:
    truth, estimate = poses(30), poses(30)
    estimate[4:16] = estimate[4]
    predictions = predictions_of(estimate, truth)
    assert longest_repeat(predictions) == slice(4, 16)
    (warning,) = evaluation(predictions)["warnings"]
    assert "12 following frames of S9 Walking 1 c1 (from frame 4)" in warning
    assert evaluation(predictions_of(truth, truth))["warnings"] == []


def test_a_person_who_stands_still_is_no_repeat() -> None:
    truth = np.repeat(poses(1), 30, axis=0)
    assert evaluation(predictions_of(truth, truth))["warnings"] == []


def test_the_title_names_data_split_subjects_poses_and_joints() -> None:
    figures = evaluation(predictions_of(poses(7), poses(7, seed=1)))
    assert title_of(figures) == "walkers (rendered people), split test: S9; 7 poses, 17 joints"
    assert all(len(row) == 3 for row in score_rows(figures))
    json.dumps(figures, allow_nan=False)


def test_trained_subjects_include_those_of_earlier_stages_but_not_of_another_world() -> None:
    recorded = {"subjects": ["S1"], "synthetic": False, "before": None}
    training = {
        "subjects": ["S5"],
        "synthetic": True,
        "before": {"subjects": ["S6"], "synthetic": True, "before": recorded},
    }
    assert trained_subjects(training, synthetic=True) == {"S5", "S6"}
    assert trained_subjects(training, synthetic=False) == {"S1"}


# --- with a data set on disk
# -----------------------------------------------------------------------------------------


def test_joints_within_the_stated_radius_are_counted_without_the_root() -> None:
    truth = poses(4)
    estimate = truth.copy()
    estimate[:, 1:, 0] += 100  # all joints but the root are off by as much
    sigma = np.full((4, 17), 150.0)
    sigma[2], sigma[3] = 60.0, 40.0
    assert within_radius(predictions_of(estimate, truth, sigma_mm=sigma)) == {
        "once": 0.5,
        "twice": 0.75,
    }
    assert within_radius(predictions_of(estimate, truth)) is None


def test_weights_without_places_have_no_errors_of_places() -> None:
    truth = poses(3)
    off_px = np.repeat([[0.0], [1.0], [5.0]], 17, axis=1)
    assert keypoint_errors(predictions_of(truth, truth, keypoint_error_px=off_px)) == {
        "mean": 2.0,
        "median": 1.0,
    }
    assert keypoint_errors(predictions_of(truth, truth)) is None


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "walkers")


def use_model(monkeypatch: pytest.MonkeyPatch, model: Guessing) -> None:
    monkeypatch.setattr(module, "load_model", lambda *_: model)


def test_the_view_frame_is_turned_back_into_the_camera(data: Path) -> None:
    @dataclass(frozen=True)
    class Oracle(Guessing):
        crops: Crops

        def estimate(self, images: np.ndarray) -> Estimate:
            crops = self.crops
            return replace(
                Estimate.of_poses(crops.pose_view_mm),
                keypoints_px=crops.keypoints_crop_px + 3,
                sigma_mm=np.full(crops.pose_view_mm.shape[:2], 9.0),
            )

    crops = read_crops(data, ["S9"])
    predictions = predicted(
        Oracle(model_of().facts, crops), crops, dict(FACTS), Console(quiet=True)
    )
    assert np.abs(predictions.pose_pred_cam_mm - predictions.pose_true_cam_mm).max() < 1e-3
    assert (
        np.allclose(predictions.keypoint_error_px, 18**0.5, atol=1e-3)
        and (predictions.sigma_mm == 9).all()
    )


def test_poses_of_nan_are_refused_before_they_are_written(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Astray(Guessing):
        def estimate(self, images: np.ndarray) -> Estimate:
            said = super().estimate(images)
            said.pose_mm[-1, 3] = np.nan
            return said

    use_model(monkeypatch, Astray(model_of().facts))
    with pytest.raises(CheckpointError, match=r"no poses \(pose_mm holds NaN"):
        evaluate(EvaluateSettings(Path("best.safetensors"), data, tmp_path / "evaluation"))
    assert not (tmp_path / "evaluation" / "predictions.npz").exists()


def test_evaluate_writes_predictions_and_every_promised_figure(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_model(monkeypatch, model_of())
    out = tmp_path / "evaluation"
    evaluate(EvaluateSettings(Path("best.safetensors"), data, out))
    figures = json.loads((out / "evaluation.json").read_text())
    promised = "mpjpe_mm pa_mpjpe_mm n_mpjpe_mm mean_pose_mpjpe_mm num_poses split weights per_joint_mm settings"
    assert set(promised.split()) <= figures.keys()
    assert figures["num_poses"] == 14
    assert figures["subjects"] == ["S9"]
    assert "walkers (rendered people), split test: S9; 14 poses, 17 joints" in " ".join(
        capsys.readouterr().out.split()
    )
    evaluate(EvaluateSettings(Path("gone.safetensors"), data, out, rescore=True, table=True))
    assert "LinKDE" in (out / "table.md").read_text() and "LinKDE" in capsys.readouterr().out
    assert json.loads((out / "evaluation.json").read_text())["mpjpe_mm"] == figures["mpjpe_mm"]


def test_the_figures_are_of_the_poses_that_were_predicted(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_model(monkeypatch, model_of())
    settings = EvaluateSettings(Path("best.safetensors"), data, tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(Predictions, "load", lambda _: predictions_of(poses(3), poses(3)))
        evaluate(settings)
    said = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert said["num_poses"] == 14
    evaluate(replace(settings, rescore=True))
    again = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert again.pop("settings") != said.pop("settings") and again == said


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_predicted(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []
    monkeypatch.setattr(module, "load_model", lambda *_: used.append(1))
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file/out: nothing can be written there"):
        evaluate(EvaluateSettings(Path("w.safetensors"), data, tmp_path / "file" / "out"))
    assert not used


def test_subjects_seen_in_training_are_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_model(monkeypatch, model_of())
    settings = EvaluateSettings(Path("w.safetensors"), data, tmp_path / "out", split="train")
    with pytest.raises(SettingsError, match="was trained on S1"):
        evaluate(settings)
    evaluate(replace(settings, allow_seen_subjects=True))
    (warning,) = json.loads((tmp_path / "out" / "evaluation.json").read_text())["warnings"]
    assert "say nothing about new people" in warning


def test_crops_that_repeat_while_the_person_moves_are_refused(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "walkers", same_picture=True)
    crops = read_crops(folder, ["S9"])
    predictions = predicted(model_of(), crops, dict(FACTS), Console(quiet=True))
    with pytest.raises(ShardError, match="same picture stands for 14 following frames"):
        check_repeats(predictions, folder)


@pytest.mark.parametrize(
    ("changes", "settings", "error", "message"),
    [
        ({"image_size": 64}, {}, CheckpointError, "take crops of 64 x 64"),
        ({}, {"subjects": ("S7",)}, SettingsError, "S7: not in the split 'test'"),
        ({}, {"data": Path("nowhere")}, ShardError, "nowhere"),
        (
            {"background": "masked_colour"},
            {},
            CheckpointError,
            "background masked_colour, .*removed",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict,
    settings: dict,
    error: type[Exception],
    message: str,
) -> None:
    use_model(monkeypatch, model_of(**changes))
    with pytest.raises(error, match=message):
        evaluate(replace(EvaluateSettings(Path("w.safetensors"), data, tmp_path / "o"), **settings))
    assert not (tmp_path / "o").exists()


def test_grey_crops_are_shown_to_weights_that_see_colours_and_that_is_said(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = []

    @dataclass(frozen=True)
    class Watching(Guessing):
        def estimate(self, images: np.ndarray) -> Estimate:
            shapes.append(images.shape[1:])
            return super().estimate(images)

    use_model(monkeypatch, Watching(model_of(background="colour").facts))
    evaluate(EvaluateSettings(Path("w.safetensors"), data, tmp_path / "out"))
    assert set(shapes) == {(3, 32, 32)}
    (warning,) = json.loads((tmp_path / "out" / "evaluation.json").read_text())["warnings"]
    assert "background colour, these have it removed" in warning


def test_crops_in_parts_are_predicted_as_all_at_once(data: Path) -> None:
    crops, quiet = read_crops(data, ["S9"]), Console(quiet=True)
    whole = predicted(model_of(), crops, dict(FACTS), quiet)
    halves = [crops.subset(slice(9, None)), crops.subset(slice(0, 9))]
    parts = predicted_in_parts(model_of(), halves, dict(FACTS), quiet, len(crops))
    for name, values in vars(whole).items():
        np.testing.assert_array_equal(getattr(parts, name), values)


def test_weights_of_another_kind_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"end in \.safetensors or \.onnx"):
        load_model(Path("model.pt"))


def test_the_size_floor_is_what_one_size_for_everybody_costs():
    truth = poses(6)
    grown = truth * np.float32(1.1)
    size_mm = float(body_size_mm(truth.astype(np.float64)).mean())
    assert size_floor_mm(truth[:1], float(body_size_mm(truth[:1])[0])) < 0.01
    assert size_floor_mm(grown[:1], float(body_size_mm(truth[:1])[0])) == pytest.approx(
        mpjpe_mm(grown[:1], truth[:1]), rel=1e-4
    )
    predictions = predictions_of(truth, truth)
    assert scores(predictions)["size_floor_mpjpe_mm"] is None
    known = replace(predictions, facts={**predictions.facts, "trained_size_mm": size_mm})
    assert scores(known)["size_floor_mpjpe_mm"] == pytest.approx(size_floor_mm(truth, size_mm))
