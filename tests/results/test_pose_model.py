"""The Python interface: the examples of docs/python.md, and that they do what the commands do."""

import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from motion.walks import walk_track
from people.scenes import scene
from results.onnx_files import FROM_ANKLES_MM, write_onnx
from results.test_predict import CENTRES, two_walkers, write_video

import posegrid
from posegrid.body.camera import Camera
from posegrid.body.skeleton import FEET_PARENTS
from posegrid.cli import run
from posegrid.errors import CheckpointError, PosegridError, SettingsError, SourceError
from posegrid.results.predict import predict
from posegrid.results.predict_settings import PoseOptions, PoseSettings, PredictSettings
from posegrid.video import webcam
from posegrid.video.video import read_frames

DOCUMENT = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loaded")
    frames = scene(CENTRES, shadow=False)[0]
    write_video(folder / "walk.mp4", frames)
    write_video(folder / "camera.mp4", 3 * frames)  # what a webcam shows for three seconds
    write_video(folder / "two.mp4", two_walkers(14))
    write_onnx(folder / "standing.onnx")
    walk_track(np.arange(300) / 60).save(folder / "long_walk.npz")
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return posegrid.load(folder / "standing.onnx")


@pytest.fixture(scope="module")
def whole(folder, model):
    """The Track of the walk, and what was told of the progress."""
    told: list[tuple[str, int, int | None]] = []
    return model(folder / "walk.mp4", progress=lambda *words: told.append(words)), told


def test_the_examples_of_the_document_run(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 11
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(webcam, "_opened", lambda number: av.open(str(folder / "camera.mp4")))
    monkeypatch.setattr(webcam, "newest", lambda frames: frames)
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
    said = capsys.readouterr().out
    assert "person 1 is" in said and "`height_m` 168: expected a height of" in said
    assert "1 Track(walk.mp4: 24 frames" in said and "finding and estimating 24 24" in said
    assert all((folder / name).is_file() for name in ("walk.trc", "angles.png", "walk_gait.json"))


@pytest.mark.parametrize("page", ["README.md", "docs/formats.md", "docs/gait.md"])
def test_the_code_of_other_pages_runs(folder, tmp_path, monkeypatch, page):
    monkeypatch.chdir(tmp_path)
    for name in ("walk.mp4", "standing.onnx"):
        (tmp_path / name).symlink_to(folder / name)
    walk = posegrid.Track.load(folder / "long_walk.npz")
    walk.save(tmp_path / "walk.npz")
    text = (DOCUMENT.parents[1] / page).read_text(encoding="utf-8")
    ran = 0
    for kind, block in re.findall(r"```(python|)\n(.*?)```", text, re.DOTALL):
        if kind and "bpy." not in block:
            exec(block.replace("posegrid.load()", 'posegrid.load("standing.onnx")'), {})
            ran += 1
        for line in re.findall(r"^(?:\$ )?posegrid (.*)", block, re.MULTILINE):
            words = shlex.split(line, comments=True)
            assert run([*words, *(["--weights", "standing.onnx"] * (words[0] == "predict"))]) == 0
            ran += 1
            walk.save(tmp_path / "runs" / "walk" / "walk.npz")
    assert ran >= 2


def test_a_model_gives_what_predict_writes(folder, model, tmp_path):
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


def test_a_stream_gives_each_pose_once_in_time(folder, model, whole):
    poses = list(model.stream(folder / "walk.mp4"))
    times = [pose.time_s for pose in poses]
    assert (
        len(poses) >= 17 and times == sorted(set(times)) and {pose.person for pose in poses} == {1}
    )
    row = whole[0].time_s.tolist().index(times[-4])
    np.testing.assert_allclose(poses[-4].joints_mm, whole[0].joints_mm[row], atol=60)


@pytest.mark.parametrize("looks", ["in-turns", "both"])
def test_heels_and_toes_come_through_where_the_weights_say_them(folder, looks, tmp_path):
    model = posegrid.load(write_onnx(tmp_path / "feet.onnx", feet=True))
    video, long_mm = folder / "walk.mp4", np.linalg.norm(FROM_ANKLES_MM, axis=1)
    track = model(video, looks=looks, height_m=1.9)
    ankles_mm = track.joints_mm[:, list(FEET_PARENTS)]
    found_mm = np.linalg.norm(track.feet_mm - ankles_mm, axis=2)[track.found]
    factor = found_mm[0, 0] / long_mm[0]
    assert factor > 1.02 and found_mm == pytest.approx(
        np.tile(factor * long_mm, (len(found_mm), 1)), rel=1e-3
    )
    assert np.isnan(track.feet_mm[~track.found]).all()
    assert np.isfinite(track.angles()["left_ankle_dorsiflexion_deg"][track.found]).all()
    for pose in model.stream(video, looks=looks):
        live_mm = np.linalg.norm(pose.feet_mm - pose.joints_mm[list(FEET_PARENTS)], axis=1)
        assert live_mm == pytest.approx(long_mm, rel=0.1)


def test_a_stream_of_weights_without_feet_says_none(folder, model):
    pose = next(model.stream(folder / "walk.mp4"))
    assert np.isnan(pose.feet_mm).all() and np.isfinite(pose.joints_mm).all()


def test_live_pictures_have_a_pose_as_soon_as_somebody_is_there(folder, model):
    pictures = [frame.image for frame in read_frames(folder / "walk.mp4")]
    live = [(i / 8, picture) for i, picture in enumerate([*pictures, *pictures])]
    poses = list(model.stream(live))
    assert min(pose.time_s for pose in poses) == pytest.approx(0.5, abs=0.13)


def test_a_webcam_and_pictures_at_a_rate_are_streams_too(folder, model, monkeypatch):
    opened = []

    def camera(number):
        opened.append(number)
        return av.open(str(folder / "camera.mp4"))

    monkeypatch.setattr(webcam, "_opened", camera)
    monkeypatch.setattr(webcam, "newest", lambda frames: frames)  # a file comes all at once
    monkeypatch.chdir(folder)
    first, second = list(model.stream(1)), list(model.stream("0"))
    assert opened == [1, 0] and len(first) == len(second) > 40 and first[0].time_s < 0.3
    frames = list(read_frames(folder / "camera.mp4"))
    plain = list(model.stream((frame.image for frame in frames), fps=25))
    timed = list(model.stream((frame.time_s, frame.image) for frame in frames))
    assert {pose.num_dropped for pose in (*first, *plain, *timed)} == {0}
    assert [pose.time_s for pose in plain] == pytest.approx([pose.time_s for pose in timed])
    assert len(plain) == len(first)
    np.testing.assert_allclose(plain[-1].joints_mm, timed[-1].joints_mm, atol=1e-3)
    with pytest.raises(SourceError, match="without times need the rate"):
        next(model.stream([frames[0].image]))


def test_a_stream_says_how_many_pictures_were_dropped(folder, model, monkeypatch):
    """Of three that a camera gives, one is looked at."""
    monkeypatch.setattr(webcam, "_opened", lambda number: av.open(str(folder / "camera.mp4")))
    monkeypatch.setattr(webcam, "newest", lambda frames: islice(frames, 2, None, 3))
    poses = list(model.stream(0))
    numbers = [round(25 * pose.time_s) for pose in poses]
    assert [pose.num_dropped for pose in poses] == [n - n // 3 for n in numbers]
    assert poses[-1].num_dropped > 40


def test_a_stream_of_other_things_is_refused(folder, model):
    assert list(model.stream([])) == []
    picture = np.zeros((48, 64, 3), np.uint8)
    assert list(model.stream([(0.0, picture), (1.0, picture)])) == [], "nobody there"
    with pytest.raises(SourceError, match=r"at 0 s: float64 \(48, 64\) is no picture"):
        list(model.stream(iter([(0.0, np.zeros((48, 64)))])))


def test_what_is_not_there_is_said(model):
    with pytest.raises(AttributeError, match=r"it offers .*Track, load"):
        posegrid.nothing  # noqa: B018
    with pytest.raises(CheckpointError, match="is no file"):
        posegrid.load("none.onnx")
    with pytest.raises(SourceError, match="no such video"):
        model("none.mp4")


def test_the_example_program_runs(folder, model, monkeypatch, capsys):
    monkeypatch.setattr(posegrid, "load", lambda: model)
    program = runpy.run_path(str(DOCUMENT.parents[1] / "examples" / "in_python.py"))
    program["main"](folder / "walk.mp4")
    assert "Track(walk.mp4: 24 frames" in capsys.readouterr().out
    assert (folder / "walk.bvh").is_file()


# -- what Python and the command have in common


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("height_m", 168, "168: expected a height of 0.5 to 2.5 metres"),
        ("camera_height_m", 150.0, "150: expected a height of 0.3 to 50 metres"),
        ("camera_pitch_deg", 10.0, "is for"),
        ("fov_deg", 0.0, "0: expected an angle of view of 5"),
        ("fov_deg", 180.0, "180: expected an angle of view of 5 to 170"),
        ("fps", -1.0, "-1: expected a number per second above 0"),
        ("batch", 0, "0: expected at least 1"),
        ("person", 7, "7: expected largest, all, or one of the numbers 1"),
    ],
)
def test_python_refuses_what_the_command_refuses_each_in_its_words(
    folder, model, tmp_path, capsys, option, value, message
):
    video = folder / "walk.mp4"
    with pytest.raises(SettingsError, match=f"^`{option}` {message}"):
        model(video, **{option: value})
    flag = "--" + option.replace("_", "-")
    weights, out = str(folder / "standing.onnx"), str(tmp_path / "out")
    call = ["predict", str(video), "--weights", weights, "--out", out, flag, str(value)]
    assert run(call) == 1
    assert f"posegrid predict: {flag} {message}" in capsys.readouterr().err
    # Who there is, is known after the work only: that is kept for the next call.
    left = [path.name for path in tmp_path.glob("out/*")]
    assert left == (["walk.watched"] if option == "person" else [])


def test_values_that_only_python_can_give_are_refused_too(folder, model):
    """By themselves: these tests check every annotation, too, and would refuse them before."""
    code = (
        "import posegrid; from posegrid.results.predict_settings import PoseSettings\n"
        "for name, value in (('person', 'nobody'), ('person', True), ('looks', 'up'),"
        " ('filter', 'kalman'), ('bones', 'no'), ('height_m', '1.75'), ('batch', None)):\n"
        "    try: PoseSettings(**{name: value})\n"
        "    except posegrid.PosegridError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    names = ["person", "person", "looks", "filter", "bones", "height_m", "batch"]
    assert [line.split()[0] for line in lines] == [f"`{name}`" for name in names]
    assert all(": expected " in line for line in lines)
    video = folder / "walk.mp4"
    with pytest.raises(SettingsError, match="take `stream`"):
        model(0)
    with pytest.raises(SettingsError, match="`fill`: a stream cannot look ahead"):
        model.stream(video, fill=True)


def test_the_arguments_are_the_settings(folder):
    names = {field.name for field in fields(PoseSettings)}
    assert set(PoseOptions.__annotations__) == names
    assert names < {field.name for field in fields(PredictSettings)}


def test_several_people_come_by_their_numbers(folder, model):
    video = folder / "two.mp4"
    everybody = model.people(video)
    assert sorted(everybody) == [1, 2]
    largest, other = list(everybody)
    for number in (1, 2):
        one = model(video, person=number)
        assert np.array_equal(one.joints_mm, everybody[number].joints_mm, equal_nan=True)
    assert np.array_equal(model(video).box_xyxy, everybody[largest].box_xyxy, equal_nan=True)
    assert list(model.people(video, person=other)) == [other]
    with pytest.raises(SettingsError, match=r"`person` 'all'.*`model.people\(video\)`"):
        model(video, person="all")


def test_pictures_in_memory_are_a_video(folder, model, whole):
    frames = list(read_frames(folder / "walk.mp4"))
    images = np.stack([frame.image for frame in frames])
    plain = model(images, fps=25)
    timed = model((frame.time_s, frame.image) for frame in frames)
    for track in (plain, timed):
        assert track.source == "pictures" and track.fps == pytest.approx(25)
        assert track.time_s == pytest.approx(whole[0].time_s)
        assert np.nanmax(np.abs(track.box_xyxy - whole[0].box_xyxy)) <= 8
    for wrong, message in (
        ([], "there is no picture"),
        ([images[0], images[1][:50]], "expected one size"),
        (iter(images.astype(float)), "float64 .* is no picture"),
    ):
        with pytest.raises(PosegridError, match=message):
            model(wrong, fps=25)
    with pytest.raises(SourceError, match="need the rate at which they come: `fps`"):
        model(images)
    with pytest.raises(SourceError, match="times do not grow"):
        model([(0.0, images[0]), (0.0, images[1])])


def test_boxes_masks_and_cameras_come_as_arrays_too(folder, model):
    masks = np.stack(scene(CENTRES, shadow=False)[1])
    track = model(folder / "walk.mp4", masks=masks)
    assert not track.camera_fixed and track.found.tolist() == masks.any(axis=(1, 2)).tolist()
    boxes = np.full((24, 4), np.nan)
    boxes[10:20] = track.box_xyxy[10:20]
    inside = model(folder / "walk.mp4", masks=masks, boxes=boxes)
    assert np.flatnonzero(inside.found).tolist() == list(range(10, 20))
    camera = Camera((300.0, 300.0), (100.0, 65.0), (200, 130))
    seen = model(folder / "walk.mp4", camera=camera)
    assert not seen.camera_assumed and seen.camera.focal_px == (300.0, 300.0)
    with pytest.raises(SettingsError, match="`camera` is of pictures of 100 x 65"):
        model(folder / "walk.mp4", camera=replace(camera, size_wh=(100, 65)))
    with pytest.raises(SettingsError, match="`boxes` alone leave the background"):
        model(folder / "walk.mp4", boxes=boxes)


def test_progress_is_told_and_a_stop_gives_what_is_there(folder, model, whole):
    track, told = whole
    asked: list[int] = []
    assert told[0][0] == "Learning the background"
    assert told[-1] == ("walk.mp4: finding and estimating", 24, 24)
    part = model(folder / "walk.mp4", stop=lambda: len(asked) > 15 or bool(asked.append(0)))
    assert len(part) == 16 < len(track) and part.found.any()
    with pytest.raises(SourceError, match="nobody was found in 0 frames"):
        model(folder / "walk.mp4", stop=lambda: True)


def test_a_stream_takes_the_same_arguments(folder, model):
    video = folder / "two.mp4"
    everybody = list(model.stream(video, person="all"))
    assert {pose.person for pose in everybody} == {1, 2}
    first = [pose for pose in everybody if pose.person == 1]
    only = list(model.stream(video, person=1))
    assert [pose.time_s for pose in only] == [pose.time_s for pose in first]
    raw = list(islice(model.stream(video, person=1, filter="none", fov_deg=60), 6))
    tall = list(islice(model.stream(video, person=1, filter="none", height_m=2.0, looks="both"), 6))
    scale = tall[5].root_mm[2] / raw[5].root_mm[2]
    assert tall[5].joints_mm[10] == pytest.approx(raw[5].joints_mm[10] * scale, rel=1e-3)
    masks = np.stack(scene(CENTRES, shadow=False)[1])
    masked = list(model.stream(folder / "walk.mp4", masks=masks))
    assert len(masked) == masks.any(axis=(1, 2)).sum()


def test_what_is_shown_in_a_notebook_is_short(folder, model):
    pose = next(model.stream(folder / "walk.mp4"))
    for thing in (model, pose):
        assert len(repr(thing)) < 200
    assert "standing.onnx" in repr(model)
    assert set(posegrid.__all__) <= set(dir(posegrid))
