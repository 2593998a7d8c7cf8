"""From a made-up video to a Track, an overlay and a contact picture; and what is refused."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from people.scenes import SIZE_WH, figure, scene
from PIL import Image
from results.onnx_files import STANDING_MM, facts, write_onnx

from posegrid.body.track import Track
from posegrid.errors import CheckpointError, OutputError, SettingsError, SourceError
from posegrid.motion.plausible import HEIGHT_PER_BONES
from posegrid.people.crop import box_of
from posegrid.results.predict import predict, results_in
from posegrid.results.predict_settings import PredictSettings
from posegrid.video.video import read_frames
from posegrid.video.writer import VideoWriter

CENTRES = [(-40.0, 65.0)] * 4 + [(20 + 8.0 * i, 65.0) for i in range(20)]
"""Nobody for 4 frames, then a walk from left to right."""


def write_video(path: Path, pictures: list[np.ndarray], fps: float = 25) -> Path:
    with VideoWriter(path, fps, SIZE_WH, quality=12) as video:
        for picture in pictures:
            video.write(picture)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    write_video(folder / "walk.mp4", scene(CENTRES, shadow=False)[0])
    write_onnx(folder / "standing.onnx")
    return folder


@pytest.fixture(scope="module")
def track(folder):
    return predict(
        PredictSettings(folder / "walk.mp4", out=folder / "out", weights=folder / "standing.onnx")
    )


def test_the_track_has_a_row_per_frame_and_nan_where_nobody_is(track):
    assert len(track) == 24 and track.frame.tolist() == list(range(24))
    assert track.time_s == pytest.approx(np.arange(24) / 25) and track.fps == pytest.approx(25)
    assert not track.found[:4].any() and track.found[5:].all()
    assert (
        np.isnan(track.root_mm[:4]).all()
        and np.isnan(track.box_xyxy[:4]).all()
        and np.isnan(track.sigma_mm).all()
    )


def test_boxes_follow_the_person(track):
    true = [box_of(mask) for mask in scene(CENTRES, shadow=False)[1][6:20]]
    assert track.box_xyxy[6:20] == pytest.approx(np.array(true), abs=6)


def test_poses_are_in_the_cameras_frame_and_relative_to_the_pelvis(track):
    row = 12
    assert (track.joints_mm[row, 0] == 0).all()
    # The network saw the same pose in every crop; in the camera's frame the person far to the left
    # is turned.
    angle = np.degrees(np.arctan2(track.root_mm[6, 0], track.root_mm[6, 2]))
    hips = track.joints_mm[6, 4] - track.joints_mm[6, 1]
    assert np.degrees(np.arctan2(-hips[2], hips[0])) == pytest.approx(angle, abs=2) and angle < -10
    assert np.linalg.norm(track.joints_mm[row, 10]) == pytest.approx(
        np.linalg.norm(STANDING_MM[10]), rel=1e-4
    )


def test_keypoints_are_the_projected_joints_and_lie_in_the_box(track):
    row = 14
    projected = track.camera.project((track.joints_mm[row] + track.root_mm[row]).astype(np.float64))
    assert track.keypoints_px[row] == pytest.approx(projected, abs=0.5)
    x0, y0, x1, y1 = track.box_xyxy[row]
    inside = (track.keypoints_px[row] > (x0 - 8, y0 - 8)) & (
        track.keypoints_px[row] < (x1 + 8, y1 + 8)
    )
    assert inside.all()
    assert (np.diff(track.root_mm[6:20, 0]) > 0).mean() > 0.8, "the person walks to the right"


def test_the_files_are_written_and_say_the_same(folder, track):
    out = folder / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "walk.npz",
        "walk_contact.png",
        "walk_overlay.mp4",
        "walk_raw.npz",
    ]
    loaded = Track.load(out / "walk.npz")
    assert np.array_equal(loaded.joints_mm, track.joints_mm, equal_nan=True)
    assert (loaded.weights, loaded.source, loaded.camera_assumed) == (
        "standing.onnx",
        "walk.mp4",
        True,
    )
    frames = list(read_frames(out / "walk_overlay.mp4"))
    assert len(frames) == 24 and frames[0].image.shape == (SIZE_WH[1], SIZE_WH[0], 3)
    assert [frame.time_s for frame in frames] == pytest.approx(track.time_s.tolist(), abs=1e-3)
    with Image.open(out / "walk_contact.png") as picture:
        assert picture.height == 2 * 364


def test_the_summary_says_what_was_found_and_assumed(folder, capsys):
    settings = PredictSettings(
        folder / "walk.mp4",
        out=folder / "plain",
        weights=folder / "standing.onnx",
        filter="light",
        overlay=False,
        formats=("csv", "json", "trc"),
    )
    smooth = predict(settings)
    said = capsys.readouterr().out
    assert (
        "of 24 frames" in said
        and "60 degrees" in said
        and "assumed" in said
        and "filter light" in said
    )
    assert smooth.found[5:].all() and sorted(p.name for p in (folder / "plain").iterdir()) == [
        *("walk.csv", "walk.json", "walk.npz", "walk.trc", "walk_raw.npz")
    ]


def test_weights_in_the_plain_camera_frame_are_not_turned(folder, tmp_path):
    weights = write_onnx(
        tmp_path / "plain.onnx", metadata=facts(pose_frame="camera", background="kept").to_json()
    )
    track = predict(
        PredictSettings(folder / "walk.mp4", out=tmp_path, weights=weights, overlay=False)
    )
    assert track.joints_mm[10] == pytest.approx(STANDING_MM, abs=1e-2)


def test_prediction_never_imports_torch():
    code = "import sys, posegrid.results.predict; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"video": Path("none.mp4")}, SourceError, "no such video"),
        ({"weights": Path("none.onnx")}, CheckpointError, "is no file"),
        ({"camera": Path("c.json"), "fov_deg": 50.0}, SettingsError, "give one of them"),
        ({"fov_deg": 0.0}, SettingsError, "of 5 to 170"),
        ({"batch": 0}, SettingsError, "`batch` 0"),
    ],
)
def test_settings_that_cannot_be_met_are_refused(folder, tmp_path, changes, error, message):
    values = {
        "video": folder / "walk.mp4",
        "weights": folder / "standing.onnx",
        "out": tmp_path,
        **changes,
    }
    with pytest.raises(error, match=message):
        predict(PredictSettings(**values))


def test_what_is_no_video_is_refused(folder, tmp_path):
    path = tmp_path / "text.mp4"
    path.write_text("not a video")
    with pytest.raises(SourceError, match=r"text\.mp4"):
        predict(PredictSettings(path, out=tmp_path / "out", weights=folder / "standing.onnx"))


def test_a_video_cut_short_is_refused(folder, tmp_path):
    path = tmp_path / "cut.mp4"
    content = (folder / "walk.mp4").read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(SourceError, match=r"cut\.mp4"):
        predict(PredictSettings(path, out=tmp_path / "out", weights=folder / "standing.onnx"))


def test_a_video_without_a_person_is_refused(folder, tmp_path):
    path = write_video(tmp_path / "empty.mp4", scene([(-500.0, 65.0)] * 10)[0])
    with pytest.raises(SourceError, match="nobody was found in 10 frames"):
        predict(PredictSettings(path, out=tmp_path / "out", weights=folder / "standing.onnx"))
    assert not (tmp_path / "out").exists()


def test_the_track_that_says_that_all_is_done_comes_last(folder, track, tmp_path, monkeypatch):
    """A kill while the overlay is drawn must not look like a finished video."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("posegrid.results.predict.write_overlay", killed)
    with pytest.raises(KeyboardInterrupt):
        predict(
            PredictSettings(folder / "walk.mp4", out=tmp_path, weights=folder / "standing.onnx")
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["walk.watched", "walk_raw.npz"]
    assert results_in(tmp_path, folder / "walk.mp4") == []
    monkeypatch.undo()
    again = predict(
        PredictSettings(folder / "walk.mp4", out=tmp_path, weights=folder / "standing.onnx")
    )
    assert np.array_equal(again.joints_mm, track.joints_mm, equal_nan=True)
    assert not (tmp_path / "walk.watched").exists()


def test_an_output_folder_that_cannot_be_made_is_refused(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="nothing can be written"):
        predict(
            PredictSettings(
                folder / "walk.mp4", out=tmp_path / "file" / "x", weights=folder / "standing.onnx"
            )
        )


def two_walkers(count: int = 24) -> list[np.ndarray]:
    """A figure in violet from left to right and, 70 px behind it and smaller, one in brown."""
    pictures, _ = scene([(70 + 5.0 * i, 65.0) for i in range(count)], shadow=False)
    for number, picture in enumerate(pictures):
        picture[figure((15 + 5.0 * number, 70), 60, np.sin(number))] = (150, 90, 40)
    return pictures


@pytest.mark.parametrize(
    ("person", "names"),
    [
        ("largest", ["two.npz", "two_raw.npz"]),
        ("all", [f"two_person{n}{end}.npz" for n in (1, 2) for end in ("", "_raw")]),
    ],
)
def test_of_two_people_each_has_a_number_and_is_told_of(folder, tmp_path, capsys, person, names):
    video = write_video(tmp_path / "two.mp4", two_walkers())
    settings = PredictSettings(
        video, out=tmp_path / "out", weights=folder / "standing.onnx", overlay=False, person=person
    )
    track = predict(settings)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert "of 2 people: " in capsys.readouterr().out
    x0, y0, x1, y1 = track.box_xyxy[12]
    assert x0 < 70 + 60 < x1 and y1 - y0 == pytest.approx(90, abs=6), "the larger one"


def test_a_person_who_is_not_there_is_refused_with_those_who_are(folder, tmp_path):
    with pytest.raises(
        SettingsError, match="`person` 7: expected largest, all, or one of the numbers 1"
    ):
        predict(
            PredictSettings(
                folder / "walk.mp4", out=tmp_path, weights=folder / "standing.onnx", person=7
            )
        )


def test_a_given_height_scales_everything(folder, tmp_path, capsys):
    settings = PredictSettings(
        folder / "walk.mp4",
        out=tmp_path,
        weights=folder / "standing.onnx",
        overlay=False,
        overwrite=True,
    )
    plain, tall = predict(settings), predict(replace(settings, height_m=2.0))
    scale = tall.root_mm[10, 2] / plain.root_mm[10, 2]
    joints = tall.joints_mm[10].astype(float)
    bones = np.linalg.norm(joints[[10, 9, 8, 7]] - joints[[9, 8, 7, 0]], axis=1).sum()
    legs = np.linalg.norm(joints[[2, 3, 5, 6]] - joints[[1, 2, 4, 5]], axis=1).sum() / 2
    assert HEIGHT_PER_BONES * (bones + legs) == pytest.approx(2000, abs=1)
    assert tall.joints_mm[10] == pytest.approx(plain.joints_mm[10] * scale, rel=1e-4, abs=1e-3)
    assert tall.keypoints_px[10] == pytest.approx(plain.keypoints_px[10])
    height_m = plain.to_world().camera_height_mm / 1000
    higher = predict(replace(settings, camera_height_m=1.5 * height_m))
    scale = higher.root_mm[10, 2] / plain.root_mm[10, 2]
    assert 1.0 < scale < 1.5 and not higher.scale_known
    assert higher.joints_mm[10] == pytest.approx(plain.joints_mm[10] * scale, rel=1e-4, abs=1e-3)
    assert "scale: by the camera's height; " in capsys.readouterr().out
