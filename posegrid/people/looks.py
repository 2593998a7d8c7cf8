"""What the finder network says about pictures: who is in the whole, and what in a window is one
person.

    finder = load_finder()
    candidates = finder.everybody(shot)             the first look: boxes and how sure they are
    outlines = finder.each(shot, boxes)             second looks: the mask of the person in each box

The network sees RGB, the reference of the empty scene where there is one, and for second looks the
box in which the person is expected. Its answers are those of CenterNet (Zhou et al., 2019): peaks
at the centres of people's boxes, beside a mask. docs/finding.md.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import onnxruntime
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

import posegrid
from posegrid.errors import CheckpointError
from posegrid.people.crop import Silhouette, box_of, connected_components
from posegrid.people.reference import Look, Reference, look_of, relit
from posegrid.video.picture import Picture

METADATA_KEY, KIND, FORMAT = "posegrid", "finder", 1
SHIPPED = "posegrid-find.onnx"
STRIDE = 4
SECOND_SHAPES = ((96, 192), (128, 160), (160, 128), (192, 96))
"""Sizes (width, height) of second looks; the nearest in shape is taken."""
MARGIN = 0.4
"""A second look's window is so much larger than the box, each way."""
SLIMMEST = 0.5
"""A window's shorter side over its longer one, at least."""
SAME_BOX = 0.75
"""Of two peaks whose boxes overlap so much (IoU), the weaker one is none."""
PIXEL, MASK = 0.25, 0.5
"""A pixel is a person's from this probability on: of 0.5, 0.35, 0.25 and 0.2 the pose network was
most right with 0.2 and 0.25 (rendered walks, benchmarks/end_to_end.py). It is stored as 0.5."""


@dataclass(frozen=True)
class Thresholds:
    """Probabilities of a centre, chosen on rendered validation scenes; the file of weights says
    them."""

    find: float
    """From here on somebody is there."""
    start: float
    """And it is sure."""
    keep: float
    """Somebody who is expected there."""
    mask: float = 0.5
    """Of a pixel: from here on it is a person's."""

    def edged(self, person: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Probabilities of pixels, bent so that a mask's edge is at MASK."""
        return person if self.mask == MASK else person ** (np.log(MASK) / np.log(self.mask))


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture as first looks see it, and the reference of what it shows."""

    picture: Picture
    reference: Reference | None
    rgb: Look | None = None
    """The picture at the size of first looks, where there is to be one."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """Somebody whom a first look saw."""

    box_xyxy: Float[np.ndarray, "4"]
    """Of what is seen of them, in the picture's pixels."""
    score: float
    """How sure it is that a person is there: 0..1."""


@dataclass(frozen=True, eq=False)
class Outline:
    """What a second look says about one person."""

    person: Float[np.ndarray, "h w"]
    """Probability that a pixel of the window is theirs."""
    rgb: UInt8[np.ndarray, "h w 3"]
    """The window."""
    window_xyxy: Float[np.ndarray, "4"]
    """Its edges in the picture's pixels."""
    score: float
    """How sure it is that the person is there: 0..1."""
    seen: Float[np.ndarray, "2"]
    """Probability that the head, and a foot, are seen."""

    @property
    def mask(self) -> Bool[np.ndarray, "h w"]:
        """Where the person is."""
        return self.person >= MASK

    @property
    def scale(self) -> float:
        """Pixels of the picture in one of the window."""
        return float(self.window_xyxy[2] - self.window_xyxy[0]) / self.person.shape[1]

    def silhouette(self, size_wh: tuple[int, int]) -> Silhouette:
        """The mask, softly, in a picture of that size."""
        level = np.rint(255 * self.person).astype(np.uint8)
        corner = (float(self.window_xyxy[0]), float(self.window_xyxy[1]))
        return Silhouette(level, corner, self.scale, size_wh)

    def box_xyxy(self) -> Float[np.ndarray, "4"] | None:
        """The mask's box in the picture's pixels; None if it is empty."""
        box = box_of(self.mask)
        return None if box is None else box * self.scale + np.tile(self.window_xyxy[:2], 2)


def window_round(box_xyxy: Float[np.ndarray, "4"]) -> tuple[np.ndarray, tuple[int, int]]:
    """The window of a second look at the person in a box, and its size: no sides are stretched."""
    middle, sides = (box_xyxy[:2] + box_xyxy[2:]) / 2, (1 + MARGIN) * (box_xyxy[2:] - box_xyxy[:2])
    sides = np.maximum(sides, SLIMMEST * sides.max())
    size = np.array(
        min(SECOND_SHAPES, key=lambda s: abs(np.log(s[0] / s[1] * sides[1] / sides[0])))
    )
    half = size * (sides / size).max() / 2
    return np.concatenate([middle - half, middle + half]), (int(size[0]), int(size[1]))


@runtime_checkable
class Looks(Protocol):
    """What looks at pictures."""

    @property
    def thresholds(self) -> Thresholds:
        """How sure it has to be."""
        ...

    def everybody(self, shot: Shot) -> list[Candidate]:
        """All people in a picture, the surest first."""
        ...

    def each(self, shot: Shot, boxes: Sequence[Float[np.ndarray, "4"]]) -> list[Outline]:
        """Second looks at the people who are expected in boxes (the picture's pixels)."""
        ...


@dataclass(frozen=True, eq=False)
class FinderNetwork:
    """The finder network, ready to look: `Looks`."""

    session: onnxruntime.InferenceSession
    thresholds: Thresholds
    name: str

    def everybody(self, shot: Shot) -> list[Candidate]:
        """All people in a picture, the surest first."""
        frame = look_of(shot.picture) if shot.rgb is None else shot.rgb
        reference, known = np.zeros_like(frame), np.zeros(frame.shape[:2], np.uint8)
        if shot.reference is not None:
            reference = relit(shot.reference.look, frame, known == 0)
            known = shot.reference.known_look
        centre, box = self._run(["centre", "box"], frame[None], reference[None], known[None])
        scale = np.tile(shot.picture.size_wh, 2) / np.tile(frame.shape[1::-1], 2)
        found = peaks(centre[0, 0], box[0], min(self.thresholds.keep, self.thresholds.find))
        return [Candidate(peak.box_xyxy * scale, peak.score) for peak in found]

    def each(self, shot: Shot, boxes: Sequence[Float[np.ndarray, "4"]]) -> list[Outline]:
        """Second looks at the people who are expected in boxes (the picture's pixels)."""
        outlines: dict[int, Outline] = {}
        windows = [window_round(box) for box in boxes]
        for size in {size for _, size in windows}:
            those = [n for n, (_, s) in enumerate(windows) if s == size]
            cut = [self._window(shot, windows[n][0], size, boxes[n]) for n in those]
            person, centre, seen = self._run(
                ["person", "centre", "seen"], *(np.stack(part) for part in zip(*cut, strict=True))
            )
            person = self.thresholds.edged(person)
            for row, n in enumerate(those):
                frame, prior = cut[row][0], cut[row][3]
                outlines[n] = _outline(
                    person[row, 0], centre[row, 0], seen[row], frame, prior, windows[n][0]
                )
        return [outlines[n] for n in range(len(boxes))]

    def _window(
        self, shot: Shot, window: np.ndarray, size: tuple[int, int], box: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Frame, reference, where that is known, and the prior."""
        frame = shot.picture.window_rgb(window, size)
        prior = np.zeros(frame.shape[:2], np.uint8)
        x0, y0, x1, y1 = np.rint((box - np.tile(window[:2], 2)) * size[0] / (window[2] - window[0]))
        prior[max(int(y0), 0) : int(y1), max(int(x0), 0) : int(x1)] = 1
        if shot.reference is None:
            return frame, np.zeros_like(frame), np.zeros_like(prior), prior
        reference, known = shot.reference.window_rgb(window, size)
        return frame, relit(reference, frame, (known == 1) & (prior == 0)), known, prior

    def _run(
        self,
        names: list[str],
        frame: UInt8[np.ndarray, "n h w 3"],
        reference: UInt8[np.ndarray, "n h w 3"],
        known: UInt8[np.ndarray, "n h w"],
        prior: UInt8[np.ndarray, "n h w"] | None = None,
    ) -> list[np.ndarray]:
        given = {
            "frame": np.ascontiguousarray(frame.transpose(0, 3, 1, 2)),
            "reference": np.ascontiguousarray(reference.transpose(0, 3, 1, 2)),
            "known": known[:, None],
            "prior": np.zeros_like(known)[:, None] if prior is None else prior[:, None],
        }
        return [np.asarray(answer) for answer in self.session.run(names, given)]


class Peak(NamedTuple):
    """A local maximum of a map of centres."""

    box_xyxy: Float[np.ndarray, "4"]
    """In the look's pixels."""
    score: float
    cell: tuple[int, int]
    """Row and column in the map."""


def peaks(
    centre: Float[np.ndarray, "h w"], box: Float[np.ndarray, "4 h w"], least: float
) -> list[Peak]:
    """The local maxima of a map of centres, the highest first, each with its box (the look's
    pixels); one of those whose boxes are nearly the same.
    """
    high = (centre >= least) & (centre == ndimage.maximum_filter(centre, 3))
    labels = connected_components(high, touching=True)
    tops = ndimage.maximum_position(centre, labels, range(1, int(labels.max()) + 1))
    found: list[Peak] = []
    for row, column in sorted(tops, key=lambda at: -centre[at]):
        mine = box[:, row, column].astype(np.float64)
        if (mine[:2] < mine[2:]).all() and all(iou(mine, p.box_xyxy) <= SAME_BOX for p in found):
            found.append(Peak(mine, float(centre[row, column]), (int(row), int(column))))
    return found


def iou(first: Float[np.ndarray, "4"], second: Float[np.ndarray, "4"]) -> float:
    """Intersection over union of two boxes."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    areas = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]))
    return common / max(areas - common, 1e-9)


def _outline(
    person: np.ndarray,
    centre: np.ndarray,
    seen: np.ndarray,
    frame: np.ndarray,
    prior: np.ndarray,
    window: np.ndarray,
) -> Outline:
    """The answer of a second look: its score is that of the best centre in the box expected."""
    inside = centre * prior[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
    row, column = np.unravel_index(inside.argmax(), inside.shape)
    score = float(inside[row, column]) * _mean(person, person >= MASK)
    return Outline(person, frame, window, score, seen[:, row, column])


def _mean(values: np.ndarray, where: np.ndarray) -> float:
    return float(values[where].mean()) if where.any() else 0.0


def load_finder(path: Path | None = None, *, threads: int = 1) -> FinderNetwork:
    """The network in a file of `posegrid export`; None: the one that comes with posegrid.

    threads: cores that one look may use. Raises CheckpointError for what is no finder's file.
    """
    where = str(path or SHIPPED)
    shipped = Path(posegrid.__path__[0], "weights", SHIPPED)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    try:
        content = path.read_bytes() if path else shipped  # see results/network.py
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's have no common parent
        raise CheckpointError(
            f"{where} cannot be read as the finder's weights ({str(error).splitlines()[0]})."
        ) from error
    facts = _facts(session.get_modelmeta().custom_metadata_map.get(METADATA_KEY, "{}"), where)
    given = facts.get("thresholds", {})
    try:
        limits = {name: float(given[name]) for name in ("find", "start", "keep")}
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{where}: its facts name no threshold {error}.") from error
    return FinderNetwork(session, Thresholds(**limits, mask=PIXEL), Path(where).name)


def _facts(text: str, where: str) -> dict[str, Any]:
    facts = json.loads(text)
    if facts.get("kind") != KIND or facts.get("format") != FORMAT:
        raise CheckpointError(
            f"{where}: is of the kind {facts.get('kind')!r}, format {facts.get('format')!r}; expected "
            f"{KIND!r} and {FORMAT}: `posegrid export` writes it from a training of the finder."
        )
    return facts
