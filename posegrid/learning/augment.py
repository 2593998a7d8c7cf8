"""What may change about a crop while its answer stays known: mirrored, moved, turned, lit,
coloured, covered, badly cut out.

Everything acts on a whole batch at once and draws from the generator it is given. The strengths
were chosen in the order of size of what a person's box from a mask, other lamps and other cameras
do to a crop.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from posegrid.body.skeleton import mirror_order
from posegrid.datasets.dataset_facts import DatasetFacts
from posegrid.datasets.stored_crops import LUMA
from posegrid.learning.batch import Batch
from posegrid.people.crop import WITH_MASK

BLACK = 0.03
"""JPEG leaves greys up to this in the black next to a person."""
MIRROR_CHANCE = 0.5
SCALE_SPREAD = 0.06
"""Standard deviation of the logarithm of the scale."""
SHIFT_SHARE = 0.05
"""Largest shift along each axis, as a share of the crop's side."""
ROLL_SPREAD_RAD = {"standard": 0.05, "rolled": 0.3}
"""rolled: for cameras held at any slant, and for people who lean as far as they can."""
GAIN_SPREAD = 0.25
GAMMA_SPREAD = 0.15
NOISE_MOST = 0.03
GREY_CHANCE = 0.15
"""Crops in colour are shown grey so often, as some videos are."""
MIXTURE_SPREAD = 0.7
"""Standard deviation of the logarithms of the colours' shares in such a grey: infrared weighs them
in any way."""
BALANCE_SPREAD, SATURATION_SPREAD = 0.07, 0.3
"""Standard deviations of the logarithms of each colour's gain, and of how colourful all is."""
HUE_SPREAD_RAD = 0.1
TINT_SPREAD = 0.25
"""Of a made-up background, as BALANCE_SPREAD."""
COVER_CHANCE = 0.3
COVER_SHARES = (0.03, 0.16)
"""Shortest and longest side of a covering rectangle, as a share of the crop's side."""
RAGGED_CHANCE = 0.3
RAGGED_SHARE = 0.25
"""Share of a ragged mask's outline that is wrong inwards, and as much outwards."""
RAGGED_PX = 2
"""How far a wrong outline is off, in pixels."""
TEXTURE_CHANCE = 0.25
"""Crops with a mask beside them get a made-up background so often,"""
CLUTTER_CHANCE = 0.15
"""and so often that of another crop, with the person in it, moved by half a picture."""
OCTAVES = (4, 8, 16, 32, 64)
"""Waves of a made-up background: each finer one weaker, as in pictures of real places (Field, JOSA
A 1987).
"""
CLEAN_CHANCE = 0.3
"""Masks beside crops stay as they are so often; the others get the faults of background
subtraction:
"""
LEFT_CHANCE = 0.65
"""Those that have such faults already stay as they are more often."""
HARD_CHANCE = 0.5
"""Soft ones that stay as they are become zeros and ones so often; in the others the finder is
surer or less sure:
"""
SURENESS_SPREAD = 0.4
"""standard deviation of the logarithm of the power that levels are raised to, by crop and by
place."""
EDGE_BLUR_PX = 4
"""side of the squares whose averages, smoothed, have as their levels the outlines that a mask may
have,
"""
EDGE_LEVELS = (0.03, 0.45)
"""the range of these levels (0.5 is the true outline): masks are rather too large than too
small,
"""
EDGE_WAVES = 0.08
"""how much the level varies along the outline,"""
PATCH_SHARE = 0.04
"""and how much of the outline's surroundings is a lump taken in, and of the person a hole."""
WAVES_SPREAD = 2 / 3
"""Standard deviation of normal numbers with straight lines between them, along both axes."""
REMOVED_CHANCE = 0.45
"""Crops with a mask beside them are shown with the background taken out so often,"""
UNMASKED_CHANCE = 0.1
"""and so often with the background and without a mask: it then says that everything may be the
person.
"""


@dataclass(frozen=True)
class MaskFacts:
    """What is known of masks beside crops."""

    exact: bool = True
    """Whether they are the rendered truth; else background subtraction or a finder has spoilt them
    already."""
    soft: bool = False
    """Whether they say how sure the finder is; else they are zeros and ones."""

    @classmethod
    def of(cls, facts: DatasetFacts) -> "MaskFacts":
        """Of a data set's."""
        return cls(facts.exact_masks, facts.soft_masks)


EXACT = MaskFacts()


@dataclass(frozen=True)
class Draws:
    """Random numbers, on the device of their generator."""

    generator: torch.Generator

    def uniform(self, *shape: int) -> Tensor:
        """Numbers in 0..1."""
        return torch.rand(shape, generator=self.generator, device=self.generator.device)

    def normal(self, *shape: int) -> Tensor:
        """Normal numbers."""
        return torch.randn(shape, generator=self.generator, device=self.generator.device)

    def integers(self, end: int, *shape: int) -> Tensor:
        """Whole numbers from 0 to end - 1."""
        where = {"generator": self.generator, "device": self.generator.device}
        return torch.randint(0, end, shape, **where)


def augmented(
    batch: Batch,
    focal_px: Float[Tensor, "n"] | None,
    generator: torch.Generator,
    background: str,
    strength: Literal["standard", "rolled"] = "standard",
    *,
    of_masks: MaskFacts = EXACT,
) -> Batch:
    """The batch with every change drawn at random.

    focal_px: the crop cameras' focal lengths where poses are in the crop's view, so that a shift
    turns the pose as it turns the view; None where they are in the camera's frame. background: of
    the crops, as their data set names it; where it is removed it stays black. Masks that are not
    exact are spoilt less often, and nobody is cut out by them.
    """
    draws = Draws(generator)
    moved = _moved(batch, focal_px, draws, ROLL_SPREAD_RAD[strength])
    if background in WITH_MASK:
        return moved._replace(images=_mixed(moved.images, draws, of_masks))
    masked = background == "removed"
    images = _ragged(moved.images, draws) if masked else moved.images
    images = _covered(_lit(images, draws, masked=masked), draws)
    return moved._replace(images=images)


def _mixed(
    images: Float[Tensor, "n channels size size"], draws: Draws, of_masks: MaskFacts
) -> Float[Tensor, "n channels size size"]:
    """Crops and, as the last channel, masks as one network meets them all: background removed, kept,
    or kept and no mask known.
    """
    crops = _elsewhere(images, draws) if of_masks.exact else images[:, :-1]
    crops = _lit(crops, draws, masked=False)
    mask = _faulty(images[:, -1:], draws, of_masks)
    covered = _covered(torch.cat([crops, mask], dim=1), draws)
    crops, mask = covered[:, :-1], covered[:, -1:]
    kind = draws.uniform(len(images), 1, 1, 1)
    crops = torch.where(kind < REMOVED_CHANCE, crops * mask, crops)
    return torch.cat(
        [crops, torch.where(kind >= 1 - UNMASKED_CHANCE, torch.ones_like(mask), mask)], dim=1
    )


def _elsewhere(
    images: Float[Tensor, "n channels size size"], draws: Draws
) -> Float[Tensor, "n colours size size"]:
    """The crops, some of them before another background than their own: a texture, or another
    crop's clutter.
    """
    crops, mask = images[:, :-1], images[:, -1:]
    kind = draws.uniform(len(images), 1, 1, 1)
    background = crops.roll(1, dims=0).roll(crops.shape[-1] // 2, dims=-1)
    rows = (kind < TEXTURE_CHANCE).flatten().nonzero()[:, 0]
    made_up = _textures(len(rows), crops.shape[-1], draws)
    if crops.shape[1] == 3:
        tint = torch.exp(draws.normal(len(rows), 3, 1, 1) * TINT_SPREAD)
        made_up = (made_up * tint).clamp(max=1.0)
    background = background.index_copy(0, rows, made_up)
    return torch.where(
        kind < TEXTURE_CHANCE + CLUTTER_CHANCE, mask * crops + (1 - mask) * background, crops
    )


def _textures(count: int, size: int, draws: Draws) -> Float[Tensor, "n 1 size size"]:
    """Backgrounds of waves upon waves, each finer one weaker."""
    slope, contrast, level = draws.uniform(3, count, 1, 1, 1)
    waves = torch.zeros(count, 1, OCTAVES[0], OCTAVES[0], device=slope.device)
    for nodes in OCTAVES:
        waves = functional.interpolate(
            waves, size=(nodes, nodes), mode="bilinear", align_corners=False
        )
        strength = nodes ** -(0.3 + 0.9 * slope)
        waves = waves + strength * draws.normal(count, 1, nodes, nodes)
    waves = functional.interpolate(waves, size=(size, size), mode="bilinear", align_corners=False)
    return ((0.1 + 0.7 * level) * torch.exp(contrast * waves)).clamp(0.0, 1.0)


def _faulty(
    masks: Float[Tensor, "n 1 size size"], draws: Draws, of_masks: MaskFacts = EXACT
) -> Float[Tensor, "n 1 size size"]:
    """Masks of zeros and ones as background subtraction makes them: swollen or shrunk, wavy, with
    lumps and holes. Those that stay as they are may be soft, as sure as another finder would be.
    """
    left_chance = CLEAN_CHANCE if of_masks.exact else LEFT_CHANCE
    rows = (draws.uniform(len(masks)) >= left_chance).nonzero()[:, 0]
    left = (masks >= 0.5).to(masks.dtype)
    if of_masks.soft:
        hard = draws.uniform(len(masks), 1, 1, 1) < HARD_CHANCE
        left = torch.where(hard, left, _as_sure(masks, draws))
    return left.index_copy(0, rows, _spoilt(masks[rows], draws))


def _as_sure(masks: Float[Tensor, "n 1 size size"], draws: Draws) -> Float[Tensor, "n 1 size size"]:
    spread = draws.normal(len(masks), 1, 1, 1) + _waves(masks, 6, draws)
    return masks ** torch.exp(SURENESS_SPREAD * spread)


def _spoilt(masks: Float[Tensor, "n 1 size size"], draws: Draws) -> Float[Tensor, "n 1 size size"]:
    low, high = EDGE_LEVELS
    level = low + (high - low) * draws.uniform(len(masks), 1, 1, 1)
    waves, patches = _waves(masks, 24, draws), _waves(masks, 10, draws)
    near = functional.avg_pool2d(functional.avg_pool2d(masks, EDGE_BLUR_PX), 3, 1, 1)
    near = functional.interpolate(near, size=masks.shape[-2:], mode="bilinear", align_corners=False)
    faulty = near > (level + EDGE_WAVES * waves).clamp(min=0.01)
    limit = WAVES_SPREAD * NormalDist().inv_cdf(1 - PATCH_SHARE)
    return ((faulty | ((near > 0.01) & (patches > limit))) & ~(patches < -limit)).to(masks.dtype)


def _waves(images: Tensor, nodes: int, draws: Draws) -> Float[Tensor, "n 1 size size"]:
    """A smooth random field for every picture, from nodes x nodes normal numbers."""
    field = draws.normal(len(images), 1, nodes, nodes)
    return functional.interpolate(
        field, size=images.shape[-2:], mode="bilinear", align_corners=False
    )


def _moved(batch: Batch, focal_px: Tensor | None, draws: Draws, roll_spread_rad: float) -> Batch:
    """Mirrored, scaled, turned about the centre and shifted, in this order; pixels, keypoints and
    pose alike.
    """
    count, size = len(batch.images), batch.images.shape[-1]
    mirror = draws.uniform(count) < MIRROR_CHANCE
    scale = torch.exp(draws.normal(count) * SCALE_SPREAD)
    angle = draws.normal(count) * roll_spread_rad
    shift_px = (draws.uniform(count, 2) * 2 - 1) * (SHIFT_SHARE * size)

    order = torch.from_numpy(mirror_order()).to(mirror.device)
    swap = mirror[:, None, None]
    keypoints_px = torch.where(swap, batch.keypoints_px[:, order], batch.keypoints_px)
    pose_mm = torch.where(swap, batch.pose_mm[:, order], batch.pose_mm)

    sign = torch.where(mirror, -1.0, 1.0)
    flip = torch.diag_embed(torch.stack([sign, torch.ones_like(sign)], dim=1))
    turn = _rotations(angle)
    linear = scale[:, None, None] * turn @ flip
    keypoints_px = (keypoints_px - size / 2) @ linear.mT + size / 2 + shift_px[:, None]
    pose_mm = torch.cat([pose_mm[..., :2] @ (turn @ flip).mT, pose_mm[..., 2:]], dim=-1)
    if focal_px is not None:
        pose_mm = pose_mm @ _view_turns(-shift_px / (focal_px * scale)[:, None]).mT

    back = torch.linalg.inv(linear)
    offset = -(back @ (shift_px * (2 / size))[..., None])
    grid = functional.affine_grid(
        torch.cat([back, offset], dim=2), list(batch.images.shape), align_corners=False
    )
    return Batch(
        functional.grid_sample(batch.images, grid, align_corners=False), pose_mm, keypoints_px
    )


def _rotations(angle: Float[Tensor, "n"]) -> Float[Tensor, "n 2 2"]:
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return torch.stack(
        [torch.stack([cosine, -sine], dim=1), torch.stack([sine, cosine], dim=1)], dim=1
    )


def _view_turns(slope: Float[Tensor, "n 2"]) -> Float[Tensor, "n 3 3"]:
    """The smallest rotations that bring the rays (slope_x, slope_y, 1) onto the z axis."""
    ray = functional.normalize(functional.pad(slope, (0, 1), value=1.0), dim=1)
    x, y, z = ray.T
    common = 1 / (1 + z)
    rows = (
        torch.stack([1 - x * x * common, -x * y * common, -x], dim=1),
        torch.stack([-x * y * common, 1 - y * y * common, -y], dim=1),
        torch.stack([x, y, z], dim=1),
    )
    return torch.stack(rows, dim=1)


def _lit(images: Tensor, draws: Draws, *, masked: bool) -> Tensor:
    """Other colours where there are any, another gain, another gamma and some noise; what is black
    by the mask stays black.
    """
    count = len(images)
    images = _recoloured(images, draws) if images.shape[1] == 3 else images
    gain = torch.exp(draws.normal(count, 1, 1, 1) * GAIN_SPREAD)
    gamma = torch.exp(draws.normal(count, 1, 1, 1) * GAMMA_SPREAD)
    noise = draws.uniform(count, 1, 1, 1) * NOISE_MOST
    lit = images.clamp(min=1e-6).pow_(gamma).mul_(gain).add_(noise * _grain(images, draws))
    return (torch.where(images > BLACK, lit, images) if masked else lit).clamp(0.0, 1.0)


def _recoloured(
    images: Float[Tensor, "n 3 size size"], draws: Draws
) -> Float[Tensor, "n 3 size size"]:
    """Another white balance, other hues and more or less colour; some pictures grey, of any mixture
    of the colours. But for white balance, brightness stays.

    Each picture's red, green and blue are multiplied by a matrix: brightness, and what differs from
    it, turned about the axis of all greys and scaled.
    """
    count, device = len(images), images.device
    is_grey = draws.uniform(count, 1, 1) < GREY_CHANCE
    saturation = torch.exp(draws.normal(count, 1, 1) * SATURATION_SPREAD)
    balance = torch.exp(draws.normal(count, 3, 1) * BALANCE_SPREAD)
    angle = draws.normal(count, 1, 1) * HUE_SPREAD_RAD
    luma, same = torch.from_numpy(LUMA).float().to(device), torch.eye(3, device=device)
    about_grey = (same.roll(1, dims=0) - same.roll(-1, dims=0)) / 3**0.5
    turned = (same - luma) @ (torch.cos(angle) * same + torch.sin(angle) * about_grey)
    coloured = balance * (luma + saturation * turned)
    shares = torch.softmax(luma.log() + draws.normal(count, 1, 3) * MIXTURE_SPREAD, dim=-1)
    matrix = torch.where(is_grey, shares, coloured)
    return (matrix @ images.flatten(2)).unflatten(2, images.shape[-2:])


def _covered(images: Tensor, draws: Draws) -> Tensor:
    """Some pictures with a black rectangle."""
    count, size = len(images), images.shape[-1]
    hit = draws.uniform(count) < COVER_CHANCE
    low, high = COVER_SHARES
    sides = size * (low + (high - low) * draws.uniform(count, 2))
    start = draws.uniform(count, 2) * size
    pixels = torch.arange(size, device=images.device)
    inside = (pixels >= start[..., None]) & (pixels < (start + sides)[..., None])
    cover = inside[:, 1, :, None] & inside[:, 0, None, :] & hit[:, None, None]
    return images.masked_fill(cover[:, None], 0.0)


def _ragged(images: Tensor, draws: Draws) -> Tensor:
    """Some pictures with patches where the mask is eroded into the person, or dilated into some
    background of one grey.
    """
    count, size = len(images), images.shape[-1]
    rows = (draws.uniform(count) < RAGGED_CHANCE).nonzero()[:, 0]
    patches = draws.normal(count, 1, 12, 12)
    grey = draws.uniform(count, 1, 1, 1)
    if len(rows) == 0:
        return images
    patches = functional.interpolate(
        patches[rows], size=(size, size), mode="bilinear", align_corners=False
    )
    some = images[rows]
    person = some > BLACK
    grown, eaten = _grown(person), ~_grown(~person)
    limit = NormalDist().inv_cdf(1 - RAGGED_SHARE) * patches.std()
    some = torch.where((patches > limit) & person & ~eaten, 0.0, some)
    some = torch.where((patches < -limit) & grown & ~person, grey[rows], some)
    return images.index_copy(0, rows, some)


def _grown(mask: Bool[Tensor, "n 1 size size"]) -> Bool[Tensor, "n 1 size size"]:
    """The mask and all pixels within RAGGED_PX of it along rows and columns: dilated, in the words
    of morphology, by a square. Eroded: what the complement, dilated, leaves.
    """
    grown = mask.clone()
    for pixels in range(1, RAGGED_PX + 1):
        grown[..., pixels:] |= mask[..., :-pixels]
        grown[..., :-pixels] |= mask[..., pixels:]
    wide = grown.clone()
    for pixels in range(1, RAGGED_PX + 1):
        grown[..., pixels:, :] |= wide[..., :-pixels, :]
        grown[..., :-pixels, :] |= wide[..., pixels:, :]
    return grown


def _grain(images: Tensor, draws: Draws) -> Tensor:
    """Normal noise for every picture: windows of one field twice as wide, since drawing so many
    numbers is slow.
    """
    count, size = len(images), images.shape[-1]
    field = draws.normal(2 * size, 2 * size)
    y, x = draws.integers(size + 1, count, 2).T
    return field.unfold(0, size, 1).unfold(1, size, 1)[y, x][:, None]
