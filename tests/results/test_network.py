"""Exported weights: answers, what they say about themselves, and files that are no such weights;
the shipped ones see walkers they never saw.
"""

import json
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from results.onnx_files import FROM_ANKLES_MM, STANDING_MM, facts, write_onnx

from posegrid.body.estimate import Estimate
from posegrid.body.metrics import mpjpe_mm
from posegrid.body.skeleton import FEET_PARENTS, mirrored, relative_to_root
from posegrid.errors import CheckpointError
from posegrid.learning.checkpoint import load_checkpoint
from posegrid.people.crop import DEFAULT_MARGIN, grey, window_of_box
from posegrid.results import network as model_module
from posegrid.results.network import SHIPPED, SHIPPED_INT8, OnnxModel, load_onnx, without_background
from posegrid.walkers.clip import ClipPlan, film
from posegrid.walkers.render.crops import CropPlan, WalkerCrop, render_crops


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
    without = without_background(images)
    assert (without[:, 1] == images[:, 1]).all()
    assert (without[:, 0] == images[:, 0] * (images[:, 1] // 255)).all()
    unsure = np.array([[[[200]], [[51]]]], np.uint8)
    assert without_background(unsure).ravel().tolist() == [40, 51], "a fifth sure, a fifth bright"
    coloured = np.concatenate([np.repeat(images[:, :1], 3, axis=1), images[:, 1:]], axis=1)
    of_colours = without_background(coloured)
    assert (of_colours[:, :3] == without[:, :1]).all() and (of_colours[:, 3] == images[:, 1]).all()


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
    assert np.isnan(estimate.feet_mm).all() and estimate.feet_mm.shape == (2, 4, 3)


def test_weights_may_say_heels_and_toes(tmp_path):
    model = load_onnx(write_onnx(tmp_path / "feet.onnx", left_half_mm=100.0, feet=True))
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32), dtype=np.uint8)
    for said in (model.estimate(images), model.estimate_both(images)):
        from_ankles = said.feet_mm - said.pose_mm[:, list(FEET_PARENTS)]
        assert from_ankles == pytest.approx(np.tile(FROM_ANKLES_MM, (4, 1, 1)), abs=1e-3)


@pytest.mark.parametrize("feet_mm", [np.zeros((2, 3, 3)), np.full((2, 4, 3), np.nan)])
def test_feet_of_another_shape_or_no_numbers_are_refused(model, feet_mm):
    said = {"pose_mm": np.zeros((2, 17, 3)), "feet_mm": feet_mm}
    with pytest.raises(ValueError, match="feet_mm h"):
        model._check_answer(said, 2)


def test_an_estimate_mirrored_twice_is_itself():
    random = np.random.default_rng(0)
    estimate = Estimate(
        *(
            random.normal(0, 100, (3, *shape)).astype(np.float32)
            for shape in ((17, 3), (17, 2), (17,), (4, 3))
        )
    )
    once = estimate.mirrored(128)
    assert once.keypoints_px[0, 2] == pytest.approx(
        estimate.keypoints_px[0, 5] * [-1, 1] + [128, 0]
    )
    twice = once.mirrored(128)
    for name in ("pose_mm", "keypoints_px", "sigma_mm", "feet_mm"):
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


# --- the weights that come with the package


@pytest.fixture(scope="module")
def shipped() -> OnnxModel:
    return load_onnx()


@pytest.fixture(scope="module")
def crops() -> list[WalkerCrop]:
    """Crops of four people of a seed that no training used."""
    plan = CropPlan(num_crops=12, every_nth_frame=10, margin=DEFAULT_MARGIN, background="masked")
    people = [
        ClipPlan(seed=77_000, subject=f"S{i}", subaction=1, part=1, num_frames=30) for i in range(4)
    ]
    return [crop for person in people for crop in render_crops(film(person), plan, window_of_box)]


def view_poses_mm(crops: list[WalkerCrop]) -> np.ndarray:
    turns = [crop.camera.windowed(crop.window, 128).rotation_to_view() for crop in crops]
    return np.stack(
        [relative_to_root(c.pose_cam_mm) @ turn.T for c, turn in zip(crops, turns, strict=True)]
    )


def test_they_are_small_and_say_where_they_come_from(shipped: OnnxModel) -> None:
    assert Path(str(resources.files("posegrid") / "weights" / SHIPPED)).stat().st_size < 15e6
    assert shipped.facts.training["synthetic"] is True
    assert shipped.facts.margin == DEFAULT_MARGIN and shipped.facts.background == "masked"


def test_they_name_no_folder_of_the_machine_they_were_made_on(shipped: OnnxModel) -> None:
    text = json.dumps(asdict(shipped.facts))
    assert '"/' not in text and ":\\" not in text


@pytest.mark.parametrize("background", ["kept", "removed"])
def test_they_see_people_they_never_saw(
    shipped: OnnxModel, crops: list[WalkerCrop], background: str
) -> None:
    truth = view_poses_mm(crops)
    masks = np.stack([crop.mask for crop in crops])
    greys = np.stack([grey(crop.image) for crop in crops])
    shown = np.where((masks > 0) | (background == "kept"), greys, np.uint8(0))
    estimate = shipped.predict_mm(np.stack([shown, masks], axis=1))
    mean_pose = np.broadcast_to(shipped.facts.mean_pose(), truth.shape)
    assert len(crops) > 40
    assert mpjpe_mm(estimate, truth) < 0.45 * mpjpe_mm(mean_pose, truth)


def test_the_other_files_answer_alike(shipped: OnnxModel, crops: list[WalkerCrop]) -> None:
    """posegrid-m.safetensors to 0.1 mm; posegrid-m-int8.onnx as accurately to 5 % on these few
    people.
    """
    folder = Path(str(resources.files("posegrid") / "weights"))
    shown = np.stack([np.stack([grey(crop.image), crop.mask]) for crop in crops])
    answers = {}
    if (folder / "posegrid-m.safetensors").is_file():
        assert (folder / "posegrid-m.safetensors").stat().st_size < 15e6
        answers["safetensors"] = load_checkpoint(Path("posegrid-m")).predict_mm(shown)
        assert np.abs(answers["safetensors"] - shipped.predict_mm(shown)).max() < 0.1
    if (folder / f"{SHIPPED_INT8}.onnx").is_file():
        answers["int8"] = load_onnx(Path(SHIPPED_INT8)).predict_mm(shown)
        truth = view_poses_mm(crops)
        assert mpjpe_mm(answers["int8"], truth) < 1.05 * mpjpe_mm(shipped.predict_mm(shown), truth)
    if not answers:
        pytest.skip("neither posegrid-m.safetensors nor posegrid-m-int8.onnx is in the package")
