"""Laws of following, with a finder that knows people by their colours: numbers stay, nobody is
lost, doubt is said."""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from people.made_up import BLUE, FPS, NEARLY_RED, RED, ColourFinder, frames, picture

from posegrid.errors import SourceError
from posegrid.people.finder import Finder, Sighting, find_people
from posegrid.people.following import least_sum
from posegrid.video.video import VideoFrame

HEIGHT, WIDTH = 90, 36


def box(x: float, y: float = 60, scale: float = 1.0) -> tuple[float, float, float, float]:
    return (x, y, x + WIDTH * scale, y + HEIGHT * scale)


def seen(
    video: Sequence[VideoFrame], colours: Sequence[tuple[int, int, int]]
) -> tuple[list[list[Sighting]], Finder, ColourFinder]:
    network = ColourFinder(colours)
    finder = find_people(
        lambda count: [f.picture for f in video][:: max(1, len(video) // count)], network
    )
    network.num_first = 0
    found = list(finder.follow(video))
    assert [frame.index for frame, _ in found] == [frame.index for frame in video]
    return [sightings for _, sightings in found], finder, network


def number_at(sightings: list[Sighting], x: float) -> int:
    """Number of the person whose box begins nearest to x."""
    return min(sightings, key=lambda s: abs(s.silhouette.box_xyxy[0] - x)).number


def test_a_walker_has_one_number_and_their_own_box_in_every_frame():
    places = np.linspace(10, 270, 60)
    video = frames([picture([(box(x), RED)]) for x in places])
    sightings, finder, network = seen(video, [RED])
    assert [[s.number for s in there] for there in sightings] == [[1]] * 60
    for x, (one,) in zip(places, sightings, strict=True):
        assert one.silhouette.box_xyxy == pytest.approx(np.round(box(x)), abs=1.5)
        assert one.confidence > 0.7
    assert finder.persons() == {1: 1} and finder.camera_fixed
    assert finder.prominence(1)[0]
    assert network.num_first < 25, "the whole picture is looked at only now and then"


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("other", [BLUE, NEARLY_RED])
def test_who_cross_keep_their_numbers(other, backwards):
    """The one in front hides the other for a while; in any direction of time."""
    left, right = np.linspace(20, 240, 70), np.linspace(250, 30, 70)
    images = [
        picture([(box(b), other), (box(a, 62), RED)]) for a, b in zip(left, right, strict=True)
    ]
    video = frames(images[::-1] if backwards else images)
    if backwards:
        left, right = left[::-1], right[::-1]
    sightings, finder, _ = seen(video, [RED, other])
    first = number_at(sightings[0], left[0]), number_at(sightings[0], right[0])
    last = number_at(sightings[-1], left[-1]), number_at(sightings[-1], right[-1])
    assert first == last and set(first) == {1, 2} and len(finder.persons()) == 2
    front = [next(s for s in there if s.number == first[0]) for there in sightings]
    assert len(front) == 70, "the one in front is never lost"
    assert {s.number for there in sightings for s in there} == {1, 2}


def test_where_two_alike_cross_the_confidence_falls():
    left, right = np.linspace(20, 240, 70), np.linspace(250, 30, 70)
    images = [
        picture([(box(b), NEARLY_RED), (box(a, 62), RED)]) for a, b in zip(left, right, strict=True)
    ]
    sightings, _, _ = seen(frames(images), [RED, NEARLY_RED])
    apart = [s.confidence for there in sightings[:20] for s in there]
    close = [s.confidence for there in sightings[33:38] for s in there]
    assert min(apart) > 0.7 and min(close) < 0.5


def test_who_goes_behind_a_pillar_comes_out_as_the_same():
    places = np.linspace(10, 270, 80)
    pillar = ((130, 0, 175, 192), (100, 100, 100))
    video = frames([picture([(box(x), RED), pillar]) for x in places])
    sightings, finder, _ = seen(video, [RED])
    assert {s.number for there in sightings for s in there} == {1} == set(finder.persons())
    for x, there in zip(places, sightings, strict=True):
        shown = max(130 - x, x + WIDTH - 175)
        assert there if shown > 6 else shown > 0 or not there


def test_who_leaves_and_returns_is_the_same_and_another_is_not():
    there = [[(box(x), RED)] for x in np.linspace(100, -60, 40)]
    away = [[]] * 60
    back = [[(box(x), RED)] for x in np.linspace(-60, 100, 40)]
    other = [[(box(x), BLUE)] for x in np.linspace(330, 200, 40)]
    video = frames([picture(p) for p in [*there, *away, *back, *away, *other]])
    sightings, finder, _ = seen(video, [RED, BLUE])
    numbers = [{s.number for s in now} for now in sightings]
    assert set().union(*numbers[:40]) == {1} == set().union(*numbers[100:140])
    assert not any(numbers[60:95]) and set().union(*numbers[200:]) == {2}
    assert set(finder.persons()) == {1, 2}


def test_whoever_turns_up_between_looks_was_there_before():
    video = frames(
        [picture([(box(40), RED)] + [(box(200 + n), BLUE)] * (n > 6)) for n in range(20)]
    )
    sightings, _, _ = seen(video, [RED, BLUE])
    assert [len(there) for there in sightings] == [1] * 7 + [2] * 13


def test_a_part_of_somebody_is_nobody_but_who_stays_beside_them_is():
    """Blue turns up in front of red: for less than a second, or for good."""
    blue = ((108.0, 80.0, 128.0, 140.0), BLUE)
    for there, numbers in (range(8, 25), {1}), (range(8, 60), {1, 2}):
        video = frames([picture([(box(100), RED)] + [blue] * (n in there)) for n in range(60)])
        sightings, finder, _ = seen(video, [RED, BLUE])
        assert {s.number for now in sightings for s in now} == numbers == set(finder.persons())
        assert all(1 in {s.number for s in now} for now in sightings)


def test_a_poster_is_less_than_who_moves_though_larger_and_seen_longer():
    poster, walker = (box(230, 20, 1.6), BLUE), np.linspace(10, 180, 40)
    video = frames(
        [picture([poster, *([(box(walker[n]), RED)] if n < 40 else [])]) for n in range(60)]
    )
    sightings, finder, _ = seen(video, [RED, BLUE])
    red, blue = number_at(sightings[0], 10), number_at(sightings[0], 230)
    assert finder.prominence(red) > finder.prominence(blue) and not finder.prominence(blue)[0]


def test_of_two_who_move_the_larger_is_meant():
    far, near = np.linspace(10, 280, 60), np.linspace(200, 40, 60)
    video = frames(
        [
            picture([(box(a, 20, 0.4), BLUE), (box(b, 80), RED)])
            for a, b in zip(far, near, strict=True)
        ]
    )
    sightings, finder, _ = seen(video, [RED, BLUE])
    near_one, far_one = number_at(sightings[0], 200), number_at(sightings[0], 10)
    assert finder.prominence(near_one) > finder.prominence(far_one)


def test_somebody_who_never_moves_is_found_in_every_frame():
    sightings, finder, _ = seen(frames([picture([(box(120), RED)])] * 30), [RED])
    assert all(len(there) == 1 for there in sightings) and finder.persons() == {1: 1}


def test_a_camera_that_pans_is_noticed_and_people_are_followed_all_the_same():
    video = frames([picture([(box(120 + n), RED)], shift=4 * n) for n in range(60)])
    sightings, finder, _ = seen(video, [RED])
    assert not finder.camera_fixed
    assert [[s.number for s in there] for there in sightings] == [[1]] * 60


def test_a_jump_is_followed_by_a_look_at_the_whole():
    places = [*np.linspace(20, 60, 20), *np.linspace(85, 125, 20)]
    sightings, finder, _ = seen(frames([picture([(box(x), RED)]) for x in places]), [RED])
    assert all(len(there) == 1 for there in sightings) and set(finder.persons()) == {1}


@pytest.mark.parametrize("count", [1, 2, 4])
def test_clips_of_a_few_frames_are_enough(count):
    sightings, finder, _ = seen(frames([picture([(box(120), RED)])] * count), [RED])
    assert [len(there) for there in sightings] == [1] * count
    assert finder.persons() == {1: 1} and finder.camera_fixed


def test_a_live_source_has_somebody_in_its_first_frame_and_no_frame_late():
    video = frames([picture([(box(100 + n), RED)]) for n in range(10)])
    finder = find_people(None, ColourFinder([RED]))
    taken: list[int] = []

    def coming():
        for frame in video:
            taken.append(frame.index)
            yield frame

    for frame, sightings in finder.follow(coming()):
        assert taken[-1] == frame.index and len(sightings) == 1


def test_what_was_seen_before_a_damage_is_given():
    def damaged():
        yield from frames([picture([(box(100 + n), RED)]) for n in range(7)])
        raise SourceError("damaged")

    finder, found = find_people(lambda count: [], ColourFinder([RED])), []
    with pytest.raises(SourceError, match="damaged"):
        for one in finder.follow(damaged()):
            found.append(one)
    assert [len(sightings) for _, sightings in found] == [1] * 7


def test_nobody_is_nobody():
    sightings, finder, _ = seen(frames([picture([])] * 12), [RED])
    assert not any(sightings) and finder.persons() == {}
    assert "nobody was found in 12 frames" in finder.nobody(12)


def test_frames_at_uneven_times_are_followed():
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.uniform(0.5, 2.5, 50)) / FPS
    video = [
        VideoFrame(n, float(t), frame.picture)
        for n, (t, frame) in enumerate(
            zip(times, frames([picture([(box(10 + 60 * t), RED)]) for t in times]), strict=True)
        )
    ]
    sightings, _, _ = seen(video, [RED])
    assert [[s.number for s in there] for there in sightings] == [[1]] * 50


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (3, 3), (2, 4), (4, 2)])
def test_pairs_have_the_least_sum_of_all(shape):
    costs = np.random.default_rng(sum(shape)).uniform(0, 1, shape)
    pairs = least_sum(costs)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == min(shape)
    turned = costs if shape[0] <= shape[1] else costs.T
    best = min(
        sum(turned[row, column] for row, column in enumerate(way))
        for way in permutations(range(turned.shape[1]), turned.shape[0])
    )
    assert sum(costs[pair] for pair in pairs) == pytest.approx(best)
