"""What a data set of crops says about itself: `dataset.json`, described in docs/design.md."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from posegrid import __version__
from posegrid.body.camera import AXES, UNIT
from posegrid.body.skeleton import SKELETON
from posegrid.errors import ShardError
from posegrid.files import write_text
from posegrid.people.crop import IN_COLOUR, WITH_MASK, Background, ImageFormat
from posegrid.untrusted import (
    DAMAGED,
    checked,
    number,
    object_of_json,
    of_type,
    text_of,
    texts,
    whole_number,
)

DATASET_FILE = "dataset.json"

NEEDS_MASKS: tuple[Background, ...] = ("removed", *WITH_MASK)
"""Backgrounds that only a person's mask can give."""

_OF_THE_WHOLE = ("splits", "skipped", "notes", "num_crops")
_NEW = ("source", "soft_masks")
"""What data sets of earlier versions lack."""


@dataclass(frozen=True)
class DatasetFacts:
    """What `dataset.json` holds; every shard carries the same but `splits`, `skipped`, `notes` and
    `num_crops`."""

    image_size: int
    """Width and height of every crop in pixels."""
    image_format: ImageFormat
    background: Background
    """What is outside the person's mask."""
    settings: dict[str, Any]
    """The settings of the command that made the data set."""
    synthetic: bool
    """True for rendered people."""
    splits: dict[str, list[str]] = field(default_factory=dict)
    """Subjects of "train", "validation" and "test"."""
    skipped: list[list[str]] = field(default_factory=list)
    """(sequence, reason) of what is missing because it could not be read."""
    notes: list[list[str]] = field(default_factory=list)
    """(sequence, remark): files of different lengths, frames without a person."""
    num_crops: int = 0
    skeleton: str = SKELETON
    unit: str = UNIT
    axes: str = AXES
    posegrid_version: str = __version__
    source: str = "Human3.6M"
    """Where the recordings are from: "Human3.6M" (or in its layout), "MPI-INF-3DHP" or "own
    recordings"."""
    soft_masks: bool = False
    """Whether masks beside the crops say how sure the finder is; else they are 0 or 255."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Of one crop: rows and columns; before them three colours where there are any."""
        side = self.image_size
        return (3, side, side) if self.background in IN_COLOUR else (side, side)

    @property
    def has_masks(self) -> bool:
        """Whether the person's mask is beside each crop."""
        return self.background in WITH_MASK

    @property
    def exact_masks(self) -> bool:
        """Whether masks beside the crops are the truth, not background subtraction's or an
        imitation of its faults."""
        return self.synthetic and self.settings.get("masks", "clean") == "clean"

    def of_one_shard(self) -> dict[str, Any]:
        """The part that every shard carries."""
        return {name: value for name, value in asdict(self).items() if name not in _OF_THE_WHOLE}

    def subjects_of(self, split: str) -> list[str]:
        """Subjects of the split. Raises ShardError, naming the splits there are, if it is unknown
        or empty."""
        subjects = self.splits.get(split, [])
        if not subjects:
            known = ", ".join(
                f"{name} ({_listed(people)})" for name, people in self.splits.items() if people
            )
            raise ShardError(
                f"The data set has no subjects in the split {split!r}; it has: "
                f"{known or 'no splits'}."
            )
        return subjects


def _listed(names: list[str]) -> str:
    """The names, of many the first and the last."""
    return (
        " ".join(names) if len(names) <= 8 else f"{names[0]} to {names[-1]}, {len(names)} of them"
    )


def write_dataset_facts(folder: Path, facts: DatasetFacts) -> None:
    """Writes `dataset.json`; leaves a file that already says the same untouched."""
    path, text = folder / DATASET_FILE, json.dumps(asdict(facts), indent=2) + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    write_text(path, text, "make room and try again")


def load_dataset_facts(folder: Path) -> DatasetFacts:
    """What the folder's `dataset.json` says. Raises ShardError if there is none, or it is of
    another skeleton."""
    path = folder / DATASET_FILE
    if not path.is_file():
        raise ShardError(
            f"{path} does not exist: {folder} is no finished data set. "
            "Make it with `posegrid prepare` or `posegrid synth`, or call that again to finish it."
        )
    try:
        text = text_of(path)
    except DAMAGED as error:
        raise ShardError(f"{path} cannot be read ({error}).") from error
    facts = facts_of_json(path, text)
    check_readable(path, facts)
    return facts


def facts_of_json(path: Path, text: bytes | str) -> DatasetFacts:
    """The facts that the JSON text holds; `path` is named in the ShardError if it does not."""
    try:
        entries = object_of_json(text)
        missing = [
            f.name
            for f in fields(DatasetFacts)
            if f.name not in entries and f.name not in (*_OF_THE_WHOLE, *_NEW)
        ]
        if missing:
            raise ValueError(f"{', '.join(missing)} missing")
        return DatasetFacts(**checked(entries, _CHECKS))
    except DAMAGED as error:
        raise ShardError(
            f"{path} does not hold the facts of a data set ({error}); expected JSON as "
            "docs/design.md describes it."
        ) from error


def _one_of(*allowed: str) -> Callable[[object, str], str]:
    def check(value: object, name: str) -> str:
        if value not in allowed:
            raise ValueError(f"{name} is {value!r}, expected {' or '.join(allowed)}")
        return str(value)

    return check


def _splits(value: object, name: str) -> dict[str, list[str]]:
    return {
        part: list(texts(subjects, f"{name}.{part}"))
        for part, subjects in of_type(value, dict, name).items()
    }


def pairs(value: object, name: str) -> list[list[str]]:
    """The value, if it is a list of two texts each."""
    rows = [list(texts(row, name)) for row in of_type(value, list, name)]
    if any(len(row) != 2 for row in rows):
        raise ValueError(f"{name}: expected pairs of texts")
    return rows


def _settings(value: object, name: str) -> dict[str, Any]:
    settings = of_type(value, dict, name)
    if "margin" in settings:
        number(settings["margin"], "margin", 0, 10)
    return settings


def _text(value: object, name: str) -> str:
    return of_type(value, str, name)


_CHECKS: dict[str, Callable[[object, str], Any]] = {
    "image_size": lambda value, name: whole_number(value, name, 8, 2048),
    "image_format": _one_of(*get_args(ImageFormat)),
    "background": _one_of(*get_args(Background)),
    "settings": _settings,
    **dict.fromkeys(("synthetic", "soft_masks"), lambda value, name: of_type(value, bool, name)),
    "splits": _splits,
    "skipped": pairs,
    "notes": pairs,
    "num_crops": lambda value, name: whole_number(value, name, 0, 2**40),
    **dict.fromkeys(("skeleton", "unit", "axes", "posegrid_version", "source"), _text),
}


def check_readable(path: Path, facts: DatasetFacts) -> None:
    """Raises ShardError if the facts are of another skeleton, unit or axes than this posegrid
    reads."""
    for name, expected in (("skeleton", SKELETON), ("unit", UNIT), ("axes", AXES)):
        found = getattr(facts, name)
        if found != expected:
            raise ShardError(
                f"{path} holds the {name} {found!r}; this posegrid reads {expected!r} only."
            )
