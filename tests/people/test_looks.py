"""The finder's file: what it is given, and what is made of its answers."""

from pathlib import Path

import numpy as np
import pytest
from people.onnx_finder import CENTRE, FACTS, blue_finder

from posegrid.errors import CheckpointError
from posegrid.people.looks import (
    FinderNetwork,
    Shot,
    Thresholds,
    iou,
    load_finder,
    peaks,
    window_round,
)
from posegrid.people.reference import Reference
from posegrid.video.picture import Picture

BLUE = (20, 30, 200)


@pytest.fixture(scope="module")
def finder(tmp_path_factory) -> FinderNetwork:
    path = tmp_path_factory.mktemp("weights") / "finder.onnx"
    path.write_bytes(blue_finder())
    return load_finder(path)


def shot(x0: int, y0: int, x1: int, y1: int, size_wh: tuple[int, int] = (960, 540)) -> Shot:
    image = np.full((size_wh[1], size_wh[0], 3), 120, np.uint8)
    image[max(y0, 0) : y1, max(x0, 0) : x1] = BLUE
    return Shot(Picture.from_rgb(image), None)


@pytest.mark.parametrize("size_wh", [(960, 540), (540, 960), (640, 480), (300, 300), (64, 64)])
def test_a_first_look_gives_the_box_in_the_pictures_pixels(finder, size_wh):
    box = [round(f * s) for f, s in zip((0.4, 0.3, 0.55, 0.8), size_wh * 2, strict=True)]
    (found,) = finder.everybody(shot(*box, size_wh))
    assert found.box_xyxy == pytest.approx(box, abs=1.2 * max(size_wh) / 256)
    assert found.score == pytest.approx(CENTRE, abs=0.15)


def test_a_lower_limit_of_pixels_takes_more_of_them_in():
    person = np.array([0.1, 0.29, 0.31, 0.9], np.float32)
    edged = Thresholds(find=0.3, start=0.45, keep=0.15, mask=0.3).edged(person)
    assert (edged >= 0.5).tolist() == [False, False, True, True] and (np.diff(edged) > 0).all()
    assert (Thresholds(find=0.3, start=0.45, keep=0.15).edged(person) == person).all()


def test_nobody_gives_nobody(finder):
    assert finder.everybody(shot(0, 0, 0, 0)) == []
    outline = finder.each(shot(0, 0, 0, 0), [np.array([10.0, 10, 50, 90])])[0]
    assert outline.box_xyxy() is None and outline.score == 0


@pytest.mark.parametrize("box", [(400, 100, 470, 300), (300, 200, 520, 260), (-20, 300, 60, 560)])
def test_a_second_look_gives_mask_and_box_finer(finder, box):
    x0, y0, x1, y1 = box
    expected = np.array([x0 + 5.0, y0 - 4, x1 + 6, y1 + 3])
    (outline,) = finder.each(shot(*box), [expected])
    inside = np.array([max(x0, 0), max(y0, 0), min(x1, 960), min(y1, 540)])
    assert outline.box_xyxy() == pytest.approx(inside, abs=2 * outline.scale)
    assert outline.score == pytest.approx(CENTRE, abs=0.15)
    mask = outline.silhouette((960, 540)).in_picture()
    true = np.zeros_like(mask)
    true[max(y0, 0) : y1, max(x0, 0) : x1] = True
    assert (mask & true).sum() / (mask | true).sum() > 0.93


def test_many_second_looks_are_answered_in_the_order_asked(finder):
    boxes = [
        np.array(b, float) for b in ((400, 100, 470, 300), (10, 10, 90, 40), (380, 90, 480, 310))
    ]
    outlines = finder.each(shot(400, 100, 470, 300), boxes)
    assert [o.box_xyxy() is None for o in outlines] == [False, True, False]
    assert all(
        np.allclose(o.window_xyxy, window_round(b)[0]) for o, b in zip(outlines, boxes, strict=True)
    )


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ((0, 0, 40, 90), (96, 192)),
        ((0, 0, 70, 90), (128, 160)),
        ((0, 0, 90, 70), (160, 128)),
        ((0, 0, 10, 90), (96, 192)),
        ((0, 0, 90, 10), (192, 96)),
    ],
)
def test_windows_hold_the_box_with_room_and_without_stretching(box, size):
    window, size_wh = window_round(np.array(box, float))
    sides = window[2:] - window[:2]
    assert size_wh == size and sides[0] / sides[1] == pytest.approx(size[0] / size[1])
    assert (sides >= 1.4 * np.array(box[2:]) - 1e-9).all()
    assert (window[:2] + window[2:]).tolist() == pytest.approx([box[2], box[3]])


def test_peaks_are_told_once_and_near_doubles_dropped():
    centre = np.zeros((20, 30), np.float32)
    centre[5, 5], centre[5, 6] = 0.8, 0.8  # a plateau
    centre[12, 20], centre[12, 22], centre[2, 28] = 0.7, 0.6, 0.1
    box = np.zeros((4, 20, 30), np.float32)
    box[:, 5, 5:7] = np.array([10, 10, 30, 40])[:, None]
    box[:, 12, 20], box[:, 12, 22] = (60, 20, 100, 90), (62, 20, 102, 90)
    found = peaks(centre, box, 0.15)
    assert [round(c.score, 1) for c in found] == [0.8, 0.7]
    assert found[1].box_xyxy.tolist() == [60, 20, 100, 90]


def test_intersection_over_union_by_hand():
    first, second = np.array([0.0, 0, 4, 4]), np.array([2.0, 0, 6, 4])
    assert iou(first, second) == pytest.approx(8 / 24)
    assert iou(first, first + 10) == 0 and iou(first, first) == pytest.approx(1)


def test_the_reference_is_shown_in_the_frames_light(finder):
    """Half as bright a frame: what the network is given differs from it by nothing."""
    rng = np.random.default_rng(0)
    image = rng.integers(90, 200, (24, 40, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    dim = Picture.from_rgb((image * 0.5).astype(np.uint8))
    reference = Reference.of([Picture.from_rgb(image).scaled_rgb((640, 384))], (320, 192))
    frame, relit, known, prior = finder._window(
        Shot(dim, reference),
        np.array([100.0, 40, 196, 232]),
        (96, 192),
        np.array([120.0, 60, 170, 180]),
    )
    assert known[:150].all() and not known[154:].any()
    assert prior[20:140, 20:70].all() and prior.sum() == 120 * 50
    assert np.abs(frame[2:150].astype(int) - relit[2:150])[:, 2:-2].mean() < 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"nonsense", "cannot be read"),
        (blue_finder({**FACTS, "kind": "pose"}), "kind 'pose'"),
        (blue_finder({**FACTS, "format": 7}), "format 7"),
        (blue_finder({**FACTS, "thresholds": {}}), "threshold 'find'"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, said: str):
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=said):
        load_finder(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"gone\.onnx"):
        load_finder(tmp_path / "gone.onnx")
