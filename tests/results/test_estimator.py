"""Pictures and masks in, people's poses out: whole rows whatever the batch, boxes steadied, faults
not swallowed. Their Track: turned to the camera, put in its place, scaled to a height.
"""

import math
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from results.onnx_files import STANDING_MM, facts, write_onnx

from posegrid.body.camera import Camera
from posegrid.body.estimate import Estimate
from posegrid.body.skeleton import FEET_PARENTS
from posegrid.errors import CheckpointError
from posegrid.motion.placing import assumed_camera, steadied_boxes
from posegrid.motion.plausible import HEIGHT_PER_BONES
from posegrid.motion.scale import scaled_to_height
from posegrid.people.crop import Silhouette, window_of_box
from posegrid.people.finder import Sighting
from posegrid.results.answers import Answers
from posegrid.results.estimator import (
    BOX_REACH,
    Estimator,
    Origin,
    PersonEstimate,
    _Turns,
    crop_for,
)
from posegrid.results.network import OnnxModel, load_onnx
from posegrid.results.watching import person_track
from posegrid.video.picture import Picture

SIZE_WH = (160, 120)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> OnnxModel:
    """Weights whose joints' x grows with the brightness of the crop's left half."""
    path = tmp_path_factory.mktemp("weights") / "lit.onnx"
    return load_onnx(
        write_onnx(path, metadata=facts(background="kept").to_json(), left_half_mm=100)
    )


def picture(number: int) -> Picture:
    return Picture.from_rgb(np.full((SIZE_WH[1], SIZE_WH[0], 3), 20 + 5 * number, np.uint8))


def silhouette(x: int, y: int, width: int, height: int) -> Silhouette:
    return Silhouette(np.full((height, width), 255, np.uint8), (x, y), 1, SIZE_WH)


def estimated(
    model: OnnxModel, seen: list[dict[int, Silhouette]], **settings
) -> list[PersonEstimate]:
    with Estimator(model, **settings) as estimator:
        for number, silhouettes in enumerate(seen):
            people = [Sighting(n, s) for n, s in silhouettes.items()]
            estimator.add(picture(number), people, number / 25)
        return estimator.finished()


WALK: list[dict[int, Silhouette]] = [{1: silhouette(40 + 3 * i, 20, 30, 80)} for i in range(20)]


@pytest.mark.parametrize("batch", [1, 3, 16, 100])
def test_each_picture_has_its_own_answer_whatever_the_batch(model, batch):
    (person,) = estimated(model, WALK, batch=batch)
    assert person.number == 1 and person.row.tolist() == list(range(20))
    brightness = (person.estimate.pose_mm[:, 3, 0] - STANDING_MM[3, 0]) / 100 * 255
    assert brightness == pytest.approx([20 + 5 * i for i in range(20)], abs=2)
    assert person.box_xyxy[2:-2] == pytest.approx(
        np.array([[40 + 3 * i, 20, 70 + 3 * i, 100] for i in range(2, 18)])
    )


@pytest.mark.parametrize(("background", "channels"), [("masked", 2), ("masked_colour", 4)])
def test_crops_are_in_colour_where_the_weights_say_so(background, channels):
    image = np.full((SIZE_WH[1], SIZE_WH[0], 3), [200, 40, 10], np.uint8)
    window = np.array([40.0, 20.0, 64.0])
    crop = crop_for(
        facts(background=background), Picture.from_rgb(image), silhouette(50, 30, 30, 40), window
    )
    assert crop.shape == (channels, 32, 32)
    middle = crop[:, 16, 10].astype(int)
    assert middle[-1] == 255 and crop[-1, 0, 0] == 0
    expected = [200, 40, 10] if channels == 4 else [84]  # their brightness
    assert np.abs(middle[:-1] - expected).max() <= 2


def test_looks_take_turns_by_the_frame_and_both_are_their_mean(model):
    one, turns, both = (
        estimated(model, WALK, batch=3, looks=looks)[0].estimate.pose_mm
        for looks in ("one", "in-turns", "both")
    )
    assert turns[::2] == pytest.approx(one[::2], abs=1e-3)
    assert turns[1::2] == pytest.approx(2 * both[1::2] - one[1::2], abs=1e-2)
    assert np.abs(turns - one)[1::2].max(axis=(1, 2)).min() > 1


def test_all_blocks_are_answered_for_and_the_answers_lie_on_disk(model):
    answers = Answers()
    with closing(answers), Estimator(model, answers, batch=3) as estimator:
        for number, silhouettes in enumerate(WALK * 2):
            people = [Sighting(n, s) for n, s in silhouettes.items()]
            estimator.add(picture(number % 20), people, number / 25)
        assert estimator._places == [] and len(estimator._sent_before) > 0
        (person,) = estimator.finished()
        assert person.row.tolist() == answers.rows()["frame"].tolist() == list(range(40))


def test_rows_are_those_where_the_person_was_seen(model):
    seen = [{2: silhouette(90, 20, 30, 60)} if i % 4 == 0 else {} for i in range(12)]
    seen[5] = {1: silhouette(10, 20, 30, 80)}
    seen[8] = {**seen[8], 1: silhouette(10, 20, 30, 80)}
    first, second = estimated(model, seen)
    assert (first.number, first.row.tolist()) == (1, [5, 8])
    assert (second.number, second.row.tolist()) == (2, [0, 4, 8])
    assert len(first.estimate.pose_mm) == 2 and len(second.window) == 3


def test_boxes_are_steadied_as_if_all_were_known_at_once(model):
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 20, (15, 2))
    seen = [{1: silhouette(x, y, 30 + x, 60 + y)} for x, y in corners.tolist()]
    for missing in (4, 9, 10):
        seen[missing] = {}
    boxes = np.stack([s[1].box_xyxy if s else np.full(4, np.nan) for s in seen])
    (person,) = estimated(model, seen)
    assert person.box_xyxy == pytest.approx(steadied_boxes(boxes, BOX_REACH)[person.row])


def test_a_frame_that_lost_the_feet_moves_no_crop(model):
    seen = list(WALK)
    seen[10] = {1: silhouette(70, 20, 30, 60)}
    (person,) = estimated(model, seen)
    assert person.box_xyxy[10, 3] == 100
    assert person.window[10, 2] == pytest.approx(person.window[9, 2])


def test_the_size_is_the_area_over_all_frames():
    nothing = Estimate.of_poses(np.zeros((2, 17, 3), np.float32))
    boxes = np.array([[0.0, 0, 2, 3], [10, 10, 14, 11]])
    assert (
        PersonEstimate(1, np.arange(2), boxes, np.zeros((2, 3)), nothing, np.ones(2)).size
        == 2 * 3 + 4 * 1
    )


def test_nobody_gives_nobody(model):
    assert estimated(model, [{} for _ in range(7)]) == [] == estimated(model, [])


def test_a_network_that_fails_is_not_kept_quiet(model):
    broken = replace(model, facts=replace(model.facts, image_size=16))
    with pytest.raises(CheckpointError, match="invalid dimensions"):
        estimated(broken, WALK)


# --- the Track of a person


CAMERA = assumed_camera((1280, 720))
POSE = STANDING_MM.astype(np.float64)
FEET = POSE[list(FEET_PARENTS)] + [[0, 70, 60], [-20, 75, -170], [0, 70, 60], [20, 75, -170]]
ROOTS = np.array([[-900.0, 100, 4000], [-300, 100, 4100], [900, 50, 5000]])


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, OnnxModel]:
    folder = tmp_path_factory.mktemp("weights")
    made = {
        f: write_onnx(folder / f"{f}.onnx", metadata=facts(pose_frame=f).to_json())
        for f in ("view", "camera")
    }
    return {frame: load_onnx(path) for frame, path in made.items()}


def ideal(
    camera: Camera, frame: str, *, keypoints: bool, rows: tuple[int, ...] = (1, 2, 4)
) -> PersonEstimate:
    """What a perfect network says of the pose at ROOTS, in crops of 32 pixels."""
    boxes, windows, poses, feet, places = [], [], [], [], []
    for root in ROOTS:
        pixels = camera.project(POSE + root)
        boxes.append(np.concatenate([pixels.min(0) - 5, pixels.max(0) + 5]))
        windows.append(window_of_box(boxes[-1], 0.1))
        view = camera.windowed(windows[-1], 32).rotation_to_view() if frame == "view" else np.eye(3)
        poses.append(POSE @ view.T)
        feet.append(FEET @ view.T)
        places.append((pixels - windows[-1][:2]) * 32 / windows[-1][2])
    said = np.array(places) if keypoints else np.full((3, 17, 2), np.nan)
    sigma = np.full((3, 17), 40.0 if keypoints else np.nan)
    estimate = Estimate(*(np.asarray(values, np.float32) for values in (poses, said, sigma, feet)))
    return PersonEstimate(
        1, np.array(rows), np.array(boxes), np.array(windows), estimate, np.ones(3)
    )


def tracked(models, camera: Camera, frame: str, *, keypoints: bool = True):
    time_s = np.array([0.0, 0.04, 0.08, 0.14, 0.2, 0.24])
    person = ideal(camera, frame, keypoints=keypoints)
    return person_track(person, time_s, models[frame], Origin("a.mp4", camera, 25.0))


@pytest.mark.parametrize("frame", ["view", "camera"])
@pytest.mark.parametrize("distortion", [(0.0,) * 5, (-0.2, 0.05, 0.0, 1e-3, -1e-3)])
def test_a_perfect_network_gives_the_pose_and_its_place(models, frame, distortion):
    camera = replace(CAMERA, distortion=distortion)
    track = tracked(models, camera, frame)
    assert track.joints_mm[[1, 2, 4]] == pytest.approx(np.tile(POSE, (3, 1, 1)), abs=0.5)
    assert track.root_mm[[1, 2, 4]] == pytest.approx(ROOTS, abs=2)
    assert track.feet_mm[[1, 2, 4]] == pytest.approx(np.tile(FEET, (3, 1, 1)), abs=0.5)
    assert track.keypoints_px[4] == pytest.approx(camera.project(POSE + ROOTS[2]), abs=0.02)


def test_frames_without_the_person_are_missing(models):
    track = tracked(models, CAMERA, "view")
    assert len(track) == 6 and track.found.tolist() == [False, True, True, False, True, False]
    for values in (
        track.joints_mm,
        track.root_mm,
        track.keypoints_px,
        track.sigma_mm,
        track.box_xyxy,
        track.feet_mm,
    ):
        assert np.isnan(values[[0, 3, 5]]).all() and np.isfinite(values[[1, 2, 4]]).all()
    assert track.fps == 25, "the rate of the usual interval"


def test_without_keypoints_the_pelvis_is_where_the_pose_fills_the_box(models):
    track = tracked(models, CAMERA, "view", keypoints=False)
    depth = track.root_mm[[1, 2, 4], 2] / ROOTS[:, 2]
    assert depth == pytest.approx(np.full(3, depth[0]), rel=0.03), (
        "no farther for one place than for another"
    )
    projected = CAMERA.project((track.joints_mm[4] + track.root_mm[4]).astype(np.float64))
    assert (
        track.keypoints_px[4] == pytest.approx(projected, abs=0.01)
        and np.isnan(track.sigma_mm).all()
    )


def test_one_frame_has_the_declared_rate(models):
    person = ideal(CAMERA, "view", keypoints=True)
    one = replace(
        person,
        row=np.array([0]),
        box_xyxy=person.box_xyxy[:1],
        window=person.window[:1],
        estimate=person.estimate.rows(np.array([0])),
        confidence=np.ones(1),
    )
    origin = Origin("a.png", CAMERA, 1.0, camera_assumed=False)
    track = person_track(one, np.zeros(1), models["view"], origin)
    assert track.fps == 1.0 and not track.camera_assumed and track.found.all()


def test_a_height_scales_all_lengths_and_no_pixel(models):
    """STANDING_MM by hand: head 152.32, neck 100, trunk 480, legs 440 and 441.02."""
    bones = np.hypot(140, 60) + np.hypot(80, 60) + 250 + 230 + 440 + np.hypot(440, 30)
    height = HEIGHT_PER_BONES * bones
    track = tracked(models, CAMERA, "view")
    taller = scaled_to_height(track, 1.1 * height)
    for name in ("joints_mm", "root_mm", "sigma_mm"):
        assert getattr(taller, name)[1] == pytest.approx(1.1 * getattr(track, name)[1], rel=1e-4)
    for name in ("keypoints_px", "box_xyxy", "time_s"):
        assert np.array_equal(getattr(taller, name), getattr(track, name), equal_nan=True)
    once = scaled_to_height(taller, 1700.0)
    assert scaled_to_height(once, 1700.0).joints_mm[1] == pytest.approx(once.joints_mm[1], rel=1e-5)


@pytest.mark.parametrize(
    ("dropped", "jitter_s"),
    [
        ({9, 20, 21, 33}, 0.004),
        ({n for n in range(40) if n % 7 == 3 or n % 11 == 5}, 0.004),
        ({n for n in range(2, 40) if n % 5 in (1, 3)}, 0.004),
        ({n for n in range(5, 40) if n % 3 == 1}, 0.002),
    ],
)
def test_a_frames_place_goes_by_time_not_by_the_number_of_frames(dropped, jitter_s) -> None:
    whole, rest = _Turns(), _Turns()
    assert [whole.place(n / 25) for n in range(40)] == list(range(40))
    for n in range(40):
        if n not in dropped:
            assert rest.place(n / 25 + jitter_s * (n % 3)) == n


def test_frames_without_times_take_turns() -> None:
    turns = _Turns()
    assert [turns.mirrored(math.nan) for _ in range(4)] == [False, True, False, True]


def test_dropped_frames_move_no_window_and_change_no_turn(model) -> None:
    kept = [n for n in range(20) if n not in (3, 5, 10, 16, 17)]

    def seen(frames: list[int]) -> PersonEstimate:
        with Estimator(model, looks="in-turns") as estimator:
            for n in frames:
                person = silhouette(20 + 4 * n, 10, 30, 60 + 2 * n)
                estimator.add(picture(n), [Sighting(1, person)], n / 25)
            return estimator.finished()[0]

    whole, rest = seen(list(range(20))), seen(kept)
    assert rest.window == pytest.approx(whole.window[kept])
    assert rest.estimate.pose_mm == pytest.approx(whole.estimate.pose_mm[kept])
