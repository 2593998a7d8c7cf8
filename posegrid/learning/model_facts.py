"""Every fact needed to use a network's weights, as one JSON text. Torch-free: prediction reads it
too.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float, UInt8

from posegrid import __version__
from posegrid.body.skeleton import NUM_JOINTS, SKELETON
from posegrid.errors import CheckpointError, SettingsError
from posegrid.people.crop import DEFAULT_MARGIN, IN_COLOUR, WITH_MASK, Background, hardened
from posegrid.untrusted import (
    DAMAGED,
    checked,
    number,
    numbers,
    object_of_json,
    of_type,
    whole_number,
)

FORMAT = 1
"""Version of this description; raised when old programs could no longer read it rightly."""
METADATA_KEY = "posegrid"
"""Key under which the JSON lies in the metadata of a `.safetensors` or ONNX file."""
NetworkName = Literal[
    "posegrid_s", "posegrid_m", "report2015_small", "report2015_large", "lichan2014"
]
POSE_FRAMES = ("view", "camera")
BACKGROUNDS = get_args(Background)
_NEW = ("soft_masks",)
"""What weights of earlier versions do not say."""


@dataclass(frozen=True)
class ModelFacts:
    """What a file of weights says about itself.

    A pose is root-relative, in mm, in the axes x right, y down, z forward of `pose_frame`.
    """

    network: str
    """Name of the backbone, such as "posegrid_s"."""
    target: str
    """What the head answers: "grid", "pose", "bins", "person", "integral", "rle", "plain",
    "parents", or a pose target with "+grid".
    """
    image_size: int
    """Side of the square crop that goes in, in pixels."""
    background: str
    """What the crops that it was trained on show, and beside what (`people.crop.Background`)."""
    pose_frame: str
    """"view": of the virtual camera that looks at the crop's centre; "camera": of the source
    camera, as in 2015.
    """
    mean_pose_mm: tuple[tuple[float, float, float], ...] = field(repr=False)
    """Mean pose of the training crops, 17 joints."""
    target_settings: dict[str, Any] = field(default_factory=dict)
    """Numbers that shape the target, such as {"cells": 10}."""
    margin: float = DEFAULT_MARGIN
    """Room round the person in the crops: their side is (1 + margin) x the longer side of the
    person's box.
    """
    skeleton: str = SKELETON
    unit: str = "mm"
    posegrid_version: str = __version__
    format: int = FORMAT
    training: dict[str, Any] = field(default_factory=dict, repr=False)
    """How it was trained: settings, images seen, seconds, best validation figure, the stages
    before.
    """
    soft_masks: bool = False
    """Whether it has learnt what masks mean that say how sure the finder is; else it is shown masks
    of 0 and 255."""

    @property
    def has_masks(self) -> bool:
        """Whether the person's mask goes in as the last channel."""
        return self.background in WITH_MASK

    @property
    def channels(self) -> int:
        """Pictures that go in: the crop, or its red, green and blue; then perhaps the person's mask."""
        return channels_of(self.background)

    def to_json(self) -> str:
        """The facts as JSON text."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, where: str) -> "ModelFacts":
        """The facts in a JSON text; `where` names the file in messages.

        Raises CheckpointError for what is no such text, another format, another skeleton or unit.
        """
        try:
            values = object_of_json(text)
        except DAMAGED as error:
            raise CheckpointError(
                f"{where}: the weights' description is no JSON object ({error}); the file is damaged."
            ) from None
        _check_format(values, where)
        known = {entry.name for entry in fields(cls)}
        missing = sorted(known - values.keys() - {*_NEW})
        unknown = sorted(values.keys() - known)
        if missing or unknown:
            raise CheckpointError(
                f"{where}: the weights' description lacks {missing} and has the unknown entries {unknown}."
            )
        try:
            facts = cls(**checked(values, _CHECKS))
        except DAMAGED as error:
            raise CheckpointError(
                f"{where}: the weights' description is wrong: {error}; the file is damaged."
            ) from None
        facts._check(where)
        return facts

    def mean_pose(self) -> Float[np.ndarray, "17 3"]:
        """The mean training pose as an array, mm."""
        return np.array(self.mean_pose_mm, dtype=np.float32)

    def check_goes_on(self, image_size: int, background: str) -> None:
        """Raises SettingsError unless these weights can go on learning from such crops: of the same
        kind, or in colour where these were grey (`networks.seeing_colours`).
        """
        for name, wanted in (("image_size", image_size), ("background", background)):
            before = getattr(self, name)
            if before != wanted and (before, wanted) != ("masked", "masked_colour"):
                raise SettingsError(
                    f"--init was trained on crops with {name} {getattr(self, name)}, the data has "
                    f"{wanted}."
                )

    def _check(self, where: str) -> None:
        for name, value, allowed in (
            ("skeleton", self.skeleton, (SKELETON,)),
            ("unit", self.unit, ("mm",)),
            ("pose_frame", self.pose_frame, POSE_FRAMES),
            ("background", self.background, BACKGROUNDS),
        ):
            if value not in allowed:
                raise CheckpointError(
                    f"{where}: {name} is {value!r}, expected {' or '.join(map(repr, allowed))}."
                )


def shown_crops(
    images: UInt8[np.ndarray, "n *channels size size"], facts: ModelFacts
) -> UInt8[np.ndarray, "n *channels size size"]:
    """The crops as the weights take them: those that do not know soft masks are shown hard ones.
    Raises CheckpointError unless they are of the size and have the channels that the weights take.
    """
    size = facts.image_size
    expected = (size, size) if facts.channels == 1 else (facts.channels, size, size)
    if images.shape[1:] != expected:
        raise CheckpointError(
            f"The weights take crops of {size} x {size} px with {facts.channels} channel(s) (background "
            f"{facts.background}), not of the shape {images.shape[1:]}."
        )
    if not facts.has_masks or facts.soft_masks:
        return images
    return np.concatenate([images[:, :-1], hardened(images[:, -1:])], axis=1)


def channels_of(background: str) -> int:
    """Pictures in one crop of a data set with this background."""
    return (3 if background in IN_COLOUR else 1) + (background in WITH_MASK)


def _check_format(values: dict[str, Any], where: str) -> None:
    if values.get("format") != FORMAT:
        raise CheckpointError(
            f"{where}: weights of format {values.get('format')!r}, by posegrid {values.get('posegrid_version')!r}; "
            f"posegrid {__version__} reads format {FORMAT}. Train again, or use the version that wrote them."
        )


def _as_pose(value: object, name: str) -> tuple[tuple[float, float, float], ...]:
    pose = numbers(value, name, (NUM_JOINTS, 3)).tolist()
    return tuple((x, y, z) for x, y, z in pose)


def _text(value: object, name: str) -> str:
    return of_type(value, str, name)


def _object(value: object, name: str) -> dict[str, Any]:
    return of_type(value, dict, name)


_CHECKS: dict[str, Callable[[object, str], Any]] = {
    **dict.fromkeys(("network", "target", "background", "pose_frame"), _text),
    **dict.fromkeys(("skeleton", "unit", "posegrid_version"), _text),
    **dict.fromkeys(("target_settings", "training"), _object),
    "image_size": lambda value, name: whole_number(value, name, 8, 2048),
    "soft_masks": lambda value, name: of_type(value, bool, name),
    "mean_pose_mm": _as_pose,
    "margin": lambda value, name: number(value, name, 0, 10),
    "format": lambda value, name: whole_number(value, name, FORMAT, FORMAT),
}
