"""Boxes of people that another program found, as COCO JSON or CSV: which person is where in which
frame.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from posegrid.errors import SourceError
from posegrid.untrusted import DAMAGED, from_json, numbers, text_of, whole_number

Boxes = Mapping[int, Mapping[int, Float[np.ndarray, "4"]]]
"""Of each frame (from 0) the boxes (x0, y0, x1, y1), half open, in the picture's pixels, by the
people's numbers.
"""

_Row = tuple[int, int | None, list[float]]
"""Frame, person (None: not said), box."""


def load_boxes(path: Path, file_names: tuple[str, ...] = ()) -> Boxes:
    """The boxes in a file.

    CSV: a line per box with the columns frame (from 0), x0, y0, x1, y1 and, where there are several
    people, person. JSON: COCO's annotations (or its list of results), `bbox` = [x, y, width,
    height], people told apart by `track_id`; an image's frame is its `frame_index` or `frame_id`,
    or the place of its `file_name` among `file_names`; without `images` it is `image_id`. Only the
    category "person" counts, if there are categories. Raises SourceError for a file of another
    form, for two boxes of one person in one frame, and for people whom nothing tells apart.
    """
    if not path.is_file():
        raise SourceError(f"{path}: there is no such file of boxes.")
    try:
        text = text_of(path)
        rows = list(
            _coco_rows(from_json(text), file_names)
            if path.suffix.lower() == ".json"
            else _csv_rows(text)
        )
    except DAMAGED as error:
        said = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise SourceError(
            f"{path}: cannot be read as boxes ({said}). Expected CSV with the columns frame, x0, y0, x1, y1[, person] "
            "or COCO JSON."
        ) from error
    if not rows:
        raise SourceError(f"{path}: holds no box of a person.")
    return _by_frame(path, rows)


def _csv_rows(text: str) -> Iterator[_Row]:
    for row in csv.DictReader(text.splitlines(), skipinitialspace=True):
        person = row.get("person")
        box = [float(row[side]) for side in ("x0", "y0", "x1", "y1")]
        yield _frame(int(row["frame"])), _person(int(person) if person else None), box


def _coco_rows(content: Any, file_names: tuple[str, ...]) -> Iterator[_Row]:
    listed = content if isinstance(content, list) else content["annotations"]
    described = {} if isinstance(content, list) else content
    frame_of = {image["id"]: _frame_of(image, file_names) for image in described.get("images", ())}
    people = {
        category["id"]
        for category in described.get("categories", ())
        if category["name"] == "person"
    }
    for entry in listed:
        if people and entry.get("category_id") not in people:
            continue
        x, y, width, height = numbers(entry["bbox"], "bbox", (4,)).tolist()
        person = entry.get("track_id", entry.get("instance_id"))
        frame = frame_of[entry["image_id"]] if frame_of else _frame(entry["image_id"])
        yield frame, _person(person), [x, y, x + width, y + height]


def _frame(said: object) -> int:
    return whole_number(said, "the frame", 0, 2**40)


def _person(said: object) -> int | None:
    return None if said is None else whole_number(said, "the person", 0, 2**40)


def _frame_of(image: dict[str, Any], file_names: tuple[str, ...]) -> int:
    for key in ("frame_index", "frame_id"):
        if key in image:
            return _frame(image[key])
    name = Path(str(image["file_name"])).name
    if name not in file_names:
        raise ValueError(
            f"image {name} has no frame_index and is none of the source's {len(file_names)} pictures"
        )
    return file_names.index(name)


def _by_frame(path: Path, rows: list[_Row]) -> Boxes:
    boxes: dict[int, dict[int, np.ndarray]] = {}
    for frame, said, sides in rows:
        person, box = 1 if said is None else said, np.array(sides)
        if frame < 0 or not np.isfinite(box).all() or not (box[:2] < box[2:]).all():
            raise SourceError(
                f"{path}: frame {frame} has the box {sides}; expected frames from 0, x0 < x1, y0 < y1."
            )
        there = boxes.setdefault(frame, {})
        if person in there:
            why = (
                "give each person a number (person, track_id)"
                if said is None
                else f"both of person {person}"
            )
            raise SourceError(
                f"{path}: frame {frame} has two boxes, and nothing tells whose they are: {why}."
            )
        there[person] = box
    return boxes
