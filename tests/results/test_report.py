"""A report on a tiny made-up run: every file, a valid page, and what it says when parts are
missing.
"""

import json
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from results.made_up import model_of, write_data

from posegrid.body.grid import positive_cells
from posegrid.errors import SourceError
from posegrid.results import evaluate as evaluate_module
from posegrid.results import run_page as run_page_module
from posegrid.results import samples as samples_module
from posegrid.results.curves import load_curve
from posegrid.results.evaluate import EvaluateSettings, evaluate
from posegrid.results.page import Tile, page, paragraph
from posegrid.results.report import ReportSettings, report
from posegrid.results.samples import SampleClip, following_runs, varied_runs, write_clips
from posegrid.video.video import read_frames

VOID = {"meta", "img", "br", "link", "input", "hr", "!doctype"}


class Checker(HTMLParser):
    """Follows the tags of a page and keeps what it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "poster") and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def checked(path: Path) -> Checker:
    checker = Checker()
    checker.feed(path.read_text())
    assert checker.open == []
    return checker


def write_curve(folder: Path, figure: str, values: list[float], before: int = 0) -> None:
    folder.mkdir(parents=True)
    rows = [f"images,total_images,seconds,total_seconds,train_loss,validation_loss,{figure}"]
    for number, value in enumerate(values, start=1):
        rows.append(
            f"{100 * number},{100 * number + before},{number},{number + before / 100},{1 / number},1.5,{value}"
        )
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole run: curves, weights in name, data and an evaluation."""
    for module in (evaluate_module, run_page_module):
        monkeypatch.setattr(module, "load_model", lambda *_: model_of())
    folder = tmp_path / "run"
    write_curve(folder / "pretrain", "validation_cell_accuracy", [0.3, 0.6, 0.8])
    write_curve(folder / "train", "validation_mpjpe_mm", [120, 90, 95], before=300)
    write_curve(folder / "scratch", "validation_mpjpe_mm", [150, 140, 130])
    weights = folder / "train" / "best.safetensors"
    weights.touch()
    evaluate(EvaluateSettings(weights, write_data(tmp_path / "walkers"), folder / "evaluation"))
    return folder


def test_a_report_has_every_part(run: Path) -> None:
    assert report(ReportSettings(run, video_s=1.0)) == run / "report.html"
    names = {path.name for path in run.iterdir() if path.is_file()}
    pictures = {"curve_grid.png", "curve_pose.png", "joints.png", "samples.png"}
    drawn = {"curve_grid.svg", "curve_pose.svg", "joints.svg"}
    assert names == {"report.html", "walk_test.mp4", "walk_validation.mp4"} | pictures | drawn
    for name in drawn:
        assert ElementTree.parse(run / name).getroot().tag.endswith("svg")
    for name in pictures:
        with Image.open(run / name) as picture:
            assert min(picture.size) > 100
    page_seen = checked(run / "report.html")
    inlined = [source for source in page_seen.sources if source.startswith("data:image/")]
    assert len(inlined) == 6
    assert [source for source in page_seen.sources if source not in inlined] == [
        "walk_test.mp4",
        "walk_validation.mp4",
    ]
    for words in (
        "pre-trained 90.0 mm",
        "from scratch 130.0 mm",
        "80.0 %",
        "14 poses, 17 joints",
        "mean training pose",
    ):
        assert words in page_seen.text
    assert "Left out" not in page_seen.text


def test_what_is_missing_is_left_out_and_said(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "scratch" / "metrics.csv").unlink()
    (run / "evaluation" / "evaluation.json").unlink()
    report(ReportSettings(run, out=run / "page"))
    page_seen = checked(run / "page" / "report.html")
    assert "nothing was evaluated yet" in page_seen.text
    assert "Left out: the curve of scratch" in page_seen.text
    assert "Left out: scores" in page_seen.text
    assert "Left out: scores" in capsys.readouterr().out
    assert not (run / "page" / "walk_test.mp4").exists()


def test_an_empty_folder_is_nothing_to_report_on(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing to report on"):
        report(ReportSettings(tmp_path))


def test_other_data_than_was_evaluated_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="lack the crop"):
        report(ReportSettings(run, data=write_data(tmp_path / "shorter", frames=12)))


def test_a_damaged_evaluation_is_named(run: Path) -> None:
    (run / "evaluation" / "evaluation.json").write_text('{"mpjpe_mm": 3}')
    with pytest.raises(SourceError, match=r"evaluation\.json: does not hold an evaluation"):
        report(ReportSettings(run))


def test_a_curve_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_curve(tmp_path / "train", "validation_mpjpe_mm", [120, 90, 95], before=300)
    curve = load_curve(tmp_path / "train" / "metrics.csv", "pre-trained")
    assert curve.best == 90
    assert curve.images.tolist() == [100, 200, 300]
    assert curve.total_images.tolist() == [400, 500, 600]


@pytest.mark.parametrize("text", ["", "images\n3\n", "images,total_images\n1,two\n", "\x00\x01"])
def test_a_file_that_is_no_curve_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(SourceError, match="no learning curve can be read"):
        load_curve(tmp_path / "metrics.csv", "train")


def test_runs_break_at_gaps_and_other_sequences_and_short_ones_are_left_out() -> None:
    time_s = np.concatenate(
        [np.arange(12) * 0.1, 5 + np.arange(11) * 0.1, np.arange(10) * 0.1, np.arange(4) * 0.1]
    )
    sequence = np.array(["a"] * 23 + ["b"] * 10 + ["c"] * 4)
    assert [(run[0], run[-1]) for run in following_runs(sequence, time_s)] == [
        (0, 11),
        (12, 22),
        (23, 32),
    ]


def test_clips_show_different_people_first_and_keep_to_the_time() -> None:
    runs = [np.arange(0, 30), np.arange(30, 50), np.arange(50, 60)]
    subject, camera = np.array(["S1"] * 50 + ["S2"] * 10), np.array(["c"] * 60)
    chosen = varied_runs(runs, subject, camera, np.arange(60) * 0.1, seconds=3.0)
    assert [run[0] for run in chosen] == [0, 50, 30]
    assert [len(run) for run in chosen] == [11, 10, 11]


def test_a_video_shows_every_frame_at_its_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 200, (5, 17, 3))
    clip = SampleClip(
        "S9 Walking 1 c1", np.zeros((5, 32, 32), np.uint8), truth, truth, 3.0 + np.arange(5) * 0.1
    )
    poster = write_clips(tmp_path / "walk.mp4", [clip, clip], size_px=64)
    frames = list(read_frames(tmp_path / "walk.mp4"))
    assert [frame.time_s for frame in frames] == pytest.approx(np.arange(10) * 0.1, abs=1e-3)
    assert frames[0].image.shape[1] == poster.shape[1] == 4 * 64 + 3 * 8


def test_text_on_a_page_is_escaped() -> None:
    text = page("<run>", "a & b", [Tile("<1", "x")], [paragraph("<script>")])
    assert "<script>" not in text
    assert "&lt;run&gt;" in text


def true_chances(weights: Path, images: np.ndarray, own: tuple[str, ...]) -> tuple[np.ndarray, int]:
    return np.random.default_rng(0).uniform(size=(len(images), 17, 10, 10)), 0


def test_cells_and_scores_from_scratch_stand_beside_the_others(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples_module, "grid_chances", true_chances)
    (run / "pretrain" / "best.safetensors").touch()
    scratch = json.loads((run / "evaluation" / "evaluation.json").read_text())
    scratch["mpjpe_mm"] = 1234.5
    (run / "evaluation-scratch").mkdir()
    (run / "evaluation-scratch" / "evaluation.json").write_text(json.dumps(scratch))
    report(ReportSettings(run, video_s=1.0))
    seen = checked(run / "report.html").text
    assert "pre-trained" in seen and "from scratch" in seen and "1234.5 mm" in seen
    assert "The grid's answers" in seen and (run / "grid_cells.png").is_file()


def test_the_likeliest_cells_of_a_sure_network_are_the_true_ones() -> None:
    crops = np.full((1, 100, 100), 128, np.uint8)
    points = np.random.default_rng(1).uniform(10, 90, (1, 17, 2))
    chances = positive_cells(points, 100, 10).astype(float)
    picture = samples_module.grid_answers(crops, points, chances, panel_px=150)
    likeliest = picture[-140:]
    above = [picture[row : row + 140] for row in range(len(picture) - 281)]
    assert any(np.array_equal(part, likeliest) for part in above)
    wrong = samples_module.grid_answers(crops, points, 1 - chances, panel_px=150)
    assert np.abs(wrong.astype(int) - picture).max() > 50
