"""Training runs from a folder of crops to a folder of weights: they learn, can be resumed, and
refuse what is wrong.
"""

import csv
import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import tyro
from learning.made_up import write_dataset

from posegrid.datasets.stored_crops import read_crops
from posegrid.errors import CheckpointError, OutputError, SettingsError, ShardError
from posegrid.learning import run
from posegrid.learning.checkpoint import load_checkpoint, load_facts
from posegrid.learning.data import CropSet, whole_batches
from posegrid.learning.devices import Devices
from posegrid.learning.export import ExportSettings, export
from posegrid.learning.pose_targets import PersonTarget
from posegrid.learning.run import Record
from posegrid.learning.stage_data import stage_data
from posegrid.learning.train import pretrain, train
from posegrid.learning.training_settings import (
    OptimiserSettings,
    PretrainSettings,
    Recipe,
    TrainSettings,
)
from posegrid.results.network import load_onnx

COLUMNS = ["images", "total_images", "seconds", "total_seconds", "cpu_seconds", "total_cpu_seconds"]
COLUMNS += ["train_loss", "validation_loss"]


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """96 crops of each of two people to learn from, and of one to validate on; the test subject has
    no files.
    """
    folder = tmp_path_factory.mktemp("walkers")
    write_dataset(folder, 96)
    next(folder.glob("S4*")).unlink()
    return folder


def short(data: Path, run: Path, **changes) -> TrainSettings:
    """A run of a few seconds."""
    settings = TrainSettings(
        data, run, network="report2015_small", batch_size=16, max_images=320, threads=1
    )
    return replace(settings, **changes)


def short_pretrain(data: Path, run: Path, **changes) -> PretrainSettings:
    settings = PretrainSettings(
        data, run, network="report2015_small", batch_size=16, max_images=320, threads=1
    )
    return replace(settings, **changes)


def rows_of(run: Path) -> list[dict[str, float]]:
    with (run / "metrics.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(scope="session")
def pretrained(data, tmp_path_factory) -> Path:
    """The best weights of a short run of the grid task."""
    return pretrain(short_pretrain(data, tmp_path_factory.mktemp("pretrain")))


def test_pretraining_learns_the_cells(pretrained):
    rows = rows_of(pretrained.parent)
    assert list(rows[0]) == [*COLUMNS, "validation_cell_accuracy"]
    assert len(rows) == 10 and rows[-1]["images"] == rows[-1]["total_images"] == 320
    assert rows[-1]["train_loss"] < 0.8 * rows[0]["train_loss"]
    facts = load_checkpoint(pretrained).facts
    assert facts.target == "grid" and facts.training["run_total_images"] == 320


def test_training_learns_and_counts_the_stage_before(data, pretrained, tmp_path):
    best = train(short(data, tmp_path, init=pretrained))
    rows = rows_of(tmp_path)
    assert list(rows[0]) == [*COLUMNS, "validation_mpjpe_mm"]
    assert rows[0]["total_images"] == rows[0]["images"] + 320
    assert rows[0]["total_seconds"] > rows[0]["seconds"]
    assert rows[0]["total_cpu_seconds"] > rows[0]["cpu_seconds"] > 0
    checkpoint = load_checkpoint(best)
    validation = read_crops(data, ["S3"])
    error_mm = (
        torch.from_numpy(checkpoint.predict_mm(validation.images) - validation.pose_view_mm)
        .norm(dim=-1)
        .mean()
    )
    assert error_mm.item() == pytest.approx(
        min(row["validation_mpjpe_mm"] for row in rows), rel=1e-3
    )
    mean_mm = (
        torch.from_numpy(checkpoint.facts.mean_pose() - validation.pose_view_mm).norm(dim=-1).mean()
    )
    assert error_mm < 0.9 * mean_mm
    training = checkpoint.facts.training
    assert training["subjects"] == ["S1", "S2"] and training["validation_subjects"] == ["S3"]
    assert training["before"]["command"] == "pretrain" and training["run_total_images"] == 640


def test_presets_are_what_the_sources_print(data, tmp_path):
    report = Recipe.of(TrainSettings(data, tmp_path, preset="report2015"), None)
    assert report.optimiser == OptimiserSettings("sgd", 0.001, 0.0005)
    assert (report.batch_size, report.epochs, report.target) == (128, 100, "plain")
    assert (report.network, report.augment, report.pose_frame) == (
        "report2015_small",
        "none",
        "camera",
    )
    lichan = Recipe.of(TrainSettings(data, tmp_path, preset="lichan2014"), None)
    assert (lichan.network, lichan.target, lichan.bone_rule) == ("lichan2014", "parents", False)
    grid = Recipe.of(PretrainSettings(data, tmp_path, preset="lichan2014"), None)
    assert grid.target == "grid" and not grid.bone_rule and grid.optimiser.kind == "sgd"
    own = TrainSettings(
        data,
        tmp_path,
        preset="report2015",
        network="report2015_large",
        batch_size=64,
        target="pose",
    )
    recipe = Recipe.of(own, None)
    assert (recipe.network, recipe.batch_size, recipe.target) == ("report2015_large", 64, "pose")
    assert recipe.optimiser == report.optimiser


@pytest.mark.parametrize(
    ("preset", "background"), [("report2015", "removed"), ("lichan2014", "colour")]
)
def test_a_preset_trains_both_stages_and_can_be_used(tmp_path, preset, background):
    data = write_dataset(tmp_path / "walkers", 8, background=background)
    few = {"preset": preset, "batch_size": 8, "max_images": 16, "threads": 1}
    grid = pretrain(PretrainSettings(data, tmp_path / "grid", **few))
    joint = preset == "lichan2014"
    best = train(TrainSettings(data, tmp_path / "pose", init=grid, joint=joint, **few))
    checkpoint = load_checkpoint(best)
    assert checkpoint.facts.background == background and checkpoint.facts.pose_frame == "camera"
    export(ExportSettings(best, tmp_path / "pose.onnx"))
    crops = read_crops(data, ["S4"])
    answers = load_onnx(tmp_path / "pose.onnx").estimate(crops.inputs).pose_mm
    assert np.abs(answers - checkpoint.predict_mm(crops.inputs)).max() < 0.1


def test_a_preset_refuses_crops_of_another_kind(data, tmp_path):
    with pytest.raises(SettingsError, match="takes crops with the background colour"):
        train(short(data, tmp_path / "run", preset="lichan2014"))


def test_weights_do_not_say_where_they_were_made(data, tmp_path):
    best = train(short(data, tmp_path / "run", max_images=16))
    text = load_facts(best).to_json()
    assert str(tmp_path) not in text and str(data.parent) not in text
    assert load_facts(best).training["settings"]["data"] == data.name


def test_transferred_layers_are_where_training_starts(data, pretrained, tmp_path):
    """With no learning rate the weights stay what they were at the start."""
    settings = short(
        data, tmp_path, init=pretrained, transfer="all_but_head", learning_rate=0.0, max_images=16
    )
    source, network = load_checkpoint(pretrained).network, load_checkpoint(train(settings)).network
    for name, value in source.backbone.state_dict().items():
        assert torch.equal(network.backbone.state_dict()[name], value), name


def test_a_persons_uncertainty_is_measured_on_the_validation_crops(data, tmp_path):
    settings = short(data, tmp_path, network="posegrid_s", target="person", max_images=96)
    best = load_checkpoint(train(settings))
    validation = CropSet.of(read_crops(data, ["S3"]), "view", "removed")
    with torch.inference_mode():
        outputs = torch.cat([best.network(part.images) for part in whole_batches([validation], 64)])
    assert isinstance(best.target, PersonTarget) and best.target.bound_68 < best.target.bound_95
    error_mm = (best.target.decode(outputs) - validation.pose_mm).norm(dim=-1)[:, 1:]
    held = error_mm <= best.target.decode_sigma_mm(outputs)[:, 1:]
    assert held.float().mean().item() == pytest.approx(0.68, abs=0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": "posegrid_s"},
        {"network": "lichan2014", "joint": True},
        {"optimiser": "sgd", "pose_frame": "camera", "augment": "standard"},
        {"target": "rle"},
        {"network": "posegrid_s", "average": 0.9},
    ],
    ids=str,
)
def test_a_run_resumed_after_a_stop_ends_the_same(data, tmp_path, monkeypatch, changes):
    changes = {"max_images": 64, "validation_images": 20, **changes}
    whole = load_checkpoint(train(short(data, tmp_path / "whole", **changes)))
    stopped = short(data, tmp_path / "stopped", **changes)
    train_three_rounds(stopped, monkeypatch)
    assert len(rows_of(tmp_path / "stopped")) == 3
    resumed = load_checkpoint(train(replace(stopped, resume=True)))
    for name, value in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], value), name
    pairs = zip(rows_of(tmp_path / "whole"), rows_of(tmp_path / "stopped"), strict=True)
    for first, second in pairs:
        assert all(first[name] == second[name] for name in first if "seconds" not in name)


def train_three_rounds(settings: TrainSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin a run that is stopped."""

    def stop(record, *_):
        if len(record.rows) == 3:
            raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(Record, "_tell", stop)
        with pytest.raises(RuntimeError, match="the power went"):
            train(settings)


def test_a_run_whose_data_has_grown_goes_on_as_planned(tmp_path, monkeypatch, capsys):
    settings = short(write_dataset(tmp_path / "data", 8), tmp_path / "run")
    train_three_rounds(settings, monkeypatch)
    write_dataset(tmp_path / "data", 96)
    train(replace(settings, resume=True))
    assert [row["images"] for row in rows_of(settings.run)] == list(range(16, 336, 16))
    assert "the run goes on as it began, 20 rounds of 1 steps." in capsys.readouterr().out


def test_an_average_changes_what_is_measured_and_kept_and_not_what_is_learnt(data, tmp_path):
    plain, average = (
        train(short(data, tmp_path / str(keep), max_images=64, average=keep)) for keep in (0.0, 0.9)
    )
    rows = [rows_of(best.parent) for best in (plain, average)]
    assert [row["train_loss"] for row in rows[0]] == [row["train_loss"] for row in rows[1]]
    assert rows[0][-1]["validation_loss"] != rows[1][-1]["validation_loss"]
    weights = [load_checkpoint(best).network.head.weight for best in (plain, average)]
    assert not torch.equal(*weights)
    with pytest.raises(SettingsError, match="average` is 1; expected at least 0"):
        short(data, tmp_path, average=1.0)


def test_a_finished_run_resumed_is_left_as_it_is(data, tmp_path):
    settings = short(data, tmp_path, max_images=48)
    before = load_checkpoint(train(settings))
    metrics = (tmp_path / "metrics.csv").read_text()
    after = load_checkpoint(train(replace(settings, resume=True)))
    assert after.facts == before.facts
    assert (tmp_path / "metrics.csv").read_text() == metrics


@pytest.mark.parametrize(
    ("name", "advice"), [("best.safetensors", "free some space"), ("last.ckpt", "--resume")]
)
def test_a_disk_that_fills_up_ends_training_in_a_sentence(
    data, tmp_path, monkeypatch, name, advice
):
    wrote = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name.startswith(f".{Path(name).stem}") and path.suffix == Path(name).suffix:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return wrote(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=rf"{name}: cannot be written \(No space.*{advice}"):
        train(short(data, tmp_path / "run", max_images=32))
    assert not (tmp_path / "run" / name).exists()


def test_a_row_of_steps_that_cannot_be_written_ends_training_in_a_sentence(
    data, tmp_path, monkeypatch
):
    def taken(record: Record, _: int) -> None:
        (record.folder / "steps.csv").mkdir()

    monkeypatch.setattr(Record, "_drop_steps_after", taken)
    monkeypatch.setattr(run, "STEP_EVERY", 1)
    told = r"steps\.csv: cannot be written \(.*\); free some space and --resume"
    with pytest.raises(OutputError, match=told):
        train(short(data, tmp_path / "run", max_images=32))


def test_a_kill_between_the_last_two_files_of_a_round_loses_no_row(data, tmp_path):
    settings = short(data, tmp_path, max_images=48)
    train(settings)
    metrics = (tmp_path / "metrics.csv").read_text()
    (tmp_path / "metrics.csv").write_text("".join(metrics.splitlines(keepends=True)[:-1]))
    train(replace(settings, resume=True))
    assert (tmp_path / "metrics.csv").read_text() == metrics


def test_a_run_folder_takes_one_run(data, tmp_path):
    settings = short(data, tmp_path, max_images=48)
    train(settings)
    with pytest.raises(SettingsError, match="holds a run already"):
        train(settings)
    with pytest.raises(SettingsError, match="batch_size was 16 and is now 8"):
        train(replace(settings, resume=True, batch_size=8))
    with pytest.raises(SettingsError, match="choose one"):
        train(replace(settings, resume=True, overwrite=True))
    train(replace(settings, overwrite=True, batch_size=8))
    assert json.loads((tmp_path / "settings.json").read_text())["settings"]["batch_size"] == 8
    assert rows_of(tmp_path)[-1]["images"] <= 48


@pytest.mark.parametrize("target", ["integral", "rle"])
def test_other_heads_learn_and_are_exported(data, tmp_path, target):
    best = train(short(data, tmp_path, target=target, network="posegrid_s", max_images=160))
    rows = rows_of(tmp_path)
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    crops = read_crops(data, ["S3"]).images
    model = load_onnx(export(ExportSettings(best)))
    assert np.abs(model.predict_mm(crops) - load_checkpoint(best).predict_mm(crops)).max() < 0.1


def test_a_share_of_the_crops_is_the_same_for_every_seed(data, tmp_path):
    facts = [
        load_facts(train(short(data, tmp_path / str(seed), share=0.25, max_images=48, seed=seed)))
        for seed in (0, 1)
    ]
    assert facts[0].training["num_crops"] == 48 and facts[0].training["subjects"] == ["S1", "S2"]
    assert facts[0].mean_pose_mm == facts[1].mean_pose_mm
    assert (
        facts[0].mean_pose_mm
        != load_facts(train(short(data, tmp_path / "all", max_images=16))).mean_pose_mm
    )
    with pytest.raises(SettingsError, match=r"--share 1\.5: expected a share"):
        train(short(data, tmp_path / "other", share=1.5))


def test_a_run_that_could_not_start_leaves_its_folder_free(data, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ShardError, match=r"dataset\.json does not exist"):
        train(short(tmp_path / "empty", tmp_path / "run"))
    assert not (tmp_path / "run").exists()
    train(short(data, tmp_path / "run", max_images=16))


def test_people_in_two_splits_are_refused(tmp_path):
    write_dataset(
        tmp_path / "data", 4, {"train": ["S1", "S2"], "validation": ["S3"], "test": ["S2"]}
    )
    with pytest.raises(SettingsError, match="subject S2 is in the splits train and test"):
        train(short(tmp_path / "data", tmp_path / "run"))


def test_several_data_sets_are_learnt_from_together(data, tmp_path):
    write_dataset(tmp_path / "more", 32, {"train": ["S5"], "validation": ["S6"], "test": []})
    best = train(
        short(
            data, tmp_path / "run", also=(tmp_path / "more",), max_images=64, validation_images=40
        )
    )
    origin = load_facts(best).training
    assert origin["num_crops"] == 2 * 96 + 32
    assert origin["subjects"] == ["S1", "S2", "S5"] and origin["validation_subjects"] == [
        "S3",
        "S6",
    ]
    assert origin["settings"]["also"] == ["more"]
    means = []
    for folder in (data, tmp_path / "more"):
        with stage_data(
            short(folder, tmp_path / "none"), "view", Devices(torch.device("cpu"))
        ) as its:
            means.append(its.mean_pose_mm)
    np.testing.assert_allclose(load_facts(best).mean_pose_mm, np.mean(means, axis=0), atol=1e-3)


def test_data_sets_that_do_not_fit_together_are_refused(data, tmp_path):
    write_dataset(
        tmp_path / "masked",
        4,
        {"train": ["S5"], "validation": ["S6"], "test": []},
        background="masked",
    )
    with pytest.raises(
        SettingsError, match=r"masked has crops with background masked, .* has removed"
    ):
        train(short(data, tmp_path / "run", also=(tmp_path / "masked",)))
    write_dataset(tmp_path / "crossed", 4, {"train": ["S3"], "validation": ["S6"], "test": []})
    with pytest.raises(
        SettingsError, match="crossed: subject S3 is in the splits validation and train"
    ):
        train(short(data, tmp_path / "crossed run", also=(tmp_path / "crossed",)))


def test_data_without_validation_people_is_refused(tmp_path):
    write_dataset(tmp_path / "data", 4, {"train": ["S1"], "validation": [], "test": ["S2"]})
    with pytest.raises(ShardError, match="validation"):
        train(short(tmp_path / "data", tmp_path / "run"))


def test_weights_that_do_not_fit_are_refused(data, pretrained, tmp_path):
    with pytest.raises(
        CheckpointError, match="convolutions of the weights to start from does not fit"
    ):
        train(short(data, tmp_path / "a", init=pretrained, network="posegrid_s"))
    with pytest.raises(CheckpointError, match="is no file"):
        train(short(data, tmp_path / "b", init=tmp_path / "none.safetensors"))
    write_dataset(tmp_path / "kept", 4, background="kept")
    with pytest.raises(SettingsError, match="background removed, the data has kept"):
        train(short(tmp_path / "kept", tmp_path / "c", init=pretrained))
    assert not (tmp_path / "a").exists()


def test_fewer_images_than_a_batch_are_refused(data, tmp_path):
    with pytest.raises(SettingsError, match="expected one batch at least"):
        train(short(data, tmp_path, max_images=15))


def test_flags_read_as_the_readme_has_them(tmp_path):
    flags = [
        str(tmp_path),
        "--run",
        "r",
        "--network",
        "lichan2014",
        "--transfer",
        "all_but_head",
        "--joint",
        "--bone-rule",
        "False",
    ]
    settings = tyro.cli(TrainSettings, args=flags)
    assert settings == TrainSettings(
        tmp_path,
        Path("r"),
        network="lichan2014",
        transfer="all_but_head",
        joint=True,
        bone_rule=False,
    )
    assert (
        tyro.cli(
            PretrainSettings, args=[str(tmp_path), "--run", "r", "--grid-cells", "16"]
        ).grid_cells
        == 16
    )


def test_weights_remember_the_margin_of_their_crops(pretrained: Path) -> None:
    assert load_facts(pretrained).margin == 0.25


def test_masked_crops_train_two_channels_and_all_weights_can_be_taken_on(tmp_path):
    write_dataset(tmp_path / "data", 64, background="masked")
    first = train(short(tmp_path / "data", tmp_path / "first", network="posegrid_s", max_images=64))
    loaded = load_checkpoint(first)
    assert loaded.facts.channels == 2
    assert loaded.predict_mm(read_crops(tmp_path / "data", ["S3"]).inputs).shape == (64, 17, 3)
    with pytest.raises(CheckpointError, match=r"2 channel\(s\)"):
        loaded.predict_mm(np.zeros((1, 64, 64), np.uint8))
    still = {"init": first, "transfer": "all", "learning_rate": 1e-12, "max_images": 32}
    second = load_checkpoint(
        train(short(tmp_path / "data", tmp_path / "second", network="posegrid_s", **still))
    )
    assert torch.allclose(second.network.head.weight, loaded.network.head.weight, atol=1e-6)


def test_masked_weights_are_exported_with_both_channels(tmp_path):
    write_dataset(tmp_path / "data", 32, background="masked")
    best = train(
        short(
            tmp_path / "data",
            tmp_path / "run",
            network="posegrid_s",
            target="person",
            max_images=32,
        )
    )
    model = load_onnx(export(ExportSettings(best)))
    crops = read_crops(tmp_path / "data", ["S3"]).inputs
    assert np.abs(model.predict_mm(crops) - load_checkpoint(best).predict_mm(crops)).max() < 0.1
    assert model.estimate_both(crops).keypoints_px.shape == (32, 17, 2)


def test_weights_of_grey_crops_go_on_in_colour_and_are_exported(tmp_path):
    """From a narrower network, too; the start answers as before to what was grey."""
    of_persons = {"network": "posegrid_s", "target": "person", "max_images": 32}
    for background in ("masked", "masked_colour"):
        write_dataset(tmp_path / background, 64, background=background)
    grey = train(short(tmp_path / "masked", tmp_path / "grey", **of_persons))
    going_on = {**of_persons, "init": grey, "transfer": "all", "learning_rate": 1e-12}
    coloured = train(
        short(
            tmp_path / "masked_colour",
            tmp_path / "coloured",
            **{**going_on, "network": "posegrid_m"},
        )
    )
    checkpoint, model = load_checkpoint(coloured), load_onnx(export(ExportSettings(coloured)))
    assert model.facts.background == "masked_colour" and model.facts.channels == 4
    first = next(iter(checkpoint.network.state_dict().values()))
    before = next(iter(load_checkpoint(grey).network.state_dict().values()))
    assert torch.allclose(first[:32, :16], 0.299 * before[:, :16], atol=1e-6)
    assert torch.allclose(first[:32, 48:], before[:, 16:], atol=1e-6)
    crops = read_crops(tmp_path / "masked_colour", ["S3"]).inputs
    assert np.abs(model.predict_mm(crops) - checkpoint.predict_mm(crops)).max() < 0.1
    assert model.estimate_both(crops).keypoints_px.shape == (64, 17, 2)
    with pytest.raises(SettingsError, match="background masked_colour, the data has masked"):
        train(short(tmp_path / "masked", tmp_path / "back", **{**going_on, "init": coloured}))
