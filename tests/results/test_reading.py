"""What a video's file says reaches the Track and the lines that `predict` prints: shape, stream,
times, focal length, names; and one film stored in several ways gives one Track.
"""

import struct
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from people.scenes import SIZE_WH, scene
from PIL import Image
from results.onnx_files import write_onnx
from video.films import add_film, write_film, write_frames

from posegrid.body.track import Track
from posegrid.motion.placing import view_deg
from posegrid.results.predict import predict
from posegrid.results.predict_settings import PredictSettings
from posegrid.video.footage import open_footage
from posegrid.video.record import FrameRecord

CENTRES = [(-40.0, 65.0)] * 4 + [(20 + 8.0 * i, 65.0) for i in range(20)]


@pytest.fixture(scope="module")
def pictures():
    return scene(CENTRES, shadow=False)[0]


@pytest.fixture(scope="module")
def settings(tmp_path_factory, pictures) -> PredictSettings:
    folder = tmp_path_factory.mktemp("films")
    weights = write_onnx(folder / "standing.onnx") or folder / "standing.onnx"
    film = write_film(folder / "walk.mp4", pictures)
    return PredictSettings(film, out=folder / "plain", weights=Path(weights), overlay=False)


@pytest.fixture(scope="module")
def plain(settings) -> Track:
    return predict(settings)


def turned(width: int, height: int) -> tuple[int, ...]:
    one = 1 << 16
    return (0, one, 0, -one, 0, 0, height * one, 0, 1 << 30)


def as_stored_turned(pictures: list[np.ndarray]) -> list[np.ndarray]:
    return [np.ascontiguousarray(np.rot90(picture)) for picture in pictures]


@pytest.mark.parametrize("kind", ["turned", "mirrored", "aspect", "mkv", "numbered"])
def test_one_film_stored_in_several_ways_gives_one_track(tmp_path, settings, plain, pictures, kind):
    """Within 2 px: another coding, and pixels that were half as many, change little."""
    one, path, fps = 1 << 16, tmp_path / f"walk.{'mkv' if kind == 'mkv' else 'mp4'}", None
    if kind == "turned":
        write_film(path, as_stored_turned(pictures), matrix=turned(*SIZE_WH))
    elif kind == "mirrored":
        mirrored = [np.ascontiguousarray(picture[:, ::-1]) for picture in pictures]
        write_film(path, mirrored, matrix=(-one, 0, 0, 0, one, 0, 0, 0, 1 << 30))
    elif kind == "aspect":
        wide, high = SIZE_WH
        narrow = [np.asarray(Image.fromarray(p).resize((wide // 2, high))) for p in pictures]
        write_film(path, narrow, aspect=Fraction(2))
    elif kind == "mkv":
        write_film(path, pictures, codec="ffv1")
    else:
        path, fps = tmp_path / "walk", 25.0
        path.mkdir()
        for number, picture in enumerate(pictures):
            Image.fromarray(picture).save(path / f"f_{number + 7}.png")
    track = predict(replace(settings, video=path, out=tmp_path / "out", fps=fps))
    assert track.camera.size_wh == SIZE_WH and track.fps == pytest.approx(25)
    assert track.time_s - track.time_s[0] == pytest.approx(plain.time_s - plain.time_s[0])
    both = track.found & plain.found
    assert both.sum() >= 17
    assert np.abs(track.keypoints_px - plain.keypoints_px)[both].max() < (
        5 if kind == "aspect" else 2
    )
    far = np.linalg.norm(track.root_mm - plain.root_mm, axis=1)[both]
    assert np.median(far / plain.root_mm[both, 2]) < 0.02


@pytest.fixture(scope="module")
def slow(settings, tmp_path_factory) -> tuple[list[np.ndarray], Track]:
    """Somebody who never leaves the place where they are, and the Track of the whole film."""
    images = scene([(90 + 0.5 * i, 65.0) for i in range(50)], shadow=False)[0]
    folder = tmp_path_factory.mktemp("slow")
    film = write_film(folder / "long.mp4", images)
    return images, predict(replace(settings, video=film, out=folder / "out"))


@pytest.mark.parametrize("count", [1, 8, 12, 20, 26, 30])
def test_a_short_clip_gives_the_long_ones_poses_and_is_warned_of(tmp_path, settings, slow, count):
    images, long = slow
    film = write_film(tmp_path / "short.mp4", images[:count])
    track = predict(replace(settings, video=film, out=tmp_path / "out"))
    assert track.found.all() and long.found.all() and len(track) == count
    off_px = np.abs(track.keypoints_px - long.keypoints_px[:count])
    assert off_px.mean() < 2 and off_px.max() < 6
    off = np.linalg.norm(track.root_mm - long.root_mm[:count], axis=1) / long.root_mm[:count, 2]
    assert off.mean() < 0.02
    said = any(line.startswith("the person is seen for") for line in track.warnings)
    assert said == (1 < count < 26), "under a second, from the first frame to the last"
    assert not any("is seen for" in line for line in long.warnings)


def test_results_of_two_videos_of_one_name_lie_in_two_folders(
    tmp_path, monkeypatch, settings, pictures
):
    monkeypatch.chdir(tmp_path)
    for folder, name in (("A", "IMG_1.mp4"), ("B", "IMG_1.mov"), ("B", "walk[1].mp4")):
        Path(folder).mkdir(exist_ok=True)
        write_film(Path(folder) / name, pictures[8:14])
        predict(replace(settings, video=Path(folder) / name, out=None))
    assert sorted(path.name for path in Path("runs").iterdir()) == ["IMG_1", "IMG_1-2", "walk[1]"]
    before = Path("runs/IMG_1/IMG_1.npz").read_bytes()
    predict(replace(settings, video=Path("B/IMG_1.mov"), out=None, overwrite=True))
    assert sorted(path.name for path in Path("runs").iterdir()) == ["IMG_1", "IMG_1-2", "walk[1]"]
    assert Path("runs/IMG_1/IMG_1.npz").read_bytes() != before


def test_another_stream_is_drawn_on_its_own_pictures(tmp_path, settings, pictures, capsys):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        large = add_film(container, (SIZE_WH[0] * 2, SIZE_WH[1] * 2))
        small = add_film(container, SIZE_WH)
        write_frames(
            container, large, [np.full((SIZE_WH[1] * 2, SIZE_WH[0] * 2, 3), 90, np.uint8)] * 8
        )
        write_frames(container, small, pictures[8:16])
    track = predict(replace(settings, video=path, stream=1, out=tmp_path / "out", overlay=True))
    assert track.camera.size_wh == SIZE_WH
    assert open_footage(tmp_path / "out" / "two_overlay.mp4").facts.size_wh == SIZE_WH
    assert "video 1 of the 2 in the file is used" in capsys.readouterr().out


def test_slow_motion_is_scaled_and_warned_of(tmp_path, settings, pictures, capsys):
    path = write_film(tmp_path / "slow.mp4", pictures, metadata={"com.android.capture.fps": "100"})
    track = predict(replace(settings, video=path, out=tmp_path / "out"))
    assert track.time_s == pytest.approx(np.arange(24) / 100) and track.fps == pytest.approx(100)
    said = capsys.readouterr().out
    assert "recorded at 100 frames/s (the file says), played at 25" in said
    assert "unlikely: the person is seen for 0." in said
    assert any("is seen for" in line for line in track.warnings)


def test_a_pause_does_not_thin_the_exports(tmp_path, settings, pictures, capsys):
    """24 frames of 1/25 s, a pause of 2 s in the middle: their mean rate is 8.1."""
    places = [*range(12), *range(62, 74)]
    path = write_film(tmp_path / "pause.mp4", pictures, places=places)
    track = predict(
        replace(settings, video=path, out=tmp_path / "out", formats=("bvh", "trc", "c3d"))
    )
    assert track.fps == pytest.approx(25) and "gaps between frames: 1" in capsys.readouterr().out
    assert "Frame Time: 0.04000000" in (tmp_path / "out" / "pause.bvh").read_text()
    rows = [row.split("\t") for row in (tmp_path / "out" / "pause.trc").read_text().splitlines()]
    assert float(rows[2][0]) == 25, "DataRate"
    times = [float(row[1]) for row in rows[5:] if len(row) > 1 and row[1]]
    assert times == pytest.approx([place / 25 for place in places], abs=1e-4)
    with open(tmp_path / "out" / "pause.c3d", "rb") as file:
        assert struct.unpack("<f", file.read(512)[20:24])[0] == pytest.approx(25)


def test_the_files_focal_length_gives_the_angle_of_view(tmp_path, settings, pictures, capsys):
    key = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
    path = write_film(tmp_path / "walk.mov", pictures[8:14], metadata={key: "26"})
    track = predict(replace(settings, video=path, out=tmp_path / "out"))
    assert view_deg(track.camera) == pytest.approx(2 * np.degrees(np.arctan(18 / 26)))
    assert (
        "camera: 69.4 degrees over the longer side, by the file's focal length"
        in capsys.readouterr().out
    )
    given = predict(replace(settings, video=path, out=tmp_path / "given", fov_deg=50.0))
    assert view_deg(given.camera) == pytest.approx(50)


@pytest.mark.parametrize(("focal", "fov_deg"), [(28, 65.5), (50, 39.6), (2, None), (0, None)])
def test_a_photographs_focal_length_is_read(tmp_path, focal, fov_deg):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = focal
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg", exif=exif)
    assert open_footage(tmp_path / "a.jpg").facts.fov_deg == (
        None if fov_deg is None else pytest.approx(fov_deg, abs=0.05)
    )


def test_a_fade_is_warned_of(tmp_path, settings, pictures, capsys):
    fading = [
        (picture * min(1.0, number / 8)).astype(np.uint8) for number, picture in enumerate(pictures)
    ]
    path = write_film(tmp_path / "fade.mp4", fading)
    track = predict(replace(settings, video=path, out=tmp_path / "out"))
    assert "more than a third of the picture is unlike the rest" in track.warnings[0]
    assert "unlikely: in " in capsys.readouterr().out


def test_a_record_notes_moved_times_gaps_and_changes(tmp_path):
    still = np.full((48, 64, 3), 120, np.uint8)
    film = write_film(
        tmp_path / "a.mp4", [still] * 5 + [still // 4] + [still] * 4, places=[*range(8), 50, 51]
    )
    with closing(FrameRecord()) as record:
        frames = list(record.noting(open_footage(film).frames()))
        share = record.changed_share()
    assert len(frames) == 10 and (share > 0.9).tolist() == [n == 5 for n in range(10)]
    assert record.notes() == [
        "gaps between frames: 1, the longest of 1.72 s after 0.28 s; times are kept"
    ]
