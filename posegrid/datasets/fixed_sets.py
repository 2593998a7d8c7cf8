"""Test sets of rendered walkers that everybody can make for himself: defined by settings, a seed,
and hashes.

walkers-test: people of all kinds walk before four cameras like Human3.6M's, in rooms, with exact
masks. walkers-hard: they also stand, lean and sit; cameras of every kind, rolled ones too; gardens,
clutter, occluders, poor footage; masks and boxes as background subtraction makes them.
walkers-everybody: the same with people of every stature and weight, also as laboratories film them.
Each has a twin of another seed for choices; the sets themselves are for figures only. None takes
captured walks, so that nothing but this package is needed to make them.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from posegrid.datasets.stored_crops import Crops, read_crops

SetName = Literal[
    "walkers-test",
    "walkers-hard",
    "walkers-everybody",
    "walkers-test-validation",
    "walkers-hard-validation",
    "walkers-everybody-validation",
]
NUM_PEOPLE, CROPS_PER_PERSON = 502, 20


@dataclass(frozen=True)
class WalkerSet:
    """What a set is made with, and what comes out."""

    seed: int
    split: Literal["validation", "test"]
    changes: dict[str, Any]
    """Settings of `synth` that are not at their defaults."""
    truths_sha256: str
    """Of all poses and places, see `truths_sha256`: the same on every machine."""
    images_sha256: str
    """Of all images, see `images_sha256`: the same on machines whose CPUs and libraries round
    alike."""


CLEAN: dict[str, Any] = {"people_kind": "varied", "background": "masked"}
HARD: dict[str, Any] = {
    **CLEAN,
    "activities": "varied",
    "cameras": "varied",
    "scenes": "varied",
    "masks": "faulty",
}
EVERYBODY: dict[str, Any] = {**HARD, "people_kind": "everybody"}

SETS: dict[SetName, WalkerSet] = {
    "walkers-test": WalkerSet(
        41001,
        "test",
        CLEAN,
        "0b0758f71dbcce493696fcf5c8d5786a937965ba7c54606e81d912d7097db862",
        "94dde7344e1ffcccf176627756d9d930cc4fd37faaba9bbcb1f70763deb0f3b6",
    ),
    "walkers-test-validation": WalkerSet(
        41002,
        "validation",
        CLEAN,
        "23b5733b386e0480068bb1099ab3592c02f645d9a99db6d9984452348e7a6950",
        "8ad2d9b603f5bf3c8f5856cf0839f05efdc67ac5ff86bf526ab6677e32e814d8",
    ),
    "walkers-hard": WalkerSet(
        42001,
        "test",
        HARD,
        "4369b2c04dec951bf61667a3c9b37112ef20cd9b8275ce889a63540061af38fb",
        "440b3c87d38c806ca5db261259241c85fdda16babc18f5dd9d4fd49dfb07d8a5",
    ),
    "walkers-hard-validation": WalkerSet(
        42002,
        "validation",
        HARD,
        "6a41979699c2bd73e945173d24e27f12b83de104fd20a437a2f4eebf210f7972",
        "7df7bd3349a8ea5605f483c1d57604bd4b737cac2b82e9a7e1f7b00072d5c8a3",
    ),
    "walkers-everybody": WalkerSet(
        43001,
        "test",
        EVERYBODY,
        "1a4b911d9e3c0e35548f4dd3697b966a7c0ffa3c10710ca44d30444f2aa308c6",
        "71ae43e39c71365cab7d4d292c8d9496fff264855bd9eba60db025aa49309b74",
    ),
    "walkers-everybody-validation": WalkerSet(
        43002,
        "validation",
        EVERYBODY,
        "d402b0dede1fb1d2eae47fb843b4a234f64eb7db48e61c2a4e7fcc2251ef4ae6",
        "db0a711b93158db578ed19261dea20820cd6a1870c88bce1ae41885f3c5113c4",
    ),
}


def changes_of(name: SetName) -> dict[str, Any]:
    """The settings of `synth` that make a set, by name."""
    entry = SETS[name]
    counts = {
        "people": 0,
        "validation_people": 0,
        "test_people": 0,
        f"{entry.split}_people": NUM_PEOPLE,
    }
    return {
        **entry.changes,
        **counts,
        "seed": entry.seed,
        "held_out_crops_per_person": CROPS_PER_PERSON,
    }


def checked(name: SetName, folder: Path) -> str:
    """What the finished set's hashes say, in a sentence."""
    crops, entry = read_crops(folder), SETS[name]
    truths, images = truths_sha256(crops), images_sha256(crops)
    if truths != entry.truths_sha256:
        return f"truths DIFFER from those of {name}: {truths}, expected {entry.truths_sha256}"
    same = f"others ({images}): another CPU or library rounds otherwise"
    if images == entry.images_sha256:
        same = "the same"
    return f"{len(crops)} crops; truths as recorded ({truths[:12]}); images {same}"


def truths_sha256(crops: Crops) -> str:
    """sha256 of who, when and where of each crop: names, frames, poses and places in micrometres,
    as little endian."""
    digest = hashlib.sha256()
    for row in range(len(crops)):
        digest.update(
            f"{crops.subject[row]} {crops.camera_id[row]} {crops.frame_index[row]}\n".encode()
        )
    for values in (crops.pose_cam_mm, crops.root_cam_mm):
        digest.update((values.astype("<f8") * 1000).round().astype("<i8").tobytes())
    return digest.hexdigest()


def images_sha256(crops: Crops) -> str:
    """sha256 of the decoded images, and of the masks where there are any."""
    digest = hashlib.sha256(crops.images.tobytes())
    if crops.masks is not None:
        digest.update(np.packbits(crops.masks > 0, axis=-1).tobytes())
    return digest.hexdigest()
