"""Several videos: each into its own folder, failures named at the end, resumed, and one table."""

import csv
import shutil

import pytest
from people.scenes import scene
from results.onnx_files import write_onnx
from results.test_predict import CENTRES, two_walkers, write_video

from posegrid.cli import run


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_onnx(tmp_path_factory.mktemp("weights") / "standing.onnx")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    videos = tmp_path_factory.mktemp("videos")
    write_video(videos / "a.mp4", scene(CENTRES, shadow=False)[0])
    write_video(videos / "b.mp4", two_walkers())
    (videos / "c.mp4").write_text("no video")
    return videos


@pytest.fixture
def folder(videos, tmp_path):
    shutil.copytree(videos, tmp_path / "videos")
    return tmp_path


def test_a_folder_of_videos_is_done_and_the_failed_one_named(folder, weights, capsys):
    out, table = folder / "out", folder / "study.csv"
    call = ["predict", str(folder / "videos"), "--weights", str(weights), "--out", str(out)]
    call += ["--no-overlay", "--person", "all", "--summary", str(table)]
    assert run(call) == 1
    said = capsys.readouterr()
    assert "1 of 3 videos failed" in said.err.splitlines()[-1] and "c.mp4" in said.err
    assert sorted(path.name for path in out.iterdir()) == ["a", "b"]
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["video"][-5:] for row in rows] == ["a.mp4", "b.mp4", "b.mp4", "c.mp4"]
    assert rows[0]["frames"] == "24" and 0.7 < float(rows[0]["found_share"]) < 0.9
    assert "no gait" in rows[0]["warnings"] and "is no video" in rows[3]["error"]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.npz")}
    (folder / "videos" / "c.mp4").unlink()
    assert run(call) == 0, "goes on where it ended"
    assert capsys.readouterr().out.count("done before") == 2
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.npz")} == before
    with table.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 3


def test_of_several_at_a_time_each_is_told_and_tabled_in_order(tmp_path, weights, capsys):
    """That motions are the same, too: tests/datasets/test_parallel.py."""
    names = ("b", "c", "a")
    for name in names:
        (tmp_path / f"{name}.mp4").write_text("no video")
    table, videos = tmp_path / "study.csv", [str(tmp_path / f"{name}.mp4") for name in names]
    call = ["predict", *videos, "--weights", str(weights), "--out", str(tmp_path / "out")]
    assert run([*call, "--summary", str(table), "--workers", "2"]) == 1
    said = capsys.readouterr()
    assert {f"[{n}/3] {video}" for n, video in enumerate(videos, 1)} < {*said.out.splitlines()}
    assert said.err.count("is no video") == 3
    assert said.err.splitlines()[-1].endswith(f"3 of 3 videos failed: {', '.join(videos)}")
    with table.open(newline="") as file:
        assert [row["video"] for row in csv.DictReader(file)] == videos


def test_results_are_not_written_over_unless_asked(folder, weights, capsys):
    video, out = folder / "videos" / "a.mp4", folder / "out"
    call = ["predict", str(video), "--weights", str(weights), "--out", str(out), "--no-overlay"]
    assert run(call) == 0
    (out / "a.npz").write_bytes(b"")
    assert run(call) == 1
    assert "a.npz is there already: give --overwrite, or another --out" in capsys.readouterr().err
    assert (out / "a.npz").read_bytes() == b""
    assert run([*call, "--overwrite"]) == 0
    assert len((out / "a.npz").read_bytes()) > 100


def test_what_belongs_to_one_video_is_refused_for_several(folder, weights, capsys):
    videos = [str(folder / "videos" / name) for name in ("a.mp4", "b.mp4")]
    assert run(["predict", *videos, "--masks", videos[0], "--weights", str(weights)]) == 1
    assert "--masks belongs to one video" in capsys.readouterr().err
    assert run(["predict", *videos, "0", "--weights", str(weights)]) == 1
    assert "a webcam never ends" in capsys.readouterr().err
    (folder / "other").mkdir()
    again = folder / "other" / "a.mp4"
    again.write_bytes(b"")
    out = ["--out", str(folder / "out"), "--weights", str(weights)]
    assert run(["predict", videos[0], str(again), *out]) == 1
    assert f"{videos[0]} and {again} would both go to" in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_a_table_that_is_a_folder_is_refused_before_the_work(folder, weights, capsys):
    call = ["predict", str(folder / "videos" / "a.mp4"), "--weights", str(weights)]
    out = folder / "out"
    assert run([*call, "--out", str(out), "--summary", str(folder)]) == 1
    assert "is a folder: name a CSV file" in capsys.readouterr().err and not out.exists()
