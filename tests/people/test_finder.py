"""The door of the people's floor: every frame once, who is who after the pass, live and offline."""

import numpy as np
import pytest
from people.scenes import scene

from posegrid.errors import SourceError
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


def test_after_a_glance_at_the_video_people_are_seen_from_the_first_frame(frames):
    finder = find_people(lambda count: [frame.picture for frame in frames])
    sightings = followed(finder, frames)
    assert [len(there) for there in sightings[:2]] == [0, 0]
    assert {s.number for there in sightings[4:] for s in there} == {1}
    assert finder.persons() == {1: 1} and finder.camera_fixed
    assert "no moving person was found in 18 frames" in finder.nobody(18)


def test_a_live_source_shows_nobody_while_the_scene_is_learnt(frames):
    finder = find_people(None)
    sightings = followed(finder, frames)
    assert not any(sightings[:13]) and any(sightings[13:])
    with pytest.raises(SourceError, match="end before 3 s"):
        followed(find_people(None), frames[:5])


def test_given_people_keep_their_numbers(frames):
    box = np.array([3.0, 4, 20, 28])
    finder = given_people({1: {7: box}}, None, "boxes.csv")
    sightings = followed(finder, frames)
    assert [len(there) for there in sightings[:3]] == [0, 1, 0]
    assert sightings[1][0].silhouette.box_xyxy.tolist() == box.tolist()
    assert finder.persons() == {7: 7} and not finder.camera_fixed
    assert finder.nobody(3) == "none of its 3 frames has a person in boxes.csv."
