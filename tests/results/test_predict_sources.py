"""What `predict` makes of sources that are no plain video of one walk: done right, or refused with
the reason.
"""

import signal
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import av
import numpy as np
import pytest
from people.scenes import SIZE_WH, scene, wall
from PIL import Image
from results.onnx_files import facts, write_onnx

from posegrid.body.track import Track
from posegrid.cli import run
from posegrid.errors import OutputError, SettingsError, SourceError
from posegrid.results import estimator as estimating
from posegrid.results.estimator import crop_for
from posegrid.results.predict import predict
from posegrid.results.predict_settings import PredictSettings
from posegrid.video import video as video_files
from posegrid.video import webcam
from posegrid.video.video import read_frames
from posegrid.video.writer import VideoWriter

WALK = [(30 + 6.0 * i, 65.0) for i in range(24)]


@cache
def walked() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pictures and masks of the walk; nobody may change them."""
    return scene(WALK, shadow=False)


def write_video(
    path: Path, pictures: list[np.ndarray], times: list[float] | None = None, fps: float = 25
) -> Path:
    height, width = pictures[0].shape[:2]
    with VideoWriter(path, fps, (width, height), quality=12) as video:
        for number, picture in enumerate(pictures):
            video.write(picture, None if times is None else times[number])
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return write_onnx(tmp_path_factory.mktemp("weights") / "standing.onnx")


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """Weights that know crops with their background."""
    return write_onnx(
        tmp_path_factory.mktemp("kept") / "kept.onnx", metadata=facts(background="kept").to_json()
    )


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Path:
    return write_video(tmp_path_factory.mktemp("walk") / "walk.mp4", walked()[0])


@pytest.fixture
def settings(tmp_path, weights, walk) -> PredictSettings:
    return PredictSettings(
        walk, out=tmp_path / "out", weights=weights, overlay=False, overwrite=True
    )


def files(settings: PredictSettings) -> list[str]:
    """What was written, but for the raw Track beside each Track."""
    assert settings.out is not None
    names = sorted(path.name for path in settings.out.iterdir()) if settings.out.exists() else []
    assert all(name.replace("_raw", "") in names for name in names)
    return [name for name in names if not name.endswith("_raw.npz")]


def boxes_of(masks: list[np.ndarray]) -> list[list[int]]:
    found = [np.argwhere(mask) for mask in masks]
    return [
        [*at.min(0)[::-1].tolist(), *(at.max(0)[::-1] + 1).tolist()] if len(at) else []
        for at in found
    ]


def write_boxes(path: Path, masks: list[np.ndarray]) -> Path:
    rows = [f"{i},{','.join(map(str, box))}" for i, box in enumerate(boxes_of(masks)) if box]
    path.write_text("\n".join(["frame,x0,y0,x1,y1", *rows]))
    return path


def write_pictures(folder: Path, pictures: list[np.ndarray]) -> Path:
    folder.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return folder


def panning(
    pictures: list[np.ndarray], step: float, size_wh: tuple[int, int] = (120, 130)
) -> list[np.ndarray]:
    """A window that moves over the pictures: what a camera that is turned sees."""
    width, height = size_wh
    return [
        picture[:height, int(step * i) : int(step * i) + width]
        for i, picture in enumerate(pictures)
    ]


# -- other sources


def test_a_folder_of_pictures_is_a_video(tmp_path, settings):
    pictures, _ = walked()
    folder = write_pictures(tmp_path / "frames", pictures)
    track = predict(replace(settings, video=folder, fps=50))
    assert (
        track.found.sum() >= 22
        and track.fps == pytest.approx(50)
        and track.time_s[3] == pytest.approx(0.06)
    )
    assert files(settings) == ["frames.npz"]
    assert len(predict(replace(settings, video=folder / "1*.png", fps=50))) == 11


def test_variable_times_are_the_tracks(tmp_path, settings):
    times = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.09, 24)).tolist()
    path = write_video(tmp_path / "a.mp4", walked()[0], [t - times[0] for t in times])
    track = predict(replace(settings, video=path))
    assert track.time_s == pytest.approx(np.array(times) - times[0], abs=2e-4)
    assert track.fps == pytest.approx(1 / np.median(np.diff(times)), rel=1e-2)


def test_a_video_held_upright_is_turned_as_it_is_shown(tmp_path, settings):
    """Stored lying, with a note to turn it: the person walks as in the upright video."""
    pictures, masks = walked()
    stored = [
        np.rot90(picture) for picture in pictures
    ]  # shown turned back, a quarter turn clockwise
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12"})
        (stream.width, stream.height), stream.pix_fmt = SIZE_WH[::-1], "yuv420p"
        stream.set_display_rotation(-90)
        for picture in stored:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    track = predict(replace(settings, video=path))
    assert track.camera.size_wh == SIZE_WH
    assert track.box_xyxy[6:20] == pytest.approx(np.array(boxes_of(masks)[6:20]), abs=6)


def test_a_webcam_is_recorded_and_then_done(tmp_path, settings, walk, monkeypatch):
    monkeypatch.setattr(webcam, "_opened", lambda number: av.open(str(walk)))
    track = predict(replace(settings, video=Path("0"), seconds=0.8))
    assert len(track) == 20 and files(settings) == ["webcam0.mp4", "webcam0.npz"]


def test_two_people_in_one_picture_keep_their_numbers(tmp_path, settings):
    """Two clips side by side in one: each person is as in the clip alone."""
    left, right = walked()[0], scene(WALK[::-1], shadow=False, seed=1)[0]
    both = [np.concatenate(pair, axis=1) for pair in zip(left, right, strict=True)]
    track = predict(replace(settings, video=write_video(tmp_path / "two.mp4", both), person="all"))
    assert files(settings) == ["two_person1.npz", "two_person2.npz"]
    others = [Track.load(tmp_path / "out" / f"two_person{n}.npz") for n in (1, 2)]
    sides = [np.nanmax(other.box_xyxy[:, 2]) <= 200 for other in others]
    assert sorted(sides) == [False, True] and len(track) == 24
    for other in others:
        middle = np.nanmean(other.box_xyxy[:, ::2], axis=1)
        assert (np.diff(middle[2:-2]) > 0).all() or (np.diff(middle[2:-2]) < 0).all(), (
            "nobody is taken for the other"
        )


def test_a_person_who_leaves_and_returns_is_the_same_and_missing_between(tmp_path, settings):
    away = [(-300.0, 65.0)] * 6
    pictures, truth = scene([*WALK[::2], *away, *WALK[::-2]], shadow=False)
    track = predict(replace(settings, video=write_video(tmp_path / "a.mp4", pictures), person=1))
    there = np.array([mask.any() for mask in truth])
    assert not track.found[~there].any() and track.found[:11].all() and track.found[-8:].all()


# -- what the user has found


def test_a_camera_may_move_with_boxes_and_without(tmp_path, settings, kept):
    pictures, masks = walked()
    video = write_video(tmp_path / "pan.mp4", panning(pictures, 3.0))
    found = predict(replace(settings, video=video))
    assert not found.camera_fixed and found.found.mean() > 0.9
    boxes = write_boxes(tmp_path / "boxes.csv", panning(masks, 3.0))
    track = predict(replace(settings, video=video, boxes=boxes, weights=kept))
    assert track.box_xyxy[8] == pytest.approx(np.array(boxes_of(panning(masks, 3.0))[8]), abs=4)


@pytest.mark.parametrize("count", [1, 2, 12])
def test_somebody_who_stands_still_is_found_in_clips_of_any_length(tmp_path, settings, count):
    pictures = scene([(100.0, 65.0)] * 12, noise=0, flicker=0)[0][:1] * count
    track = predict(replace(settings, video=write_video(tmp_path / "still.mp4", pictures)))
    assert track.found.all() and len(track) == count and track.camera_fixed
    assert (track.confidence > 0.5).all()


def test_a_photograph_is_enough(tmp_path, settings):
    pictures, masks = walked()
    Image.fromarray(pictures[10]).save(tmp_path / "one.png")
    track = predict(replace(settings, video=tmp_path / "one.png"))
    assert track.box_xyxy == pytest.approx(np.array(boxes_of(masks[10:11])), abs=5)


def test_with_masks_a_single_picture_is_enough(tmp_path, settings):
    pictures, masks = walked()
    Image.fromarray(pictures[10]).save(tmp_path / "one.png")
    Image.fromarray(255 * masks[10].astype(np.uint8)).save(tmp_path / "mask.png")
    track = predict(
        replace(settings, video=tmp_path / "one.png", masks=tmp_path / "mask.png", overlay=True)
    )
    assert track.box_xyxy.tolist() == boxes_of(masks[10:11]) and track.found.all()
    assert files(settings) == ["one.npz", "one_contact.png", "one_overlay.png"]


def crops_of(settings: PredictSettings, monkeypatch) -> list[np.ndarray]:
    """The crops that the network is given."""
    crops: list[np.ndarray] = []

    def noted(*given):
        crops.append(crop_for(*given))
        return crops[-1]

    monkeypatch.setattr(estimating, "crop_for", noted)
    predict(settings)
    return crops


def test_a_mask_cuts_the_person_out_and_a_box_alone_does_not(tmp_path, settings, kept, monkeypatch):
    _, masks = walked()
    video = write_video(
        tmp_path / "masks.mp4",
        [np.repeat(255 * m[..., None].astype(np.uint8), 3, -1) for m in masks],
    )
    boxes = write_boxes(tmp_path / "boxes.csv", masks)
    found = crops_of(settings, monkeypatch)
    masked = crops_of(replace(settings, masks=video), monkeypatch)
    both = crops_of(replace(settings, masks=video, boxes=boxes), monkeypatch)
    boxed = crops_of(replace(settings, boxes=boxes, weights=kept), monkeypatch)
    assert len(found) == len(masked) == len(both) == len(boxed) == 24
    assert np.abs(masked[8].astype(float) - both[8]).mean() < 4
    assert np.abs(masked[8].astype(float) - found[8]).mean() < 20
    outside = masked[8] == 0
    assert outside.mean() > 0.4 and (boxed[8][outside] > 0).mean() > 0.9


def test_boxes_alone_are_refused_for_weights_that_know_no_background(tmp_path, settings):
    boxes = write_boxes(tmp_path / "boxes.csv", walked()[1])
    with pytest.raises(
        SettingsError, match=r"standing\.onnx knows only people cut out of it: give `masks`"
    ):
        predict(replace(settings, boxes=boxes))


def test_boxes_of_several_people_are_theirs(tmp_path, settings, kept, capsys):
    rows = [f"{i},{x},20,{x + 40},110,{n}" for i in range(24) for n, x in ((4, 20), (9, 120))]
    (tmp_path / "boxes.csv").write_text("\n".join(["frame,x0,y0,x1,y1,person", *rows]))
    track = predict(replace(settings, boxes=tmp_path / "boxes.csv", person=9, weights=kept))
    assert track.box_xyxy[5].tolist() == [120, 20, 160, 110]
    assert "this is person 9 (--person 9) of 2 people" in capsys.readouterr().out


def test_masks_that_do_not_fit_are_refused(tmp_path, settings):
    pictures, _ = walked()
    short = write_video(tmp_path / "short.mp4", pictures[:20])
    with pytest.raises(SettingsError, match=r"has 20 frames.*24: expected as many"):
        predict(replace(settings, masks=short))
    small = write_video(tmp_path / "small.mp4", [picture[:100, :100] for picture in pictures])
    with pytest.raises(SourceError, match="pictures of 100 x 100, expected 200 x 130"):
        predict(replace(settings, masks=small))
    black = write_video(tmp_path / "black.mp4", [0 * picture for picture in pictures])
    with pytest.raises(SourceError, match=r"none of its 24 frames has a person in .*black\.mp4"):
        predict(replace(settings, masks=black))


def test_boxes_beyond_the_video_are_refused(tmp_path, settings, kept):
    (tmp_path / "boxes.csv").write_text("frame,x0,y0,x1,y1\n3,10,20,50,90\n24,10,20,50,90\n")
    with pytest.raises(SettingsError, match=r"a box for frame 24, but .* has 24 frames, 0 to 23"):
        predict(replace(settings, boxes=tmp_path / "boxes.csv", weights=kept))


# -- what cannot be done


def make_audio(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def make_without_frames(path: Path) -> None:
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()


def make_nobody(path: Path) -> None:
    write_video(path, scene([(-500.0, 65.0)] * 12)[0])


def make_shaking(path: Path) -> None:
    scenery, rng = wall(np.random.default_rng(3), (240, 170)), np.random.default_rng(4)
    corners = rng.integers(0, 20, (24, 2))
    write_video(
        path,
        [np.clip(scenery[y : y + 130, x : x + 200], 0, 255).astype(np.uint8) for y, x in corners],
    )


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("audio.mp4", make_audio, "holds no video, only audio"),
        ("none.mkv", make_without_frames, "no frame could be decoded|is no video"),
        ("nobody.mp4", make_nobody, "nobody was found in 12 frames.*`boxes` or `masks`"),
        ("shaking.mp4", make_shaking, "nobody was found in 24 frames"),
        ("text.mp4", lambda path: path.write_text("no video"), "is no video"),
    ],
)
def test_what_holds_no_walk_is_refused_and_nothing_is_written(
    tmp_path, settings, capsys, name, make, message
):
    make(tmp_path / name)
    with pytest.raises(SourceError, match=message):
        predict(replace(settings, video=tmp_path / name))
    weights, out = str(settings.weights), str(tmp_path / "out")
    assert run(["predict", str(tmp_path / name), "--weights", weights, "--out", out]) == 1
    assert name in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("before", [None, "runs", "runs/walk"])
def test_what_is_no_video_leaves_no_folder_behind(tmp_path, settings, monkeypatch, before):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "walk.mp4").write_text("no video")
    if before is not None:
        (tmp_path / before).mkdir(parents=True)
    there = sorted(tmp_path.rglob("*"))
    with pytest.raises(SourceError, match="is no video"):
        predict(replace(settings, video=Path("walk.mp4"), out=None))
    assert sorted(tmp_path.rglob("*")) == there


def test_the_largest_pictures_are_done(tmp_path, settings):
    """8K: 7680 x 4320. The figure is enlarged 40 times."""
    pictures, masks = scene([(40 + 12.0 * i, 60.0) for i in range(8)], shadow=False)
    path = tmp_path / "8k.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 7680, 4320, "yuvj420p"
        for picture in pictures:
            small = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(picture[:108, :192]), format="rgb24"
            )
            container.mux(stream.encode(small.reformat(7680, 4320, "yuvj420p")))
        container.mux(stream.encode(None))
    track = predict(replace(settings, video=path))
    assert track.found.sum() >= 7
    true = 40 * np.array(boxes_of([mask[:108, :192] for mask in masks])[4])
    assert track.box_xyxy[4] == pytest.approx(true, abs=160)


def test_before_a_damage_in_the_middle_all_is_kept_and_marked(tmp_path, settings, capsys):
    pictures, _ = scene([(30 + 2.0 * i, 65.0) for i in range(72)], shadow=False)
    data = bytearray(write_video(tmp_path / "a.mp4", pictures).read_bytes())
    more_than_a_frame = len(data) // 36
    middle = 2 * len(data) // 3
    data[middle : middle + more_than_a_frame] = bytes(more_than_a_frame)
    (tmp_path / "a.mp4").write_bytes(bytes(data))
    with pytest.raises(SourceError, match=r"frames could be read of 72 declared"):
        predict(replace(settings, video=tmp_path / "a.mp4"))
    assert files(settings) == ["a_partial.npz"]
    kept = Track.load(tmp_path / "out" / "a_partial.npz")
    assert 10 < len(kept) < 72 and kept.found.mean() > 0.8
    assert f"only part of the video was used: {len(kept)} frames" in capsys.readouterr().out


def test_what_was_done_until_ctrl_c_is_kept_and_marked(settings, monkeypatch, request):
    def with_ctrl_c(self):
        for frame in read_frames(self.path):
            if frame.index == 15:
                signal.raise_signal(signal.SIGINT)
            yield frame

    monkeypatch.setattr("posegrid.video.footage.VideoFile.frames", with_ctrl_c)
    request.addfinalizer(partial(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT)))
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a job in the background may have it ignored
    with pytest.raises(KeyboardInterrupt):
        predict(settings)
    assert files(settings) == ["walk.watched", "walk_partial.npz"]
    assert len(Track.load(settings.out / "walk_partial.npz")) == 15
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_nothing_can_be_written_nothing_is_begun(tmp_path, settings, monkeypatch):
    monkeypatch.setattr(video_files, "opened", lambda *_, **__: pytest.fail("the video was opened"))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="nothing can be written there"):
        predict(replace(settings, out=tmp_path / "file" / "x"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fps": -25.0}, "expected a number per second above 0"),
        ({"seconds": 3.0}, "`seconds` 3: is for a webcam"),
        ({"video": Path("0"), "seconds": -1.0}, "above 0"),
    ],
)
def test_settings_of_other_sources_are_refused(settings, changes, message):
    with pytest.raises(SettingsError, match=message):
        predict(replace(settings, **changes))
