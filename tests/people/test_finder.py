"""The door of the people's floor: every frame once, who is who after the pass, live and offline."""

import numpy as np
import pytest
from people.cloth_finder import ClothFinder
from people.scenes import scene

from posegrid.people.crop import box_of
from posegrid.people.finder import Finder, Sighting, find_people, given_people
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFrame

WALK = [(-40.0, 65.0)] * 2 + [(20 + 8.0 * i, 65.0) for i in range(16)]


@pytest.fixture(scope="module")
def frames() -> list[VideoFrame]:
    return [
        VideoFrame(i, i / 4, Picture.from_rgb(image))
        for i, image in enumerate(scene(WALK, shadow=False)[0])
    ]


def followed(finder: Finder, frames: list[VideoFrame]) -> list[list[Sighting]]:
    seen = list(finder.follow(frames))
    assert [frame.index for frame, _ in seen] == [frame.index for frame in frames]
    return [sightings for _, sightings in seen]


@pytest.mark.parametrize("live", [False, True])
def test_people_are_seen_from_the_first_frame_that_shows_them(frames, live):
    finder = find_people(None if live else lambda count: [f.picture for f in frames], ClothFinder())
    sightings = followed(finder, frames)
    assert [len(there) for there in sightings] == [0, 0] + [1] * 16
    assert finder.persons() == {1: 1} and finder.camera_fixed
    masks = scene(WALK, shadow=False)[1]
    for mask, there in zip(masks[2:], sightings[2:], strict=True):
        assert there[0].silhouette.box_xyxy == pytest.approx(box_of(mask), abs=4)
        assert 0.5 < there[0].confidence <= 1


def test_given_people_keep_their_numbers(frames):
    box = np.array([3.0, 4, 20, 28])
    finder = given_people({1: {7: box}}, None, "boxes.csv")
    sightings = followed(finder, frames)
    assert [len(there) for there in sightings[:3]] == [0, 1, 0]
    assert sightings[1][0].silhouette.box_xyxy.tolist() == box.tolist()
    assert finder.persons() == {7: 7} and not finder.camera_fixed
    assert finder.nobody(3) == "none of its 3 frames has a person in boxes.csv."
