"""Exported weights: answers, what they say about themselves, and files that are no such weights."""

import json

import numpy as np
import pytest
from results.onnx_files import STANDING_MM, facts, write_onnx

from posegrid.body.estimate import Estimate
from posegrid.body.skeleton import mirrored
from posegrid.errors import CheckpointError
from posegrid.results import network as model_module
from posegrid.results.network import _without_background, load_onnx


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_onnx(
        write_onnx(tmp_path_factory.mktemp("weights") / "made.onnx", left_half_mm=100.0)
    )


def test_black_crops_give_the_standing_pose(model):
    poses = model.predict_mm(np.zeros((3, 32, 32), np.uint8))
    assert poses.shape == (3, 17, 3) and poses.dtype == np.float32
    assert poses == pytest.approx(np.broadcast_to(STANDING_MM, (3, 17, 3)), abs=1e-3)


def test_crops_are_handed_over_as_zero_to_one(model):
    images = np.zeros((1, 32, 32), np.uint8)
    images[:, :, :16] = 255
    assert model.predict_mm(images)[0, :, 0] == pytest.approx(STANDING_MM[:, 0] + 100, abs=1e-2)


def test_both_looks_are_the_mean_over_the_mirror_image(model):
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32), dtype=np.uint8)
    expected = (
        model.predict_mm(images) + mirrored(model.predict_mm(images[:, :, ::-1].copy()))
    ) / 2
    assert model.estimate_both(images).pose_mm == pytest.approx(expected, abs=1e-3)


def test_the_mirror_image_is_shown_without_its_background_where_there_are_masks():
    images = np.random.default_rng(0).integers(1, 256, (4, 2, 8, 8), dtype=np.uint8)
    images[:, 1] = 255 * (images[:, 1] > 128)
    without = _without_background(images)
    assert (without[:, 1] == images[:, 1]).all()
    assert (without[:, 0] == images[:, 0] * (images[:, 1] // 255)).all()


def test_only_the_crops_asked_for_are_shown_mirrored(model):
    images = np.random.default_rng(1).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    some = model.estimate(images, np.array([False, True, False]))
    assert some.pose_mm[[0, 2]] == pytest.approx(model.predict_mm(images[[0, 2]]), abs=1e-3)
    assert some.pose_mm[1] == pytest.approx(
        mirrored(model.predict_mm(images[1:2, :, ::-1].copy()))[0], abs=1e-3
    )
    assert not np.allclose(some.pose_mm[1], model.predict_mm(images)[1], atol=1.0)


def test_what_the_weights_do_not_say_is_nan(model):
    estimate = model.estimate(np.zeros((2, 32, 32), np.uint8))
    assert np.isnan(estimate.keypoints_px).all() and estimate.keypoints_px.shape == (2, 17, 2)
    assert np.isnan(estimate.sigma_mm).all() and estimate.sigma_mm.shape == (2, 17)


def test_an_estimate_mirrored_twice_is_itself():
    random = np.random.default_rng(0)
    estimate = Estimate(
        *(random.normal(0, 100, (3, 17, *more)).astype(np.float32) for more in ((3,), (2,), ()))
    )
    once = estimate.mirrored(128)
    assert once.keypoints_px[0, 2] == pytest.approx(
        estimate.keypoints_px[0, 5] * [-1, 1] + [128, 0]
    )
    twice = once.mirrored(128)
    for name in ("pose_mm", "keypoints_px", "sigma_mm"):
        assert getattr(twice, name) == pytest.approx(getattr(estimate, name), abs=1e-3)


def test_no_crops_give_no_poses(model):
    assert model.predict_mm(np.zeros((0, 32, 32), np.uint8)).shape == (0, 17, 3)


def test_facts_and_name_come_with_the_weights(model):
    assert model.facts == facts() and model.name == "made.onnx"


def test_crops_of_another_size_are_refused(model):
    with pytest.raises(
        CheckpointError, match=r"crops of 32 x 32 px .* not of the shape \(16, 16\)"
    ):
        model.predict_mm(np.zeros((1, 16, 16), np.uint8))


def test_the_shipped_weights_are_found_or_their_absence_said():
    try:
        assert load_onnx().facts.skeleton == "human36m_17"
    except CheckpointError as error:
        assert "has no weights" in str(error)


def test_missing_shipped_weights_are_an_error(monkeypatch):
    monkeypatch.setattr(model_module, "SHIPPED", "no-such.onnx")
    with pytest.raises(CheckpointError, match=r"has no weights.*`weights`"):
        load_onnx()


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match=r"none\.onnx is no file"):
        load_onnx(tmp_path / "none.onnx")


def test_a_checkpoint_is_told_from_an_export(tmp_path):
    with pytest.raises(CheckpointError, match="posegrid export"):
        load_onnx(tmp_path / "best.safetensors")


@pytest.mark.parametrize("content", [b"", b"no onnx at all", bytes(1000)])
def test_a_damaged_file_is_an_error(tmp_path, content):
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"damaged\.onnx"):
        load_onnx(path)


def test_a_file_cut_short_is_an_error(tmp_path):
    path = write_onnx(tmp_path / "cut.onnx")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(CheckpointError, match=r"cut\.onnx"):
        load_onnx(path)


def test_an_onnx_file_of_somebody_else_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="not of posegrid"):
        load_onnx(write_onnx(tmp_path / "other.onnx", metadata=""))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"skeleton": "coco_17"}, "coco_17"),
        ({"image_size": 64}, "expected image"),
    ],
)
def test_facts_that_do_not_fit_are_refused(tmp_path, change, message):
    text = json.dumps({**json.loads(facts().to_json()), **change})
    with pytest.raises(CheckpointError, match=message):
        load_onnx(write_onnx(tmp_path / "changed.onnx", metadata=text))
