"""Masks as background subtraction makes them, of crops that were rendered with their exact masks.

    faults = random_mask_faults(rng)
    box = faults.box(true_box_px)                       # the window is cut from this faulty box
    mask = faulty_mask(rendered, behind, faults, box_crop_px, pixels_per_block, rng)

Background subtraction is imitated, step by step: a pixel is the person's where it is unlike the
empty scene, so holes come where person and scene have the same colour, and the shadow on the floor
is taken in where it is dark; the comparison runs on blocks of pixels, and near parts are joined. On
top come lumps and holes of a scene that was learnt wrongly, parts cut off (feet, head, hands) and
neighbours' blobs. How far boxes are off was measured by `scripts/measure_mask_faults.py`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import ndtri

from posegrid.walkers.render.picture_kernels import (
    averaged,
    closed_and_sampled,
    outlined,
    unlikeness_to_scene,
)
from posegrid.walkers.render.renderer import Rendered

CLEAN_SHARE = 0.28
"""So many crops keep their exact mask and box."""
EDGE_CENTRE, EDGE_SPREAD = 0.002, 0.005
"""Error of each edge of the box, outwards, as a share of its longer side: usual value, spread."""
CUT_CHANCE, ADDED_CHANCE = (0.05, 0.12, 0.05, 0.2), (0.05, 0.02, 0.05, 0.04)
"""How often a part at the left, top, right, bottom edge is lost (a hand, feet) or added."""
CUT_MEAN, ADDED_MEAN = 0.07, 0.05
"""How much then on average, as a share of the box's longer side (exponential)."""
MOST_CUT, MOST_ADDED = 0.2, 0.3
NODES = 14
"""Nodes of the smooth random fields along each side of a crop."""


@dataclass(frozen=True)
class MaskFaults:
    """How one mask will be wrong. Lengths are shares of the box's longer side."""

    edges: tuple[float, float, float, float]
    """Error of the box's left, top, right, bottom edge, outwards."""
    limit_levels: float
    """Difference (of 255) that makes a pixel the person's."""
    shadow_levels: float
    """Difference of a shadow that is forgiven."""
    level: float
    """Share of the limit at which the outline is drawn, after averaging: low masks are swollen."""
    wave_share: float
    """How much the level varies along the outline."""
    lump_share: float
    """Of the person's surroundings taken in, and of the person lost, in lumps."""
    joining: float
    """A pixel is taken in if more than this share of its neighbourhood is: 1 leaves gaps open."""
    takes_in_others: bool
    """Whether other people's parts that are near count as the person's."""
    flicker_px: tuple[int, int]
    """The mask lags by so many crop pixels."""

    def box(self, box_xyxy: Float[np.ndarray, "4"]) -> Float[np.ndarray, "4"]:
        """The box that the faulty mask has, of the true one."""
        longer = max(box_xyxy[2] - box_xyxy[0], box_xyxy[3] - box_xyxy[1])
        box = box_xyxy + np.array([-1, -1, 1, 1]) * np.array(self.edges) * longer
        # of a narrow person both sides may be cut off by more than there is
        return np.concatenate([np.minimum(box[:2], box[2:]), np.maximum(box[:2], box[2:])])


def random_mask_faults(rng: np.random.Generator) -> MaskFaults | None:
    """Faults at random; None: this mask is exact."""
    if rng.random() < CLEAN_SHARE:
        return None
    edges = rng.normal(EDGE_CENTRE, EDGE_SPREAD, 4)
    kind, sizes = rng.random(4), rng.exponential(1.0, 4)
    edges = np.where(kind < CUT_CHANCE, -np.minimum(CUT_MEAN * sizes, MOST_CUT), edges)
    added = np.minimum(ADDED_MEAN * sizes, MOST_ADDED)
    edges = np.where(kind > 1 - np.array(ADDED_CHANCE), added, edges)
    lags = rng.random() < 0.1
    return MaskFaults(
        edges=tuple(float(edge) for edge in edges),  # type: ignore[arg-type]  # four of them
        limit_levels=float(np.exp(rng.uniform(np.log(8), np.log(40)))),
        shadow_levels=float(rng.uniform(5, 25) if rng.random() < 0.25 else rng.uniform(25, 120)),
        level=float(rng.uniform(0.3, 0.9)),
        wave_share=float(rng.uniform(0.0, 0.5)),
        lump_share=float(rng.exponential(0.01)) if rng.random() < 0.5 else 0.0,
        joining=float(rng.uniform(0.5, 0.8)),
        takes_in_others=bool(rng.random() < 0.4),
        flicker_px=(int(rng.integers(-2, 3)), int(rng.integers(-1, 2))) if lags else (0, 0),
    )


def faulty_mask(
    rendered: Rendered,
    behind: Float[np.ndarray, "size size 3"],
    faults: MaskFaults,
    box_crop_px: Float[np.ndarray, "4"],
    block_px: float,
    rng: np.random.Generator,
) -> Bool[np.ndarray, "size size"]:
    """The crop's mask with the faults. At least a quarter of the person stays: else the exact mask
    comes back.

    `behind`: linear light without the person. `box_crop_px`: the faulty box in the crop.
    `block_px`: the side of the squares, in crop pixels, that the picture is compared by.
    """
    coverage = rendered.coverage
    score, means, found = np.empty_like(coverage), np.empty_like(coverage), np.empty_like(coverage)
    limits = np.float32(faults.limit_levels), np.float32(faults.shadow_levels)
    unlikeness_to_scene(rendered.light, behind, coverage, *limits, score)
    averaged(score, max(1, round(block_px)), means)
    near = np.empty_like(coverage)
    averaged(coverage, max(2, len(coverage) // 16), near)
    from_lump = _normal_limit(faults.lump_share)
    nodes = rng.standard_normal((2, NODES, NODES), dtype=np.float32)
    outlined(
        means, np.float32(faults.level), nodes[0], np.float32(faults.wave_share), nodes[1],
        np.float32(from_lump), np.float32(-from_lump), near, box_crop_px.astype(np.float32), found,
    )  # fmt: skip
    _add_blobs(found, faults, box_crop_px, rng)
    averaged(found, max(1, round(2 * block_px)), means)
    mask = np.empty(coverage.shape, bool)
    first_x, first_y = rng.random(2) * block_px
    joining = np.float32(faults.joining)
    closed_and_sampled(found, means, joining, first_x, first_y, float(block_px), mask)
    if any(faults.flicker_px):
        mask |= np.roll(mask, faults.flicker_px, (1, 0))
    person = coverage >= 0.5
    return mask if 4 * np.count_nonzero(mask & person) >= np.count_nonzero(person) else person


def _normal_limit(share: float) -> float:
    """What a field between normal nodes (2/3 of their spread) exceeds on about so large a share."""
    return -2 / 3 * float(ndtri(min(share, 0.5))) if share > 0 else 1e9


def _add_blobs(
    found: np.ndarray, faults: MaskFaults, box: np.ndarray, rng: np.random.Generator
) -> None:
    """Put a lump (a neighbour, a ghost) between the person and each edge of the box far outside."""
    longer = max(box[2] - box[0], box[3] - box[1])
    for side, error in enumerate(faults.edges):
        if error < 0.02:
            continue
        out, along = error * longer * rng.uniform(0.5, 1.0), longer * rng.uniform(0.02, 0.15)
        axis = side % 2
        middle = np.empty(2)
        middle[axis] = box[side] + (out if side < 2 else -out)
        middle[1 - axis] = rng.uniform(box[1 - axis], box[3 - axis])
        half = np.array([out, along] if axis == 0 else [along, out])
        for _ in range(3):
            at = middle + half * rng.uniform(-0.5, 0.5, 2)
            _add_ellipse(found, at, half * rng.uniform(0.3, 0.9, 2))


def _add_ellipse(found: np.ndarray, middle: np.ndarray, half: np.ndarray) -> None:
    left, top = (max(0, int(v)) for v in middle - half)
    right, bottom = (max(0, int(np.ceil(v))) for v in middle + half)
    part = found[top:bottom, left:right]
    x, y = left + np.arange(part.shape[1]) + 0.5, top + np.arange(part.shape[0])[:, None] + 0.5
    part[((x - middle[0]) / half[0]) ** 2 + ((y - middle[1]) / half[1]) ** 2 < 1] = 1
