"""The Python interface: the examples of docs/python.md, and that they do what the commands do."""

import re
from pathlib import Path

import av
import numpy as np
import pytest
from motion.walks import walk_track
from people.scenes import scene
from results.onnx_files import write_onnx
from results.test_predict import CENTRES, write_video

import posegrid
from posegrid.errors import CheckpointError, SourceError
from posegrid.results.predict import predict
from posegrid.results.predict_settings import PredictSettings
from posegrid.video import webcam
from posegrid.video.video import read_frames

DOCUMENT = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loaded")
    write_video(folder / "walk.mp4", scene(CENTRES, shadow=False)[0])
    frames = list(scene(CENTRES, shadow=False)[0])
    write_video(
        folder / "camera.mp4", (frames * 15)[: 25 * 6]
    )  # what a webcam shows for six seconds
    write_onnx(folder / "standing.onnx")
    walk_track(np.arange(300) / 60).save(folder / "long_walk.npz")
    return folder


def test_the_examples_of_the_document_run(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 6
    monkeypatch.setattr(webcam, "_opened", lambda number: av.open(str(folder / "camera.mp4")))
    values: dict[str, object] = {}
    for block in blocks:
        exec(
            compile(
                block.replace("posegrid.load()", 'posegrid.load("standing.onnx")'),
                str(DOCUMENT),
                "exec",
            ),
            values,
        )
    assert "person 1 is" in capsys.readouterr().out
    assert (folder / "walk.trc").is_file()


def test_a_model_gives_what_predict_writes(folder, tmp_path):
    model = posegrid.load(folder / "standing.onnx")
    track = model(folder / "walk.mp4", fov_deg=50)
    settings = PredictSettings(
        folder / "walk.mp4",
        out=tmp_path,
        weights=folder / "standing.onnx",
        fov_deg=50,
        overlay=False,
    )
    for name, values in predict(settings).arrays().items():
        np.testing.assert_array_equal(track.arrays()[name], values)
    assert type(track) is posegrid.Track


def test_a_stream_gives_each_pose_once_in_time(folder):
    model = posegrid.load(folder / "standing.onnx")
    poses = list(model.stream(folder / "walk.mp4"))
    times = [pose.time_s for pose in poses]
    assert (
        len(poses) >= 17 and times == sorted(set(times)) and {pose.person for pose in poses} == {1}
    )
    whole = model(folder / "walk.mp4")
    row = whole.time_s.tolist().index(times[-4])
    np.testing.assert_allclose(poses[-4].joints_mm, whole.joints_mm[row], atol=60)


def test_live_pictures_teach_the_scene_first(folder):
    model = posegrid.load(folder / "standing.onnx")
    pictures = [frame.image for frame in read_frames(folder / "walk.mp4")]
    live = [(i / 8, picture) for i, picture in enumerate([*pictures, *pictures])]
    poses = list(model.stream(live))
    assert poses and min(pose.time_s for pose in poses) > 3


def test_a_webcam_and_pictures_at_a_rate_are_streams_too(folder, monkeypatch):
    model = posegrid.load(folder / "standing.onnx")
    opened = []

    def camera(number):
        opened.append(number)
        return av.open(str(folder / "camera.mp4"))

    monkeypatch.setattr(webcam, "_opened", camera)
    monkeypatch.chdir(folder)
    first, second = list(model.stream(1)), list(model.stream("0"))
    assert opened == [1, 0] and len(first) == len(second) > 40 and first[0].time_s > 3
    frames = list(read_frames(folder / "camera.mp4"))
    plain = list(model.stream((frame.image for frame in frames), fps=25))
    timed = list(model.stream((frame.time_s, frame.image) for frame in frames))
    assert [pose.time_s for pose in plain] == pytest.approx([pose.time_s for pose in timed])
    assert len(plain) == len(first)
    np.testing.assert_allclose(plain[-1].joints_mm, timed[-1].joints_mm, atol=1e-3)
    with pytest.raises(SourceError, match="without times need the rate"):
        next(model.stream([frames[0].image]))


def test_a_stream_too_short_or_of_other_things_is_refused(folder):
    model = posegrid.load(folder / "standing.onnx")
    assert list(model.stream([])) == []
    picture = np.zeros((48, 64, 3), np.uint8)
    with pytest.raises(SourceError, match="end before 3 s"):
        list(model.stream([(0.0, picture), (1.0, picture)]))
    with pytest.raises(SourceError, match=r"at 0 s: float64 \(48, 64\) is no picture"):
        list(model.stream(iter([(0.0, np.zeros((48, 64)))])))


def test_what_is_not_there_is_said(folder):
    with pytest.raises(AttributeError, match="it offers Track, load"):
        posegrid.nothing  # noqa: B018
    with pytest.raises(CheckpointError, match="is no file"):
        posegrid.load("none.onnx")
    with pytest.raises(SourceError, match="no such video"):
        posegrid.load(folder / "standing.onnx")("none.mp4")
