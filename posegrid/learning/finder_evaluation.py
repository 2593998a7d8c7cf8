"""How well the finder finds rendered people, by kind of scene.

A person counts if at least 40 pixels of theirs are seen. They are found if a box that the network
is sure of overlaps theirs by more than half (IoU > 0.5).
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import onnxruntime
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import binary_erosion, uniform_filter
from tyro.conf import Positional

from posegrid.errors import CheckpointError, SettingsError
from posegrid.files import write_text
from posegrid.learning.finder_data import LETTERS, SceneFolders, collate, second_look
from posegrid.learning.finder_export import FORMAT, INPUTS
from posegrid.learning.finder_target import truth_of, wanted_box
from posegrid.learning.model_facts import METADATA_KEY
from posegrid.people.looks import iou, peaks
from posegrid.walkers.scenes.compose import Scene, SceneRecipe, compose
from posegrid.walkers.scenes.figures import Library, load_library
from posegrid.walkers.scenes.surroundings import Split, Surroundings, load_surroundings


@dataclass(frozen=True)
class EvaluateFinderSettings:
    """Settings of `posegrid evaluate --target finder`."""

    weights: Positional[Path]
    """posegrid-find.onnx of `posegrid train --target finder`."""
    people: Path
    """Folder of people made by `posegrid scenes`."""
    backgrounds: Path
    """Folder with panoramas/*.jpg and textures/*."""
    split: Literal["validation", "test"] = "validation"
    """validation: to choose by. test: once, for figures."""
    scenes: int = 200
    """Of each kind."""
    out: Path | None = None
    """JSON file to write the figures to."""


Answer = Callable[
    [UInt8[np.ndarray, "1 3 H W"], np.ndarray, np.ndarray, np.ndarray], dict[str, np.ndarray]
]
"""frame, reference, known, prior to the outputs of the ONNX file by name."""
_ONE = SceneRecipe((192, 320), 1, 0.5, "clean")
KINDS: dict[str, tuple[SceneRecipe, tuple[float, float]]] = {
    "one, fixed camera": (_ONE, (0.2, 0.95)),
    "one, camera shaken": (replace(_ONE, reference="shaken"), (0.2, 0.95)),
    "one, ghosts in the reference": (replace(_ONE, reference="ghosts"), (0.2, 0.95)),
    "one, never moves": (replace(_ONE, reference="still"), (0.2, 0.95)),
    "one, moves on the spot": (replace(_ONE, reference="spot"), (0.2, 0.95)),
    "one, no reference": (replace(_ONE, reference="none"), (0.2, 0.95)),
    "one, portrait": (replace(_ONE, shape=(320, 192)), (0.15, 0.8)),
    "several, fixed camera": (replace(_ONE, num_people=4), (0.2, 0.8)),
    "several in a crowd": (replace(_ONE, num_people=3, crowded=True), (0.3, 0.9)),
    "several, no reference": (replace(_ONE, num_people=3, reference="none"), (0.2, 0.8)),
    "tiny, fixed camera": (_ONE, (0.05, 0.12)),
    "tiny, no reference": (replace(_ONE, reference="none"), (0.05, 0.12)),
    "cut by the edge": (replace(_ONE, cut=True), (0.4, 1.6)),
    "nobody, fixed camera": (replace(_ONE, num_people=0), (0.2, 0.9)),
    "nobody, ghosts": (replace(_ONE, num_people=0, reference="ghosts"), (0.2, 0.9)),
    "nobody, no reference": (replace(_ONE, num_people=0, reference="none"), (0.2, 0.9)),
    "poster": (replace(_ONE, poster=True), (0.2, 0.9)),
}
"""What each kind of scene shows, and between which heights (share of the frame's)."""
LEAST_PIXELS = 40
PLAIN_LEVELS, RIM_PX = 25.0, 7
"""Somebody is plainly seen if half of their outline differs by so many levels (of 255, in the
colour that differs most) from what is beside it, in means over squares of so many pixels."""


class Detections(NamedTuple):
    """Peaks of one frame."""

    box: Float[np.ndarray, "n 4"]
    score: Float[np.ndarray, "n"]
    seen: Float[np.ndarray, "n 2"]


@dataclass(frozen=True)
class Figures:
    """Of one kind of scene."""

    kind: str
    scenes: int
    people: int
    found: float
    """Share of the people."""
    plain_people: int
    """Those who are plainly seen."""
    plain_found: float
    """Share of them."""
    mask_iou: float
    """Mean over scenes with people, of everybody's mask together."""
    average_precision: float
    """Of boxes at IoU 0.5."""
    false_per_frame: float
    seen_right: float
    """Share of heads and feet rightly called seen or not, of those found."""

    @property
    def line(self) -> str:
        """The figures as a line of a table."""
        plain = f"{self.plain_people} | {self.plain_found:.3f}"
        numbers = f"{self.found:.3f} | {plain} | {self.mask_iou:.3f} | {self.average_precision:.3f}"
        return f"| {self.kind} | {numbers} | {self.false_per_frame:.3f} | {self.seen_right:.3f} |"


def detected(out: dict[str, np.ndarray], least: float) -> Detections:
    """The peaks of a look at one frame, as the product finds them, the highest first."""
    found = peaks(out["centre"][0, 0], out["box"][0], least)
    return Detections(
        np.array([peak.box_xyxy for peak in found]).reshape(-1, 4),
        np.array([peak.score for peak in found]),
        np.array([out["seen"][0][(slice(None), *peak.cell)] for peak in found]).reshape(-1, 2),
    )


def evaluate_finder(settings: EvaluateFinderSettings) -> dict[str, Any]:
    """The figures of weights on scenes of people and places that no training saw.

    Raises CheckpointError for a file that is no finder's, SourceError for folders that lack people
    or places, OutputError if the file of figures cannot be written.
    """
    if settings.scenes < 1:
        raise SettingsError(f"scenes is {settings.scenes}; expected at least 1.")
    answer, least = onnx_answer(settings.weights)
    held_out = HeldOut.load(SceneFolders(settings.backgrounds, settings.people), settings.split)
    looks = evaluate_second_look(answer, held_out, 2 * settings.scenes)
    print(f"second look: {looks}")
    kinds = []
    for kind in KINDS:
        kinds.append(evaluate_kind(answer, kind, held_out.scenes(kind, settings.scenes), least))
        print(kinds[-1].line)
    figures = {"second look": asdict(looks), "kinds": [asdict(each) for each in kinds]}
    if settings.out is not None:
        write_text(settings.out, json.dumps(figures, indent=1) + "\n")
    return figures


def onnx_answer(path: Path) -> tuple[Answer, float]:
    """Answers of an ONNX file, and the centre's probability from which on it reports somebody."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        text = session.get_modelmeta().custom_metadata_map[METADATA_KEY]
    except Exception as error:  # ONNX Runtime's have no common parent
        raise CheckpointError(
            f"{path} cannot be read as a finder's weights ({error}): give posegrid-find.onnx, which "
            "`posegrid train --target finder` writes."
        ) from error
    names = [node.name for node in session.get_outputs()]

    def answer(*pictures: np.ndarray) -> dict[str, np.ndarray]:
        given = dict(zip(INPUTS, map(np.ascontiguousarray, pictures), strict=True))
        return dict(zip(names, map(np.asarray, session.run(names, given)), strict=True))

    facts = json.loads(text)
    if facts.get("kind") != "finder" or facts.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} holds no finder's weights of format {FORMAT}: give posegrid-find.onnx, which "
            "`posegrid train --target finder` writes."
        )
    return answer, float(facts["thresholds"]["find"])


@dataclass(frozen=True, eq=False)
class HeldOut:
    """People and places of a split."""

    library: Library
    places: Surroundings

    @classmethod
    def load(cls, folders: SceneFolders, split: Split) -> "HeldOut":
        """Those in the folders."""
        library = load_library(folders.cut_outs, LETTERS[split])
        return cls(library, load_surroundings(folders.backgrounds, split))

    def scenes(self, kind: str, count: int, seed: int = 0) -> Iterator[Scene]:
        """The scenes of one of the `KINDS`: the same for the same seed."""
        recipe, (low, high) = KINDS[kind]
        for number in range(count):
            rng = np.random.default_rng([seed, list(KINDS).index(kind), number])
            size = float(np.exp(rng.uniform(np.log(low), np.log(high))))
            yield compose(rng, self.library, self.places, replace(recipe, height_share=size))


def evaluate_kind(answer: Answer, kind: str, scenes: Iterator[Scene], least: float) -> Figures:
    """The figures of one kind; `least`: the centre's probability from which on a person is
    reported.
    """
    ious, scores, hits = [], [], []
    people = found = false = right = count = plain_people = plain_found = 0
    for scene in scenes:
        count += 1
        out = answered(answer, scene)
        wanted = [n for n, layer in enumerate(scene.cover) if (layer >= 0.5).sum() >= LEAST_PIXELS]
        boxes = [wanted_box(scene.cover[n]) for n in wanted]
        plain = [contrast(scene.frame, scene.cover[n] >= 0.5) >= PLAIN_LEVELS for n in wanted]
        seen = detected(out, 0.05)
        taken = matched(seen.box, boxes)
        scores.extend(seen.score)
        hits.extend(match is not None for match in taken)
        sure = seen.score >= least
        slivers = [wanted_box(layer) for layer in scene.cover]
        for number, match in enumerate(taken):
            if not sure[number]:
                continue
            if match is not None:
                found += 1
                plain_found += plain[match]
                right += int(((seen.seen[number] > 0.5) == (scene.seen[wanted[match]] > 0.5)).sum())
            elif not any(
                other is not None and iou(seen.box[number], other) > 0.3 for other in slivers
            ):
                false += 1
        people += len(wanted)
        plain_people += sum(plain)
        truth = truth_of(scene.cover, scene.seen).mask >= 0.5
        if truth.sum() >= LEAST_PIXELS:
            mask = out["person"][0, 0] >= 0.5
            ious.append((mask & truth).sum() / (mask | truth).sum())
    return Figures(
        kind=kind,
        scenes=count,
        people=people,
        found=found / max(people, 1),
        plain_people=plain_people,
        plain_found=plain_found / max(plain_people, 1),
        mask_iou=float(np.mean(ious)) if ious else float("nan"),
        average_precision=average_precision(np.array(scores), np.array(hits), people),
        false_per_frame=false / max(count, 1),
        seen_right=right / max(2 * found, 1),
    )


def contrast(frame: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"]) -> float:
    """How much a person differs from what is beside them along their outline, levels: the median
    over the outline (what the mask loses when it is eroded by a pixel) of the difference between
    inside and outside, in the colour that differs most.
    """

    def mean(where: np.ndarray) -> np.ndarray:
        weight = np.maximum(uniform_filter(where.astype(np.float64), RIM_PX), 1e-9)
        colours = [
            uniform_filter(colour * where, RIM_PX)
            for colour in np.moveaxis(frame, -1, 0).astype(float)
        ]
        return np.stack(colours, axis=-1) / weight[..., None]

    outline = mask & ~np.asarray(binary_erosion(mask), bool)
    differences = np.abs(mean(mask) - mean(~mask)).max(axis=-1)
    return float(np.median(differences[outline])) if outline.any() else 0.0


def answered(answer: Answer, scene: Scene) -> dict[str, np.ndarray]:
    """The outputs of a first look at a scene."""
    frame, reference = (
        picture.transpose(2, 0, 1)[None] for picture in (scene.frame, scene.reference)
    )
    known = scene.known[None, None]
    return answer(frame, reference, known, np.zeros_like(known))


def matched(boxes: np.ndarray, wanted: list) -> list[int | None]:  # type: ignore[type-arg]
    """Which wanted box each box, best first, belongs to."""
    free, taken = set(range(len(wanted))), []
    for box in boxes:
        best = max(free, key=lambda n: iou(box, wanted[n]), default=None)
        if best is not None and iou(box, wanted[best]) > 0.5:
            free.remove(best)
            taken.append(best)
        else:
            taken.append(None)
    return taken


def average_precision(score: np.ndarray, hit: np.ndarray, people: int) -> float:
    """Area under precision over recall, precision made monotonic (Everingham et al., 2010)."""
    if not people:
        return float("nan")
    hit = hit[np.argsort(-score, kind="stable")].astype(float) if len(score) else np.zeros(0)
    right = np.cumsum(hit)
    precision = right / np.arange(1, len(hit) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((best * hit).sum() / people)


@dataclass(frozen=True)
class SecondLookFigures:
    """Of looks at one person."""

    looks: int
    mask_iou: float
    masks_above_half: float
    """Share of masks with an IoU above 0.5."""
    false_masks: float
    """Share of looks at nobody that give a mask of more than 2 % of the window."""


def evaluate_second_look(
    answer: Answer, held_out: HeldOut, count: int, seed: int = 0
) -> SecondLookFigures:
    """Of windows of 160 x 128 pixels round people of a split."""
    ious, wrong, nobody = [], 0, 0
    for number in range(count):
        rng = np.random.default_rng([seed, len(KINDS), number])
        batch = collate([second_look(rng, held_out.library, held_out.places, (160, 128))])
        mask = answer(*(part.numpy() for part in batch[:4]))["person"][0, 0] >= 0.5
        truth = np.asarray(batch.truth.mask[0]) >= 0.5
        if truth.sum() < LEAST_PIXELS:
            nobody += 1
            wrong += int(mask.mean() > 0.02)
        else:
            ious.append((mask & truth).sum() / (mask | truth).sum())
    good = float(np.mean(np.array(ious) > 0.5))
    return SecondLookFigures(len(ious), float(np.mean(ious)), good, wrong / max(nobody, 1))
