"""Boxes, masks, or masks inside boxes that the user gives are the people of each picture."""

from collections.abc import Iterator

import numpy as np
import pytest

from posegrid.errors import SourceError
from posegrid.people.given import GivenPeople
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFrame

BLANK = np.zeros((30, 40, 3), np.uint8)


def blank() -> Picture:
    return Picture.from_rgb(BLANK)


def masks(*boxes: tuple[int, int, int, int]) -> Iterator[VideoFrame]:
    """A frame for each box, white inside."""
    for index, (x0, y0, x1, y1) in enumerate(boxes):
        image = BLANK.copy()
        image[y0:y1, x0:x1] = 255
        yield VideoFrame(index, 0.0, Picture.from_rgb(image))


def test_a_box_alone_is_kept_to_the_fraction_and_hides_nothing():
    people = GivenPeople({0: {4: np.array([3.25, 4.5, 20.75, 28.0])}}, None)
    seen = people.seen(blank())
    assert list(seen) == [4] and seen[4].box_xyxy.tolist() == [3.25, 4.5, 20.75, 28.0]
    assert seen[4].in_picture().all() and seen[4].square(0, 0, 1, 30).all()
    assert people.seen(blank()) == {}, "no box for the next frame"


def test_a_mask_alone_is_person_1():
    people = GivenPeople(None, masks((5, 6, 15, 26), (0, 0, 0, 0)))
    seen = people.seen(blank())
    assert list(seen) == [1] and seen[1].box_xyxy.tolist() == [5, 6, 15, 26]
    assert seen[1].in_picture().sum() == 10 * 20
    assert people.seen(blank()) == {}, "a black mask is nobody"


def test_of_a_mask_each_box_has_its_part():
    boxes = {
        0: {
            1: np.array([0.0, 0, 9.5, 30]),
            2: np.array([20.0, -5, 60, 99]),
            3: np.array([12.0, 0, 18, 30]),
        }
    }
    both = np.maximum(*(frame.image for frame in masks((4, 6, 9, 26), (30, 2, 40, 30))))
    people = GivenPeople(boxes, iter([VideoFrame(0, 0.0, Picture.from_rgb(both))]))
    seen = people.seen(blank())
    assert {number: s.box_xyxy.tolist() for number, s in seen.items()} == {
        1: [4, 6, 9, 26],
        2: [30, 2, 40, 30],
    }


def test_masks_that_end_early_or_are_of_another_size_are_refused():
    people = GivenPeople(None, masks((5, 6, 15, 26)))
    people.seen(blank())
    with pytest.raises(SourceError, match="`masks` has only 1 frames"):
        people.seen(blank())
    with pytest.raises(SourceError, match="pictures of 40 x 30, expected 8 x 6"):
        GivenPeople(None, masks((5, 6, 15, 26))).seen(Picture.from_rgb(BLANK[:6, :8]))
