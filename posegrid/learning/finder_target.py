"""What the finder is to answer about a scene, and how wrong its answers are."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional

from posegrid.learning.finder_network import OWNER_UNIT_PX, SIZE_UNIT_PX, STRIDE, RawAnswers
from posegrid.people.crop import box_of

LEAST_PIXELS = 10
"""Of a person, to be asked for: of fewer only the mask is."""
SHARPNESS = 0.09
"""Standard deviation of a centre's peak over the box's side."""


class Truth(NamedTuple):
    """The right answers about one scene."""

    mask: Float32[np.ndarray, "H W"]
    """Share of each pixel that is people's."""
    centre: Float32[np.ndarray, "h w"]
    """Peaks of height 1 at centres."""
    box: Float32[np.ndarray, "4 h w"]
    """Offset x, y in cells, logarithm of width and height over 32 px; where `box_weight` is above
    0.
    """
    box_weight: Float32[np.ndarray, "h w"]
    owner: Float32[np.ndarray, "2 h w"]
    """Way to the owner's centre over 64 px, x, y; where `owned` is 1."""
    owned: Float32[np.ndarray, "h w"]
    seen: Float32[np.ndarray, "2 h w"]


class Truths(NamedTuple):
    """The right answers about a batch: as in `Truth`, with a first axis more."""

    mask: Float[Tensor, "n H W"]
    centre: Float[Tensor, "n h w"]
    box: Float[Tensor, "n 4 h w"]
    box_weight: Float[Tensor, "n h w"]
    owner: Float[Tensor, "n 2 h w"]
    owned: Float[Tensor, "n h w"]
    seen: Float[Tensor, "n 2 h w"]


def wanted_box(cover: Float32[np.ndarray, "H W"]) -> Float32[np.ndarray, "4"] | None:
    """x0, y0, x1, y1 (pixel edges) of what is at least half covered; None if that is too little to
    be asked for.
    """
    there = cover >= 0.5
    box = box_of(there) if there.sum() >= LEAST_PIXELS else None
    return None if box is None else box.astype(np.float32)


def truth_of(cover: Float32[np.ndarray, "k H W"], seen: Float32[np.ndarray, "k 2"]) -> Truth:
    """The right answers about people of that coverage; `seen`: whose head and foot are."""
    high, wide = cover.shape[1] // STRIDE, cover.shape[2] // STRIDE
    centre, weight = np.zeros((high, wide), np.float32), np.zeros((high, wide), np.float32)
    box, visible = np.zeros((4, high, wide), np.float32), np.zeros((2, high, wide), np.float32)
    owner, owned = np.zeros((2, high, wide), np.float32), np.zeros((high, wide), np.float32)
    x, y = (
        (np.arange(wide, dtype=np.float32) + 0.5),
        (np.arange(high, dtype=np.float32) + 0.5)[:, None],
    )
    shares = cover.reshape(len(cover), high, STRIDE, wide, STRIDE).mean(axis=(2, 4))
    for number, layer in enumerate(cover):
        edges = wanted_box(layer)
        if edges is None:
            continue
        middle, size = 0.5 * (edges[:2] + edges[2:]) / STRIDE, edges[2:] - edges[:2]
        sharp = np.maximum(SHARPNESS * size / STRIDE, 0.6)
        cell = np.minimum(middle.astype(int), [wide - 1, high - 1])
        peak = np.exp(
            -0.5 * (((x - x[cell[0]]) / sharp[0]) ** 2 + ((y - y[cell[1]]) / sharp[1]) ** 2)
        )
        centre = np.maximum(centre, peak)
        near = (peak > 0.4) & (peak > weight)
        weight[near] = peak[near]
        dx, dy = middle[0] - x, middle[1] - y
        values = (dx, dy, np.log(size[0] / SIZE_UNIT_PX), np.log(size[1] / SIZE_UNIT_PX))
        for plane, value in zip(box, values, strict=True):
            plane[near] = np.broadcast_to(value, near.shape)[near]
        visible[:, near] = seen[number][:, None]
        mine = (shares[number] > 0.25) & (shares[number] >= shares.max(axis=0))
        owned[mine] = 1
        for plane, way in zip(owner, (dx, dy), strict=True):
            plane[mine] = np.broadcast_to(way * (STRIDE / OWNER_UNIT_PX), mine.shape)[mine]
    mask = (
        np.minimum(cover.sum(axis=0), 1)
        if len(cover)
        else np.zeros((high * STRIDE, wide * STRIDE), np.float32)
    )
    return Truth(mask.astype(np.float32), centre, box, weight, owner, owned, visible)


class Losses(NamedTuple):
    """Parts of the loss, each weighed already."""

    mask: Tensor
    overlap: Tensor
    centre: Tensor
    box: Tensor
    owner: Tensor
    seen: Tensor

    @property
    def total(self) -> Tensor:
        """What training makes small."""
        return self.mask + self.overlap + self.centre + self.box + self.owner + self.seen


def losses(answers: RawAnswers, truth: Truths) -> Losses:
    """How wrong a batch of answers is."""
    answers = RawAnswers(*(each.float() for each in answers))
    mask, wanted = answers.mask[:, 0], truth.mask
    entropy = functional.binary_cross_entropy_with_logits(mask, wanted, reduction="none").mean(
        (1, 2)
    )
    chance = torch.sigmoid(mask)
    both = (chance * wanted).sum((1, 2))
    dice = 1 - (2 * both + 4) / (chance.sum((1, 2)) + wanted.sum((1, 2)) + 4)
    weight, people = truth.box_weight, (truth.centre == 1).sum().clamp(min=1)
    boxes = torch.cat([answers.offset, answers.size], 1)
    off = (
        functional.smooth_l1_loss(boxes, truth.box, reduction="none", beta=0.1).sum(1) * weight
    ).sum()
    way = functional.smooth_l1_loss(answers.owner, truth.owner, reduction="none", beta=0.05).sum(1)
    seen = functional.binary_cross_entropy_with_logits(
        answers.seen, truth.seen, reduction="none"
    ).sum(1)
    total_weight = weight.sum().clamp(min=1)
    return Losses(
        mask=4 * entropy.mean(),
        overlap=0.5 * dice.mean(),
        centre=0.3 * _focal(answers.centre[:, 0], truth.centre) / people,
        box=0.4 * off / total_weight,
        owner=0.3 * (way * truth.owned).sum() / truth.owned.sum().clamp(min=1),
        seen=0.05 * (seen * weight).sum() / total_weight,
    )


def _focal(logit: Float[Tensor, "n h w"], wanted: Float[Tensor, "n h w"]) -> Tensor:
    """The penalty-reduced focal loss of CornerNet and CenterNet (Law & Deng 2018, Zhou et al.
    2019), summed.
    """
    chance = torch.sigmoid(logit)
    right = functional.logsigmoid(logit) * (1 - chance) ** 2 * (wanted == 1)
    wrong = functional.logsigmoid(-logit) * chance**2 * (1 - wanted) ** 4 * (wanted < 1)
    return -(right + wrong).sum()
