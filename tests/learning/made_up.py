"""Made-up crops: a bright blob for each joint of a pose that turns, so that a network has something
to learn.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from posegrid.body.skeleton import NUM_JOINTS
from posegrid.datasets.dataset_facts import DatasetFacts, write_dataset_facts
from posegrid.datasets.shards import CropRow, ShardWriter, shard_name
from posegrid.datasets.stored_crops import Crops
from posegrid.people.crop import IN_COLOUR, Background, encode_image, encode_mask

SIZE = 64
FOCAL_PX = 150.0
DISTANCE_MM = 5000.0
SPLITS = {"train": ["S1", "S2"], "validation": ["S3"], "test": ["S4"]}


def poses_mm(count: int, seed: int) -> np.ndarray:
    """Root-relative poses: one random skeleton of 17 points, turned about the vertical axis and
    shaken a little.
    """
    skeleton = np.random.default_rng(99).normal(0, [250, 450, 150], (NUM_JOINTS, 3))
    random = np.random.default_rng(seed)
    angle = random.uniform(-np.pi, np.pi, count)
    turn = np.zeros((count, 3, 3))
    turn[:, 0, 0] = turn[:, 2, 2] = np.cos(angle)
    turn[:, 0, 2], turn[:, 2, 0] = np.sin(angle), -np.sin(angle)
    turn[:, 1, 1] = 1
    poses = skeleton @ turn + random.normal(0, 20, (count, NUM_JOINTS, 3))
    return poses - poses[:, :1]


def made_up_crops(count: int, seed: int = 0, subject: str = "S1", size: int = SIZE) -> Crops:
    """Crops of the poses, as a camera 5 m away on the optical axis sees them."""
    pose_mm = poses_mm(count, seed)
    root_mm = np.tile([0.0, 0.0, DISTANCE_MM], (count, 1))
    points_mm = pose_mm + root_mm[:, None]
    keypoints_px = points_mm[..., :2] / points_mm[..., 2:] * FOCAL_PX * (size / SIZE) + size / 2
    pixels = np.arange(size) + 0.5
    across = np.exp(-0.5 * (pixels - keypoints_px[..., 0, None]) ** 2)
    down = np.exp(-0.5 * (pixels - keypoints_px[..., 1, None]) ** 2)
    shade = np.linspace(0.3, 1.0, NUM_JOINTS)
    images = np.einsum("j,njy,njx->nyx", shade, down, across).clip(0, 1)
    names = np.full(count, subject)
    return Crops(
        images=(images * 255).astype(np.uint8),
        pose_cam_mm=pose_mm.astype(np.float32),
        root_cam_mm=root_mm.astype(np.float32),
        keypoints_crop_px=keypoints_px.astype(np.float32),
        crop_camera=np.tile([FOCAL_PX * size / SIZE] * 2 + [size / 2] * 2, (count, 1)),
        window=np.tile([0.0, 0.0, size], (count, 1)).astype(np.float32),
        subject=names,
        action=np.full(count, "Walking"),
        camera_id=np.full(count, "C1"),
        subaction=np.ones(count, dtype=np.int32),
        frame_index=np.arange(count, dtype=np.int32),
        time_s=np.arange(count) / 50,
    )


def write_dataset(
    folder: Path,
    count: int,
    splits: dict[str, list[str]] = SPLITS,
    background: Background = "removed",
) -> Path:
    """A data set of `count` crops per subject of the splits."""
    facts = DatasetFacts(SIZE, "png", background, {"margin": 0.25}, True, splits=splits)
    subjects = sorted({subject for group in splits.values() for subject in group})
    for number, subject in enumerate(subjects):
        crops = made_up_crops(count, seed=number, subject=subject)
        if facts.has_masks:
            crops = replace(crops, masks=(crops.images > 40) * np.uint8(255))
        if background in IN_COLOUR:
            crops = replace(
                crops, images=np.stack([crops.images // 2 + 60 * n for n in range(3)], 1)
            )
        with ShardWriter(folder / shard_name(subject, "Walking", 1, "C1"), facts) as shard:
            for row in range(count):
                shard.write(_row_of(crops, row))
    write_dataset_facts(folder, facts)
    return folder


def _row_of(crops: Crops, row: int) -> CropRow:
    values = {name: value[row] for name, value in vars(crops).items() if value is not None}
    image = encode_image(values.pop("images"), "png")
    mask = values.pop("masks", None)
    return CropRow(
        image=image,
        mask=None if mask is None else encode_mask(mask),
        **{name: v.item() if np.ndim(v) == 0 else v for name, v in values.items()},
    )
