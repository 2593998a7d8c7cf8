import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import posegrid
from posegrid import cli
from posegrid.errors import CheckpointError, OutputError, SourceError
from posegrid.learning import finder_data, finder_training
from posegrid.learning.checkpoint import load_facts, save_checkpoint
from posegrid.learning.devices import Devices
from posegrid.learning.finder_data import (
    SceneBatch,
    SceneBatches,
    SceneFolders,
    Scenes,
    batch_at,
    batch_of,
    collate,
    mean_batch_size,
    mirrored_batch,
    second_look,
)
from posegrid.learning.finder_evaluation import (
    KINDS,
    EvaluateFinderSettings,
    HeldOut,
    average_precision,
    contrast,
    detected,
    evaluate_finder,
    evaluate_kind,
    evaluate_second_look,
    onnx_answer,
)
from posegrid.learning.finder_export import INPUTS, FinderFacts, export_finder, rounded
from posegrid.learning.finder_network import Decoded, FinderModule, RawAnswers, Widths, decode
from posegrid.learning.finder_target import Truth, Truths, losses, truth_of, wanted_box
from posegrid.learning.finder_training import (
    FinderStage,
    begun_stage,
    load_finder_module,
    train_finder,
)
from posegrid.learning.model_facts import METADATA_KEY
from posegrid.learning.run import Record
from posegrid.learning.training_settings import FinderSettings
from posegrid.people.looks import iou
from posegrid.walkers.scenes.compose import Scene
from tests.walkers.scenes.made_up_scenes import library, surroundings, write_folders

SMALL = Widths((8, 8, 16, 16), (8, 8, 8))


def boxes_cover(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    cover = np.zeros((len(boxes), 96, 128), np.float32)
    for layer, (x0, y0, x1, y1) in zip(cover, boxes, strict=True):
        layer[y0:y1, x0:x1] = 1
    return cover


def certain(truth: Truth) -> RawAnswers:
    """Answers that are as sure of the truth as can be."""

    def sure(chance: np.ndarray) -> torch.Tensor:
        return torch.logit(torch.from_numpy(np.asarray(chance, np.float32)).clamp(1e-4, 1 - 1e-4))

    box = torch.from_numpy(truth.box)[None]
    return RawAnswers(
        mask=sure(truth.mask)[None, None],
        centre=sure(truth.centre)[None, None],
        offset=box[:, :2],
        size=box[:, 2:],
        owner=torch.from_numpy(truth.owner)[None],
        seen=sure(truth.seen)[None],
    )


def tensors(truth: Truth) -> Truths:
    return Truths(*(torch.from_numpy(np.asarray(part))[None] for part in truth))


def arrays(out: Decoded) -> dict[str, np.ndarray]:
    """Answers as the ONNX file gives them."""
    return {name: part.detach().numpy() for name, part in out._asdict().items()}


# --- target ---------------------------------------------------------------------------------------


def test_boxes_and_centres_come_back_from_the_truth() -> None:
    wanted = [(10, 20, 30, 80), (60, 12, 101, 90), (110, 40, 118, 60)]
    truth = truth_of(boxes_cover(*wanted), np.array([[1, 0], [1, 1], [0, 1]], np.float32))
    found = detected(arrays(decode(certain(truth))), 0.5)
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
    assert wanted_box(boxes_cover((5, 5, 7, 8))[0]) is None
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
    network = FinderModule().eval()
    assert sum(p.numel() for p in network.parameters()) < 1_500_000
    answers = network(*pictures())
    assert answers.mask.shape == (2, 1, 64, 96)
    assert answers.centre.shape == (2, 1, 16, 24)
    assert {part.shape[1:] for part in answers[2:]} == {(2, 16, 24)}


def test_what_is_not_known_does_not_matter() -> None:
    network = FinderModule(SMALL).eval()
    frame, reference, known, prior = pictures()
    hidden = reference.clone()
    hidden[(known == 0).expand_as(hidden)] = 7
    for one, other in zip(
        network(frame, reference, known, prior), network(frame, hidden, known, prior), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_every_parameter_learns() -> None:
    network = FinderModule(SMALL)
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
    network = FinderModule(SMALL)
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
    found = detected(arrays(out), 0.5)
    assert len(found.box) == 2
    assert max(iou(np.array([20, 12, 44, 60.0]), box) for box in found.box) > 0.8


# --- data -----------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SceneFolders:
    """Made-up people and places; batches of two pictures of 64 x 96, mirrored three steps later."""
    monkeypatch.setattr(finder_data, "LATER", 3)
    write_folders(tmp_path)
    for name in ("FIRST", "SECOND", "SMALL_FIRST", "SMALL_SECOND"):
        monkeypatch.setattr(finder_data, f"{name}_SHAPES", {(64, 96): 1.0})
    for name in ("FIRST_PIXELS", "SECOND_PIXELS"):
        monkeypatch.setattr(finder_data, name, 2 * 64 * 96)
    return SceneFolders(tmp_path / "backgrounds", tmp_path / "people")


def same(one: SceneBatch, other: SceneBatch) -> bool:
    pairs = zip((*one[:4], *one.truth), (*other[:4], *other.truth), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_batches_follow_from_seed_and_number(folders: SceneFolders) -> None:
    first, second = Scenes(folders, "train", 5).ahead(range(2), 0)
    (again,) = Scenes(folders, "train", 5).ahead([1], 0)
    assert same(second, again) and not same(first, second)


def test_every_batch_is_seen_twice_in_the_same_order() -> None:
    shown = [batch_at(step) for step in range(400)]
    assert shown[:41] == [(number, False) for number in range(41)]
    assert shown[41:45] == [(0, True), (41, False), (1, True), (42, False)]
    for mirrored in (False, True):
        numbers = [number for number, is_mirrored in shown if is_mirrored == mirrored]
        assert numbers == list(range(len(numbers)))


def test_whoever_goes_on_at_a_step_sees_the_same_batches(folders: SceneFolders) -> None:
    whole = SceneBatches(Scenes(folders, "train", 5), 1)
    seen = [whole.at(step) for step in range(11)]
    assert same(seen[4], mirrored_batch(seen[0])) and same(seen[6], mirrored_batch(seen[1]))
    for first in (2, 4, 7, 8):
        later = SceneBatches(Scenes(folders, "train", 5), 0)
        assert all(same(later.at(step), seen[step]) for step in range(first, 11))


def test_the_mean_size_of_batches_follows_from_the_shapes() -> None:
    assert mean_batch_size() == pytest.approx(24.2175)


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
def settings(
    folders: SceneFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> FinderSettings:
    """12 steps in 6 rounds; normalisation is held from the fourth on."""
    monkeypatch.setattr(finder_training, "VALIDATION_BATCHES", 4)
    monkeypatch.setattr(finder_training, "FREEZE", 14)
    few = {"samples": 24, "workers": 0, "threads": 1}
    run = tmp_path / "run"
    return FinderSettings(folders.cut_outs, run, backgrounds=folders.backgrounds, **few)  # type: ignore[arg-type]


def rows_of(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [{name: row[name] for name in row if "seconds" not in name} for row in rows]


def test_a_run_resumed_after_a_stop_ends_as_an_undisturbed_one(
    settings: FinderSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_finder(replace(settings, run=tmp_path / "whole"))
    assert whole.stat().st_size < 4_000_000 and whole.name == "posegrid-find.onnx"

    def stop(record: Record, *_: object) -> None:
        if len(record.rows) == 3:
            raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(Record, "_tell", stop)
        with pytest.raises(RuntimeError, match="the power went"):
            train_finder(settings)
    train_finder(replace(settings, resume=True))
    rows = rows_of(settings.run)
    assert rows == rows_of(whole.parent) and rows[-1]["images"] == "24"
    assert {"train_loss", "validation_loss", "validation_mask_iou"} < set(rows[0])
    one, other = (
        load_finder_module(run / "last.safetensors") for run in (settings.run, whole.parent)
    )
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_normalisation_is_held_after_so_many_samples(folders: SceneFolders) -> None:
    stage = FinderStage(FinderModule(SMALL), Devices(torch.device("cpu"))).train()
    batch = batch_of(0, 0, library(), surroundings())
    norm = stage.network.down4.norm
    moved = []
    for seen in (0, finder_training.FREEZE - 1, finder_training.FREEZE):
        before = norm.running_mean.clone()
        stage.seen.fill_(seen)
        stage(batch)
        assert stage.seen == seen + 2
        moved.append(not torch.equal(norm.running_mean, before))
    assert moved == [True, True, False]


def test_masks_are_measured_where_somebody_is(folders: SceneFolders) -> None:
    stage = FinderStage(FinderModule(SMALL), Devices(torch.device("cpu"))).eval()
    cover = boxes_cover((20, 12, 60, 60))[:, :64, :96]
    truths = [truth_of(each, np.ones((1, 2), np.float32)) for each in (cover, 0 * cover)]
    blank = torch.zeros(2, 1, 64, 96, dtype=torch.uint8)
    truth = Truths(*map(torch.cat, zip(*map(tensors, truths), strict=True)))
    batch = SceneBatch(blank.expand(2, 3, -1, -1), blank.expand(2, 3, -1, -1), blank, blank, truth)
    with torch.no_grad():
        stage.network.mask.weight.zero_()
        for bias, iou_of_all in ((-1.0, 0.0), (1.0, 40 * 48 / (64 * 96))):
            stage.network.mask.bias.fill_(bias)
            assert stage.measured(batch)[1].tolist() == pytest.approx([iou_of_all])


def test_weights_in_16_bits_are_where_another_training_begins(settings: FinderSettings) -> None:
    weights = train_finder(settings).with_suffix(".safetensors")
    assert weights.stat().st_size < 4_000_000
    again = replace(settings, init=weights, run=settings.run.parent / "again")
    stage = begun_stage(again, Devices(torch.device("cpu")))
    best = load_finder_module(settings.run / "best.safetensors").state_dict()
    for name, value in stage.network.state_dict().items():
        torch.testing.assert_close(value, best[name], rtol=1e-3, atol=1e-3, msg=name)
    assert stage.seen == finder_training.FREEZE
    assert train_finder(again).exists()


def test_no_weights_and_those_of_another_network_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"nothing of the kind")
    save_checkpoint(tmp_path / "small.safetensors", FinderModule(SMALL), FinderFacts())
    for name in ("bad", "small", "none"):
        with pytest.raises(CheckpointError, match=f"{name}.safetensors holds no weights of"):
            load_finder_module(tmp_path / f"{name}.safetensors")
    with pytest.raises(CheckpointError, match="description lacks"):
        load_facts(tmp_path / "small.safetensors")


def test_weights_of_nan_are_neither_loaded_nor_exported(tmp_path: Path) -> None:
    network = FinderModule()
    with torch.no_grad():
        network.mask.bias[0] = torch.nan
    save_checkpoint(tmp_path / "nan.safetensors", network, FinderFacts())
    with pytest.raises(CheckpointError, match=r"nan\.safetensors: mask\.bias holds NaN"):
        load_finder_module(tmp_path / "nan.safetensors")
    with pytest.raises(CheckpointError, match="differ by nan"):
        export_finder(network.eval(), tmp_path / "nan.onnx", {"start": 0.45}, {})
    assert not (tmp_path / "nan.onnx").exists()


def test_the_onnx_file_answers_as_torch_does_for_any_size(tmp_path: Path) -> None:
    network = FinderModule(SMALL)
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


def test_weights_that_cannot_be_written_are_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    told = r"find\.onnx: cannot be written \(.*\); make room and call with --resume"
    with pytest.raises(OutputError, match=told):
        export_finder(FinderModule(SMALL).eval(), tmp_path / "run" / "find.onnx", {}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


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


def test_the_shipped_weights_that_training_begins_with_are_the_shipped_finder() -> None:
    """Which is in 8 bits, so that a pixel in a hundred may be answered otherwise by a fifth."""
    path = Path(posegrid.__file__).parent / "weights" / "posegrid-find.safetensors"
    answer, _ = onnx_answer(path.with_suffix(".onnx"))
    network = load_finder_module(path)
    for name in ("person", "centre", "seen"):
        away, most = [], 0.0
        for number in range(6):
            rng = np.random.default_rng(number)
            given = collate([second_look(rng, library(), surroundings(), (160, 128))])[:4]
            values = getattr(decode(network(*given)), name).detach().numpy()
            away.append(np.abs(answer(*(part.numpy() for part in given))[name] - values))
            most = max(most, float(values.max()))
        assert np.mean(away) < 0.03 < 0.3 * most
        assert np.quantile(away, 0.99) < 0.2


# --- evaluation -----------------------------------------------------------------------------------


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
        return arrays(next(right))

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


def test_figures_that_cannot_be_written_are_refused_in_a_sentence(
    folders: SceneFolders, tmp_path: Path
) -> None:
    weights = Path(posegrid.__file__).parent / "weights" / "posegrid-find.onnx"
    (tmp_path / "figures").write_text("a file")
    out, before = tmp_path / "figures" / "finder.json", sorted(tmp_path.rglob("*"))
    settings = EvaluateFinderSettings(
        weights, folders.cut_outs, folders.backgrounds, scenes=1, out=out
    )
    told = r"finder\.json: cannot be written \(.*\); choose another `out`"
    with pytest.raises(OutputError, match=told):
        evaluate_finder(settings)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "holds no panoramas/*.jpg or no textures/*"),
        (["--samples", "0"], "--samples is 0; expected at least 1"),
        (["--learning-rate", "-1"], "--learning-rate is -1.0; expected above 0"),
        (["--average", "1"], "--average is 1; expected at least 0 and below 1"),
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
