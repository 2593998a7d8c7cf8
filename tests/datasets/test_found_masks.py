"""Masks that the finder puts where recordings have none."""

from dataclasses import replace
from shutil import rmtree

import numpy as np
import pytest
from datasets.test_prepare import own_recordings, settings_of
from people.made_up import RED, SIZE_WH, ColourFinder, picture

from posegrid.body.camera import Camera
from posegrid.datasets.found_masks import box_round_joints, with_found_masks
from posegrid.datasets.prepare import prepare
from posegrid.datasets.recordings import source_of
from posegrid.datasets.sequence import Frame, Sequence
from posegrid.errors import SourceError
from posegrid.people.looks import load_finder
from posegrid.video.picture import Picture

PEOPLE = [(20.0 + 12 * n, 60.0, 56.0 + 12 * n, 150.0) for n in range(12)]


def sequence(masks: list[np.ndarray | None]) -> Sequence:
    """Somebody in red who walks to the right; joints all over them."""

    def open_frames(every: int = 1):
        for n in range(0, len(PEOPLE), every):
            yield Frame(n, n / 25, Picture.from_rgb(picture([(PEOPLE[n], RED)])), masks[n])

    rng = np.random.default_rng(0)
    joints = [rng.uniform((x0, y0), (x1, y1), (17, 2)) for x0, y0, x1, y1 in PEOPLE]
    camera = Camera((300.0, 300.0), (160.0, 96.0), SIZE_WH)
    poses = np.zeros((len(PEOPLE), 17, 3))
    return Sequence("S1", "Walking", 1, "1", camera, 25.0, poses, np.array(joints), open_frames)


def test_frames_without_a_mask_get_one_and_others_keep_theirs():
    mine = np.zeros(SIZE_WH[::-1], bool)
    made = with_found_masks(sequence([mine, *[None] * 11]), ColourFinder([RED]))
    frames = list(made.open_frames())
    assert frames[0].mask is mine and len(frames) == 12
    for frame, box in zip(frames[1:], PEOPLE[1:], strict=True):
        x0, y0, x1, y1 = (round(edge) for edge in box)
        truth = np.zeros(SIZE_WH[::-1], bool)
        truth[y0:y1, x0:x1] = True
        assert (frame.mask & truth).sum() > 0.93 * (frame.mask | truth).sum()


def test_the_box_round_joints_has_room_on_every_side():
    box = box_round_joints(np.array([[10.0, 20.0], *[[30.0, 120.0]] * 16]))
    assert box == pytest.approx([10 - 8, 20 - 8, 30 + 8, 120 + 8])


def test_recordings_without_masks_are_prepared_with_the_finders(tmp_path, capsys):
    root = own_recordings(tmp_path / "own", {"anna": "walk"})
    source = source_of(root)
    view = source.find(None, None, None)[0]
    truth = [frame.mask for frame in source.open(view).open_frames(4)]
    for folder in (root / "anna" / "walk").glob("*.masks"):
        rmtree(folder)
    with pytest.raises(SourceError, match="2 of 2 sequences were skipped"):
        prepare(settings_of(root, tmp_path / "none", background="masked"))
    assert "--masks find" in capsys.readouterr().out.replace("\n", " ")
    found = with_found_masks(source.open(view), load_finder()).open_frames(4)
    overlaps = [
        (frame.mask & mask).sum() / (frame.mask | mask).sum()
        for frame, mask in zip(found, truth, strict=True)
    ]
    assert np.median(overlaps) > 0.6
    asked = settings_of(root, tmp_path / "out", background="masked", masks="find")
    facts = prepare(replace(asked, min_joints_in_mask=0.0))
    assert facts.num_crops > 0 and facts.settings["masks"] == "find"
