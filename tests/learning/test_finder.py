import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import posegrid
from posegrid import cli
from posegrid.errors import CheckpointError, SourceError
from posegrid.learning import finder_data
from posegrid.learning.finder_data import (
    SceneBatch,
    SceneFolders,
    SceneStream,
    batch_of,
    mirrored_batch,
    second_look,
)
from posegrid.learning.finder_evaluation import (
    KINDS,
    HeldOut,
    average_precision,
    contrast,
    evaluate_kind,
    evaluate_second_look,
    iou,
    onnx_answer,
    peaks,
)
from posegrid.learning.finder_export import INPUTS, export_finder, rounded
from posegrid.learning.finder_network import Answers, FinderNetwork, Widths, decode
from posegrid.learning.finder_target import Truth, Truths, box_of, losses, truth_of
from posegrid.learning.finder_training import (
    STATE,
    FinderTraining,
    averaged_network,
    facts_of_state,
    load_state,
    progress,
    rate_at,
    train_finder,
)
from posegrid.learning.finder_training import _begun as begun
from posegrid.learning.model_facts import METADATA_KEY
from posegrid.walkers.scenes.compose import Scene
from tests.walkers.scenes.made_up_scenes import library, surroundings, write_folders

SMALL = Widths((8, 8, 16, 16), (8, 8, 8))


def boxes_cover(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    cover = np.zeros((len(boxes), 96, 128), np.float32)
    for layer, (x0, y0, x1, y1) in zip(cover, boxes, strict=True):
        layer[y0:y1, x0:x1] = 1
    return cover


def certain(truth: Truth) -> Answers:
    """Answers that are as sure of the truth as can be."""

    def sure(chance: np.ndarray) -> torch.Tensor:
        return torch.logit(torch.from_numpy(np.asarray(chance, np.float32)).clamp(1e-4, 1 - 1e-4))

    box = torch.from_numpy(truth.box)[None]
    return Answers(
        mask=sure(truth.mask)[None, None],
        centre=sure(truth.centre)[None, None],
        offset=box[:, :2],
        size=box[:, 2:],
        owner=torch.from_numpy(truth.owner)[None],
        seen=sure(truth.seen)[None],
    )


def tensors(truth: Truth) -> Truths:
    return Truths(*(torch.from_numpy(np.asarray(part))[None] for part in truth))


# --- target ---------------------------------------------------------------------------------------


def test_boxes_and_centres_come_back_from_the_truth() -> None:
    wanted = [(10, 20, 30, 80), (60, 12, 101, 90), (110, 40, 118, 60)]
    truth = truth_of(boxes_cover(*wanted), np.array([[1, 0], [1, 1], [0, 1]], np.float32))
    out = [part.numpy()[0] for part in decode(certain(truth))]
    found = peaks(out[1], out[2], out[4], 0.5)
    assert len(found.box) == 3
    for box, seen in zip(wanted, ((1, 0), (1, 1), (0, 1)), strict=True):
        best = int(np.argmax([iou(np.array(box, float), other) for other in found.box]))
        np.testing.assert_allclose(found.box[best], box, atol=1e-3)
        np.testing.assert_array_equal(found.seen[best] > 0.5, np.array(seen) > 0)


def test_every_pixel_points_at_its_owner() -> None:
    truth = truth_of(boxes_cover((0, 20, 40, 80), (40, 20, 100, 80)), np.ones((2, 2), np.float32))
    owner = decode(certain(truth)).owner.numpy()[0]
    np.testing.assert_allclose(owner[:, 12, 3], [20, 50], atol=1e-3)
    np.testing.assert_allclose(owner[:, 12, 20], [70, 50], atol=1e-3)
    assert truth.owned[0, 0] == 0


def test_hardly_anybody_has_no_centre_but_a_mask() -> None:
    truth = truth_of(boxes_cover((5, 5, 7, 8)), np.zeros((1, 2), np.float32))
    assert box_of(boxes_cover((5, 5, 7, 8))[0]) is None
    assert truth.centre.max() == 0
    assert truth.mask.sum() == 6


def test_the_truth_has_the_least_loss() -> None:
    cover = boxes_cover((10, 20, 30, 80), (60, 12, 101, 90))
    truth = truth_of(cover, np.ones((2, 2), np.float32))
    best = losses(certain(truth), tensors(truth))
    assert float(best.box) == pytest.approx(0, abs=1e-6)
    assert float(best.owner) == pytest.approx(0, abs=1e-6)
    assert float(best.overlap) < 0.01
    other = truth_of(boxes_cover((14, 20, 34, 80), (60, 18, 101, 96)), np.ones((2, 2), np.float32))
    worse = losses(certain(other), tensors(truth))
    for name in ("mask", "overlap", "centre", "box", "owner"):
        assert float(getattr(worse, name)) > float(getattr(best, name))


def test_an_empty_scene_has_a_loss_too() -> None:
    truth = truth_of(np.zeros((0, 64, 64), np.float32), np.zeros((0, 2), np.float32))
    assert torch.isfinite(losses(certain(truth), tensors(truth)).total)


# --- network --------------------------------------------------------------------------------------


def pictures(count: int = 2, high: int = 64, wide: int = 96) -> tuple[torch.Tensor, ...]:
    draw = torch.Generator().manual_seed(0)
    shape = (count, 3, high, wide)
    frame, reference = (
        torch.randint(0, 256, shape, generator=draw, dtype=torch.uint8) for _ in range(2)
    )
    known, prior = (
        torch.randint(0, 2, (count, 1, high, wide), generator=draw, dtype=torch.uint8)
        for _ in range(2)
    )
    return frame, reference, known, prior


def test_the_network_is_small_and_answers_at_its_strides() -> None:
    network = FinderNetwork().eval()
    assert sum(p.numel() for p in network.parameters()) < 1_500_000
    answers = network(*pictures())
    assert answers.mask.shape == (2, 1, 64, 96)
    assert answers.centre.shape == (2, 1, 16, 24)
    assert {part.shape[1:] for part in answers[2:]} == {(2, 16, 24)}


def test_what_is_not_known_does_not_matter() -> None:
    network = FinderNetwork(SMALL).eval()
    frame, reference, known, prior = pictures()
    hidden = reference.clone()
    hidden[(known == 0).expand_as(hidden)] = 7
    for one, other in zip(
        network(frame, reference, known, prior), network(frame, hidden, known, prior), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_every_parameter_learns() -> None:
    network = FinderNetwork(SMALL)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(module.weight)
    truth = truth_of(boxes_cover((10, 20, 30, 80))[:, :64, :96], np.ones((1, 2), np.float32))
    losses(network(*pictures(1)), tensors(truth)).total.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_one_batch_can_be_learnt_by_heart() -> None:
    torch.manual_seed(0)
    network = FinderNetwork(SMALL)
    cover = boxes_cover((20, 12, 44, 60), (60, 20, 80, 50))[:, :64, :96]
    truth = tensors(truth_of(cover, np.ones((2, 2), np.float32)))
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    frame = torch.from_numpy((40 + 150 * cover.sum(0)).astype(np.uint8))[None, None]
    frame = frame.expand(1, 3, -1, -1)
    blank = torch.zeros(1, 1, 64, 96, dtype=torch.uint8)
    for _ in range(120):
        optimiser.zero_grad()
        losses(network(frame, frame * 0, blank, blank), truth).total.backward()
        optimiser.step()
    out = decode(network(frame, frame * 0, blank, blank))
    mask, wanted = out.person[0, 0] > 0.5, torch.from_numpy(cover.sum(0)) > 0.5
    assert (mask & wanted).sum() / (mask | wanted).sum() > 0.9
    found = peaks(*(part.detach().numpy()[0] for part in (out.centre, out.box, out.seen)), 0.5)
    assert len(found.box) == 2
    assert max(iou(np.array([20, 12, 44, 60.0]), box) for box in found.box) > 0.8


# --- data -----------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SceneFolders:
    """Made-up people and places; batches of two pictures of 64 x 96."""
    write_folders(tmp_path)
    for name in ("FIRST", "SECOND", "SMALL_FIRST", "SMALL_SECOND"):
        monkeypatch.setattr(finder_data, f"{name}_SHAPES", {(64, 96): 1.0})
    for name in ("FIRST_PIXELS", "SECOND_PIXELS"):
        monkeypatch.setattr(finder_data, name, 2 * 64 * 96)
    return SceneFolders(tmp_path / "backgrounds", tmp_path / "people")


def test_batches_follow_from_seed_and_number(folders: SceneFolders) -> None:
    one, other, shifted = (iter(SceneStream(folders, "train", 5, first)) for first in (0, 0, 1))
    first, again, second = next(one), next(other), next(shifted)
    for a, b in zip(first[:4], again[:4], strict=True):
        assert torch.equal(a, b)
    for a, b in zip(next(one)[:4], second[:4], strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.frame, second.frame)


def test_first_looks_have_no_prior_and_second_looks_have_one(folders: SceneFolders) -> None:
    for number in range(4):
        batch = batch_of(number, 0, library(), surroundings())
        assert bool(batch.prior.any()) == (number % 2 == 1)
        assert batch.frame.shape == batch.reference.shape == (2, 3, 64, 96)
        assert batch.truth.mask.shape == (2, 64, 96)


def test_a_mirrored_batch_is_the_truth_about_mirrored_scenes(folders: SceneFolders) -> None:
    cover, seen = boxes_cover((10, 20, 32, 80), (60, 12, 101, 90)), np.ones((2, 2), np.float32)
    blank = torch.zeros(1, 1, 96, 128, dtype=torch.uint8)
    batch = SceneBatch(blank, blank, blank, blank, tensors(truth_of(cover, seen)))
    wanted = tensors(truth_of(cover[..., ::-1].copy(), seen))
    flipped = mirrored_batch(batch).truth
    for name, one, other in zip(Truth._fields, flipped, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=0.02, rtol=0, msg=name)
    for one, other in zip(mirrored_batch(mirrored_batch(batch)).truth, batch.truth, strict=True):
        assert torch.equal(one, other)


def test_a_second_look_asks_for_the_person_in_the_prior() -> None:
    inside = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        scene, prior, truth = second_look(rng, library(), surroundings(), (96, 96))
        assert isinstance(scene, Scene)
        if truth.mask.sum() > 50:
            inside.append((truth.mask * prior).sum() / truth.mask.sum())
    assert len(inside) > 15
    assert np.mean(inside) > 0.8


# --- training, state, export ----------------------------------------------------------------------


@pytest.fixture
def settings(folders: SceneFolders, tmp_path: Path) -> FinderTraining:
    run = tmp_path / "run"
    return FinderTraining(folders.cut_outs, folders.backgrounds, run, samples=8, workers=0)


def test_training_goes_on_where_it_stopped(settings: FinderTraining) -> None:
    path = train_finder(settings)
    assert facts_of_state(path)["samples"] == 8
    whole = train_finder(replace(settings, samples=16, run=settings.run.parent / "whole"))
    begun_state = load_state(path, begun(settings, path))
    assert begun_state.step == 4
    on = train_finder(replace(settings, samples=16))
    assert facts_of_state(on)["samples"] == facts_of_state(whole)["samples"] == 16
    assert averaged_network(on).training is False
    assert (settings.run / "posegrid-find.onnx").stat().st_size < 4_000_000


def test_another_network_is_refused(settings: FinderTraining, tmp_path: Path) -> None:
    path = train_finder(settings)
    state = begun(settings, tmp_path / "nothing")
    state.network = FinderNetwork(SMALL)
    with pytest.raises(CheckpointError, match="another network"):
        load_state(path, state)


def test_weights_in_16_bits_are_where_another_training_begins(settings: FinderTraining) -> None:
    train_finder(settings)
    weights = settings.run / "posegrid-find.safetensors"
    assert weights.stat().st_size < 4_000_000
    again = replace(settings, init=weights, run=settings.run.parent / "again")
    state, whole = begun(again, again.run / "nothing"), averaged_network(settings.run / STATE)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(
            state.network.state_dict()[name], value, rtol=1e-3, atol=1e-3, msg=name
        )
    assert train_finder(again).exists()


def test_no_weights_are_refused(settings: FinderTraining, tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="holds no weights"):
        begun(replace(settings, init=tmp_path / "bad.safetensors"), tmp_path / "nothing")


def test_the_rate_rises_and_falls(settings: FinderTraining, tmp_path: Path) -> None:
    assert rate_at(2e-3, 0, 0.0) < 1e-5
    assert rate_at(2e-3, 5000, 0.5) == pytest.approx(1e-3)
    assert rate_at(2e-3, 9000, 1.0) == pytest.approx(2e-5)
    state = begun(settings, tmp_path / "nothing")
    state.samples, state.seconds = 4, 45.0
    assert progress(settings, state) == 0.5
    assert progress(replace(settings, minutes=1.0), state) == 0.75


def test_the_onnx_file_answers_as_torch_does_for_any_size(tmp_path: Path) -> None:
    network = FinderNetwork(SMALL)
    with torch.no_grad():
        for _ in range(3):
            network.train()(*pictures(4))
    path = tmp_path / "find.onnx"
    assert export_finder(network.eval(), path, {"start": 0.45}, {"samples": 3}) < 2e-3
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    facts = json.loads(session.get_modelmeta().custom_metadata_map[METADATA_KEY])
    assert facts["kind"] == "finder" and facts["format"] == 1
    assert facts["thresholds"] == {"start": 0.45}
    for high, wide in ((64, 96), (128, 32)):
        given = pictures(3, high, wide)
        answers = session.run(None, dict(zip(INPUTS, (p.numpy() for p in given), strict=True)))
        ours = decode(rounded(network)(*given))
        for answer, own in zip(answers, ours, strict=True):
            np.testing.assert_allclose(answer, own.detach().numpy(), rtol=2e-3, atol=2e-3)


def test_the_shipped_weights_are_small_and_know_what_they_are() -> None:
    path = Path(posegrid.__file__).parent / "weights" / "posegrid-find.onnx"
    assert path.stat().st_size < 4_000_000
    answer, least = onnx_answer(path)
    assert 0 < least < 1
    frame = np.full((1, 3, 96, 64), 128, np.uint8)
    blank = np.zeros((1, 1, 96, 64), np.uint8)
    out = answer(frame, frame, blank + 1, blank)
    assert out["person"].shape == (1, 1, 96, 64)
    assert out["box"].shape == (1, 4, 24, 16)
    assert out["person"].mean() < 0.05  # nobody before an empty scene


# --- evaluation -----------------------------------------------------------------------------------


def test_overlap_of_boxes() -> None:
    one, other = np.array([0, 0, 10, 10.0]), np.array([5, 0, 15, 10.0])
    assert iou(one, other) == pytest.approx(50 / 150)
    assert iou(one, one) == 1
    assert iou(one, other + 20) == 0


def test_average_precision_by_hand() -> None:
    score, hit = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    assert average_precision(score, hit, 2) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(score, hit, 4) == pytest.approx((1 + 2 / 3) / 4)
    assert average_precision(score[:0], hit[:0], 4) == 0


def test_who_always_knows_is_always_right(folders: SceneFolders) -> None:
    held_out = HeldOut.load(folders, "validation")
    kind = "several in a crowd"
    scenes = list(held_out.scenes(kind, 3))
    right = iter([decode(certain(truth_of(s.cover, s.seen))) for s in scenes])

    def answer(*_: np.ndarray) -> dict[str, np.ndarray]:
        out = next(right)
        return {name: part.numpy() for name, part in zip(out._fields, out, strict=True)}

    figures = evaluate_kind(answer, kind, iter(scenes), 0.45)
    assert figures.people > 3
    assert figures.found > 0.85
    assert figures.mask_iou > 0.99
    assert figures.false_per_frame == 0


def test_who_sees_nobody_finds_nobody(folders: SceneFolders) -> None:
    held_out = HeldOut.load(folders, "validation")

    def answer(frame: np.ndarray, *_: np.ndarray) -> dict[str, np.ndarray]:
        high, wide = frame.shape[2:]
        names = {"person": 1, "centre": 1, "box": 4, "owner": 2, "seen": 2}
        return {
            name: np.zeros(
                (1, count, *((high, wide) if name == "person" else (high // 4, wide // 4)))
            )
            for name, count in names.items()
        }

    kind = next(iter(KINDS))
    figures = evaluate_kind(answer, kind, held_out.scenes(kind, 3), 0.45)
    assert figures.found == figures.average_precision == figures.false_per_frame == 0
    looks = evaluate_second_look(answer, held_out, 6)
    assert looks.mask_iou == 0
    assert looks.false_masks == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "holds no panoramas/*.jpg or no textures/*"),
        (["--samples", "0"], "samples is 0; expected at least 1"),
        (["--minutes", "-1"], "minutes is -1.0; expected a number above 0"),
    ],
)
def test_training_that_cannot_start_leaves_no_run(tmp_path, capsys, flags, message) -> None:
    run_folder = tmp_path / "run"
    call = [
        "train",
        "--target",
        "finder",
        str(tmp_path),
        "--backgrounds",
        str(tmp_path),
        "--run",
        str(run_folder),
    ]
    assert cli.run([*call, *flags]) == 1
    assert message in capsys.readouterr().err and not run_folder.exists()


def test_people_that_are_missing_are_named_with_what_makes_them(tmp_path: Path) -> None:
    for name in ("panoramas/any.jpg", "textures/any.jpg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match=r"holds no people W\*\.npz; `posegrid scenes"):
        SceneFolders(tmp_path, tmp_path).check("train")


def test_weights_of_poses_are_no_finders() -> None:
    weights = Path(posegrid.__file__).parent / "weights" / "posegrid-m.onnx"
    with pytest.raises(CheckpointError, match="holds no finder's weights"):
        onnx_answer(weights)


@pytest.mark.parametrize(("inside", "outside"), [(200, 40), (40, 200), (120, 120)])
def test_contrast_is_the_step_along_the_outline(inside: int, outside: int) -> None:
    mask = np.zeros((60, 60), bool)
    mask[20:40, 15:45] = True
    frame = np.full((60, 60, 3), outside, np.uint8)
    frame[mask] = inside
    assert contrast(frame, mask) == pytest.approx(abs(inside - outside))


def test_contrast_is_that_of_the_colour_that_differs_most_and_of_most_of_the_outline() -> None:
    mask = np.zeros((60, 60), bool)
    mask[20:40, 15:45] = True
    frame = np.full((60, 60, 3), 90, np.uint8)
    frame[mask] = (90, 140, 90)
    assert contrast(frame, mask) == pytest.approx(50)
    frame[:, 25:] = 90  # two thirds of the outline are gone
    assert contrast(frame, mask) < 1
    assert contrast(frame, np.zeros((60, 60), bool)) == 0
