"""What a motion is made from: cameras, boxes and masks that fit the pictures, or are refused."""

from collections.abc import Iterator

import numpy as np
import pytest

from posegrid.body.camera import Camera
from posegrid.errors import SettingsError
from posegrid.people.finder import Sighting
from posegrid.results.inputs import Given, Inputs, opened, opened_live
from posegrid.results.predict_settings import PoseSettings

SIZE_WH = (64, 48)
CAMERA = Camera((50.0, 51.0), (31.0, 25.0), SIZE_WH)
BOX = np.array([4.5, 6.0, 20.25, 44.0])
BOXES = np.stack([BOX, np.full(4, np.nan), BOX + 1])
TEN_A_SECOND = PoseSettings(fps=10.0)


def pictures(count: int = 3) -> list[np.ndarray]:
    return [np.full((48, 64, 3), 10 * number, np.uint8) for number in range(count)]


def seen(inputs: Inputs) -> list[list[Sighting]]:
    return [sightings for _, sightings in inputs.finder.follow(inputs.frames)]


def test_a_given_camera_is_the_origins_and_else_one_is_assumed():
    given = opened(pictures(), Given(CAMERA, BOXES), TEN_A_SECOND)
    assert given.origin.camera is CAMERA and not given.origin.camera_assumed
    assert (given.origin.source, given.origin.fps, given.num_frames) == ("pictures", 10.0, 3)
    for fov_deg, focal_px in ((None, 32 * 3**0.5), (90.0, 32.0)):  # 32 / tan(fov / 2)
        settings = PoseSettings(fps=10.0, fov_deg=fov_deg)
        origin = opened(pictures(), Given(boxes=BOXES), settings).origin
        assert origin.camera.focal_px == pytest.approx((focal_px, focal_px))
        assert origin.camera.principal_px == (32, 24) and origin.camera_assumed


def test_boxes_are_those_of_their_frames_and_none_where_they_are_nan():
    first, second, third = seen(opened(pictures(), Given(boxes=BOXES), TEN_A_SECOND))
    assert second == [] and [s.number for s in first + third] == [1, 1]
    np.testing.assert_array_equal(first[0].silhouette.box_xyxy, BOX)
    np.testing.assert_array_equal(third[0].silhouette.box_xyxy, BOX + 1)


@pytest.mark.parametrize("bright", [False, True])
def test_masks_show_who_is_there(bright):
    masks = np.zeros((3, 48, 64), np.uint8 if bright else bool)
    masks[0, 5:40, 10:30] = 255 if bright else True
    first, *rest = seen(opened(pictures(), Given(masks=masks), TEN_A_SECOND))
    np.testing.assert_array_equal(first[0].silhouette.box_xyxy, [10, 5, 30, 40])
    assert rest == [[], []]


@pytest.mark.parametrize(
    ("video", "given", "settings", "said"),
    [
        (2, Given(), {}, "webcam 2: its pictures never end; take `stream` for it"),
        ("2", Given(), {}, "webcam 2: its pictures never end"),
        (None, Given(CAMERA), {"fov_deg": 60.0}, "`camera` and `fov_deg` both say what the camera"),
        (
            None,
            Given(CAMERA.resized(32, 24)),
            {},
            "`camera` is of pictures of 32 x 24, those of pictures are 64 x 48",
        ),
        (
            None,
            Given(boxes={1: {1: BOX}, 3: {1: BOX}}),
            {},
            "`boxes` as given has a box for frame 3, but pictures has 3 frames, 0 to 2",
        ),
        (
            None,
            Given(masks=np.zeros((4, 48, 64), bool)),
            {},
            "`masks` as given has 4 frames, pictures 3: expected as many",
        ),
    ],
)
def test_what_does_not_fit_is_refused(video, given, settings, said):
    with pytest.raises(SettingsError, match=said):
        opened(video or pictures(), given, PoseSettings(fps=10.0, **settings))


def test_live_pictures_are_taken_as_they_come_and_none_is_lost():
    taken = []

    def coming() -> Iterator[tuple[float, np.ndarray]]:
        for number, picture in enumerate(pictures()):
            taken.append(number)
            yield 0.5 * number, picture

    inputs = opened_live(coming(), Given(boxes=BOXES), PoseSettings())
    assert inputs is not None and taken == [0] and inputs.num_frames is None
    assert inputs.origin.camera.size_wh == SIZE_WH
    frames = list(inputs.frames)
    assert [(frame.index, frame.time_s) for frame in frames] == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 10, 20]
    assert opened_live(iter([]), Given(), PoseSettings()) is None
