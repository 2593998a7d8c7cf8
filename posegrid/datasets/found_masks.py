"""Masks of recordings that have none: the finder is told by the joints where the person is."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial

import numpy as np
from jaxtyping import Float

from posegrid.datasets.sequence import Frame, Sequence
from posegrid.people.crop import person_crop, window_of_box
from posegrid.people.following import covered_by_people, settled
from posegrid.people.looks import Looks, Shot, load_finder
from posegrid.people.reference import NUM_SAMPLES, ClipReferences, Covered, Reference, look_of
from posegrid.video.picture import Picture
from posegrid.walkers.render.wide_shots import FoundCrop, WideShot

LEAST_FOUND = 0.3
"""Share of what is seen of a rendered person; who is found less of is no crop."""
FLESH = 0.08
"""How far a person reaches beyond the joints, as a share of the longer side of the joints' box."""


def with_found_masks(sequence: Sequence, network: Looks | None = None) -> Sequence:
    """The sequence, and in frames without a mask that of a second look at the person. The empty
    scene is learnt from frames spread over the sequence. network: default those weights that come
    with posegrid.
    """
    finder = network or load_finder()

    covered = partial(covered_by_people, finder)

    def open_frames(every: int = 1) -> Iterator[Frame]:
        references = None
        for frame in sequence.open_frames(every):
            if frame.mask is None:
                references = references or learnt(sequence, covered)
                frame = replace(frame, mask=_mask(frame, references))
            yield frame

    def _mask(frame: Frame, references: ClipReferences) -> np.ndarray:
        picture, box = frame.picture, box_round_joints(sequence.keypoints_px[frame.index])
        reference = references.at(frame.time_s, picture, look_of(picture))
        outline = finder.each(Shot(picture, reference), [box])[0]
        return outline.silhouette(picture.size_wh).in_picture()

    return replace(sequence, open_frames=open_frames)


def learnt(sequence: Sequence, covered: Covered) -> ClipReferences:
    """The references of a sequence."""
    every = max(1, sequence.num_frames // NUM_SAMPLES)
    return ClipReferences.learnt((f.picture for f in sequence.open_frames(every)), covered)


def box_round_joints(keypoints_px: Float[np.ndarray, "17 2"]) -> Float[np.ndarray, "4"]:
    """The box of the joints, and room for what is round them."""
    low, high = keypoints_px.min(axis=0), keypoints_px.max(axis=0)
    room = FLESH * (high - low).max()
    return np.concatenate([low - room, high + room])


def crop_found_in(shot: WideShot, *, size: int, margin: float) -> FoundCrop | None:
    """The crop that `predict` would cut out of a rendered picture, once it follows the person; None
    if what it finds is less than LEAST_FOUND of them.
    """
    picture = Picture.from_rgb(shot.image)
    known = bool(shot.known.any())
    reference = Reference(shot.reference, shot.known, picture.size_wh) if known else None
    outline = settled(_shipped_finder(), Shot(picture, reference), [shot.box_px])[0]
    silhouette = outline.silhouette(picture.size_wh)
    common = np.count_nonzero(silhouette.in_picture() & shot.seen)
    if common < LEAST_FOUND * max(np.count_nonzero(shot.seen), 1):
        return None
    window = window_of_box(silhouette.box_xyxy, margin)
    crop = person_crop(picture, silhouette, window, size, "masked_colour", soft=True)
    return FoundCrop(np.moveaxis(crop[:3], 0, -1), crop[3], window)


@cache
def _shipped_finder() -> Looks:
    """Read once in each process that renders."""
    return load_finder()
