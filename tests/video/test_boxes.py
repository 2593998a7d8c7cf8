"""Boxes as CSV and as COCO JSON are the same boxes; what nothing tells apart is refused."""

import json

import numpy as np
import pytest

from posegrid.errors import SourceError
from posegrid.video.boxes import load_boxes

ONE = {0: {1: [10, 20, 40, 100]}, 2: {1: [12.5, 20, 42.5, 100]}}
TWO = {0: {3: [10, 20, 40, 100], 7: [50, 20, 80, 90]}}


def plain(boxes) -> dict:
    return {
        frame: {n: np.asarray(box).tolist() for n, box in there.items()}
        for frame, there in boxes.items()
    }


def coco(rows, **more) -> dict:
    return {"annotations": [{"image_id": i, "bbox": b, **extra} for i, b, extra in rows], **more}


COCO_ROWS = [(5, [10, 20, 30, 80], {"category_id": 1}), (9, [12.5, 20, 30, 80], {"category_id": 1})]
CATEGORIES = [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "frame,x0,y0,x1,y1\n0,10,20,40,100\n2,12.5,20,42.5,100\n", ONE),
        (
            "a.csv",
            "person, frame, x0, y0, x1, y1\n3, 0, 10, 20, 40, 100\n7, 0, 50, 20, 80, 90\n",
            TWO,
        ),
        (
            "a.json",
            [
                {"image_id": 0, "bbox": [10, 20, 30, 80]},
                {"image_id": 2, "bbox": [12.5, 20, 30, 80]},
            ],
            ONE,
        ),
        (
            "a.json",
            coco(COCO_ROWS, images=[{"id": 5, "frame_index": 0}, {"id": 9, "frame_id": 2}]),
            ONE,
        ),
        (
            "a.json",
            coco(
                COCO_ROWS,
                images=[{"id": 5, "file_name": "x/a.png"}, {"id": 9, "file_name": "c.png"}],
            ),
            ONE,
        ),
        (
            "a.json",
            coco([(0, [10, 20, 30, 80], {"track_id": 3}), (0, [50, 20, 30, 70], {"track_id": 7})]),
            TWO,
        ),
        (
            "a.json",
            coco(
                [
                    (0, [10, 20, 30, 80], {"category_id": 1}),
                    (2, [12.5, 20, 30, 80], {"category_id": 1}),
                ]
                + [(0, [1, 1, 5, 5], {"category_id": 2})],
                categories=CATEGORIES,
            ),
            ONE,
        ),
    ],
)
def test_boxes_are_read(tmp_path, name, content, expected):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    assert plain(load_boxes(path, ("a.png", "b.png", "c.png"))) == expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "frame,x0,y0,x1\n0,1,2,3\n", "y1 is missing"),
        ("a.csv", "frame,x0,y0,x1,y1\n0,1,2,3,wide\n", "could not convert"),
        ("a.csv", "frame,x0,y0,x1,y1\n", "holds no box of a person"),
        (
            "a.csv",
            "frame,x0,y0,x1,y1\n4,30,2,3,9\n",
            r"frame 4 has the box \[30.0, 2.0, 3.0, 9.0\].*x0 < x1",
        ),
        ("a.csv", "frame,x0,y0,x1,y1\n-1,1,2,3,9\n", "frame is -1, expected a whole number"),
        ("a.csv", "frame,x0,y0,x1,y1\n0,1,2,nan,9\n", "expected frames from 0, x0 < x1"),
        (
            "a.csv",
            "frame,x0,y0,x1,y1\n0,1,2,3,9\n0,5,2,8,9\n",
            "two boxes, and nothing tells whose they are",
        ),
        ("a.csv", "frame,x0,y0,x1,y1,person\n0,1,2,3,9,4\n0,5,2,8,9,4\n", "both of person 4"),
        ("a.json", "{", "cannot be read as boxes"),
        ("a.json", {"images": []}, "annotations is missing"),
        ("a.json", [{"image_id": 0, "bbox": [1, 2, 3]}], "expected 4 finite numbers"),
        (
            "a.json",
            coco([(5, [1, 2, 3, 4], {})], images=[{"id": 5, "file_name": "z.png"}]),
            "z.png has no frame_index",
        ),
    ],
)
def test_files_that_are_no_boxes_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(SourceError, match=message):
        load_boxes(path, ("a.png",))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no such file of boxes"):
        load_boxes(tmp_path / "none.csv")
