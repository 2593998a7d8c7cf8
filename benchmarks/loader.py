"""Crops per second of CPU time that one core decodes and augments, and how many cores feed a GPU.

    python benchmarks/loader.py            half a minute

Counted in CPU time, so that other work on the machine does not count. Crops are JPEG of 128 px,
masks PNG, as `posegrid prepare` and `synth` write them; batches of 64.
"""

import time
from collections.abc import Callable

import numpy as np
import torch

from posegrid.body.skeleton import NUM_JOINTS
from posegrid.learning.augment import augmented
from posegrid.learning.batch import Batch
from posegrid.learning.data import generator_of
from posegrid.people.crop import decode_image, decode_mask, encode_image, encode_mask

SIZE, BATCH, TURNS = 128, 64, 20
GPU_CROPS_PER_S = 20_000
"""What a data centre's GPU may learn from with posegrid_s: assumed, not measured."""


def main() -> None:
    """Print a line for each part."""
    torch.set_num_threads(1)
    images, masks = made_up_people()
    encoded = [encode_image(image, "jpeg") for image in images]
    encoded_masks = [encode_mask(mask) for mask in masks]
    figures = {
        "decode": rate(lambda: [decode_image(data) for data in encoded]),
        "decode a mask": rate(lambda: [decode_mask(data) for data in encoded_masks]),
        "augment, background removed": rate(lambda: augmented_batch(images, masks, "removed")),
        "augment, crop and mask": rate(lambda: augmented_batch(images, masks, "masked")),
    }
    for name, value in figures.items():
        print(f"{name:28} {value:7.0f} crops/s of one core", flush=True)
    removed = 1 / figures["decode"]
    masked = removed + 1 / figures["decode a mask"]
    for name, decoding, work in (
        ("background removed", removed, "augment, background removed"),
        ("crop and mask", masked, "augment, crop and mask"),
    ):
        both = decoding + 1 / figures[work]
        print(
            f"{name}: {GPU_CROPS_PER_S:,} crops/s take {GPU_CROPS_PER_S * decoding:.1f} cores that "
            f"decode, {GPU_CROPS_PER_S * both:.1f} that decode and augment"
        )


def rate(work: Callable[[], object]) -> float:
    """Crops per second of CPU time: the median of turns, the first left out."""
    seconds = []
    for _ in range(TURNS + 1):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return BATCH / float(np.median(seconds[1:]))


def augmented_batch(images: np.ndarray, masks: np.ndarray, background: str) -> Batch:
    """A batch as `posegrid train` augments it."""
    planes = [images / np.float32(255)] + ([masks] if background == "masked" else [])
    pictures = torch.from_numpy(np.stack(planes, axis=1).astype(np.float32))
    batch = Batch(pictures, torch.zeros(BATCH, NUM_JOINTS, 3), torch.zeros(BATCH, NUM_JOINTS, 2))
    return augmented(batch, torch.full((BATCH,), 300.0), generator_of(0), background)


def made_up_people() -> tuple[np.ndarray, np.ndarray]:
    """Shaded discs on black and where they are: about as much to encode as a person."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE]
    images = np.zeros((BATCH, SIZE, SIZE))
    for image in images:
        for _ in range(12):
            centre, radius = rng.uniform((30, 10), (98, 118)), rng.uniform(4, 14)
            inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2
            image[inside] = rng.uniform(60, 220)
    images += (images > 0) * rng.normal(0, 4, images.shape)
    return images.clip(0, 255).astype(np.uint8), images > 0


if __name__ == "__main__":
    main()
