"""What a stage of training sees: crops to learn from, and crops of other people to measure it on.

The crops' poses are in memory, their pictures come when they are asked for.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Int

from posegrid.body.skeleton import NUM_JOINTS, PARENTS, body_size_mm
from posegrid.datasets.dataset_facts import DatasetFacts, load_dataset_facts
from posegrid.datasets.stored_crops import Shard, array_of_column, in_view, shards_in
from posegrid.errors import SettingsError, ShardError
from posegrid.learning.data import (
    Batches,
    CropSet,
    MaskFacts,
    MixedBatches,
    TrainingBatches,
    spread,
)
from posegrid.learning.devices import Devices
from posegrid.learning.pose_targets import MeanPose, as_mean_pose
from posegrid.learning.stored_pictures import Pictures, ScratchFile
from posegrid.learning.training_settings import PoseFrame, StageSettings, check_preset


@dataclass(frozen=True, eq=False)
class StageData:
    """The crops of one data set or of several that fit together."""

    facts: DatasetFacts
    """Of the first data set, with the subjects of all."""
    margin: float
    """Room round the person that the crops were cut with; `predict` must cut with the same."""
    training: tuple[CropSet, ...]
    """Of each data set."""
    validation: tuple[CropSet, ...]
    """Of each, evenly spread."""

    @property
    def num_crops(self) -> int:
        """Crops to learn from."""
        return sum(map(len, self.training))

    @property
    def mean_pose_mm(self) -> MeanPose:
        """The mean of the data sets' mean training poses."""
        means = [crops.pose_mm.mean(dim=0).numpy() for crops in self.training]
        return as_mean_pose(np.mean(means, axis=0).tolist())

    @property
    def depth_scale_mm(self) -> float:
        """How far joints are before or behind their parents: the root of the mean square."""
        parents = list(PARENTS[1:])
        squares = [
            (crops.pose_mm[:, 1:, 2] - crops.pose_mm[:, parents, 2]).square().mean()
            for crops in self.training
        ]
        return float(torch.stack(squares).mean().sqrt())

    @property
    def mean_size_mm(self) -> float:
        """How large the people to learn from are in the mean."""
        # piece by piece: a million poses at once leave the processor's caches
        sizes_mm = (
            np.concatenate([body_size_mm(part.numpy()) for part in crops.pose_mm.split(4096)])
            for crops in self.training
        )
        return float(np.mean([of_one.mean() for of_one in sizes_mm]))

    def thinned(self, share: float) -> "StageData":
        """With a share of each data set's training crops, drawn once for all runs. SettingsError
        unless in (0, 1].

        Drawn, not evenly spaced: every fourth crop would be one and the same camera's.
        """
        if not 0 < share <= 1:
            raise SettingsError(
                f"--share {share:g}: expected a share of the training crops above 0 and up to 1."
            )
        return (
            self
            if share == 1
            else replace(self, training=tuple(_drawn(crops, share) for crops in self.training))
        )


@contextmanager
def stage_data(
    settings: StageSettings, pose_frame: PoseFrame, devices: Devices
) -> Iterator[StageData]:
    """The crops of the splits train and validation of all folders, while the block lasts. The split
    test is never read.

    Raises ShardError for folders without finished data, SettingsError for a subject in two splits
    and for data sets that do not fit together.
    """
    folders = (settings.data, *settings.also)
    facts = [load_dataset_facts(folder) for folder in folders]
    check_preset(settings.preset, facts[0].background, settings.data)
    for folder, its in zip(folders, facts, strict=True):
        _check_fit(folders[0], facts[0], folder, its)
    splits = _joined_splits(folders, facts)
    shards = [
        [
            shards_in(folder, its.subjects_of(split))
            for folder, its in zip(folders, facts, strict=True)
        ]
        for split in ("train", "validation")
    ]
    total = sum(shard.num_rows for its in shards[0] for shard in its)
    crop_bytes = math.prod(facts[0].image_shape) + facts[0].has_masks * facts[0].image_size ** 2
    kept_share = min(1.0, settings.memory_gb * 1e9 / max(1, total * crop_bytes))
    few = max(1, settings.validation_images // len(folders))
    scratch = ScratchFile(settings.run, devices)
    try:
        training = [crop_set(its, pose_frame, scratch, kept_share) for its in shards[0]]
        validation = [crop_set(its, pose_frame, scratch, 1.0, few) for its in shards[1]]
        scratch.share()
        data = StageData(
            replace(facts[0], splits=splits),
            margin_of(facts[0], folders[0]),
            tuple(training),
            tuple(validation),
        )
        yield data.thinned(settings.share)
    finally:
        scratch.close()


def crop_set(
    shards: list[Shard],
    pose_frame: PoseFrame,
    scratch: ScratchFile,
    kept_share: float,
    most: int | None = None,
) -> CropSet:
    """The crops of the shards, or so many of them evenly spread; their pictures are decoded when
    they are asked for, and that share of them then stays.
    """
    total = sum(shard.num_rows for shard in shards)
    chosen = np.arange(total) if most is None else spread(total, most).numpy()
    facts = shards[0].facts
    columns = ["image", "mask"] if facts.has_masks else ["image"]
    share = kept_share * len(chosen) / max(1, total)
    pictures = {name: Pictures(scratch, shards, name, share) for name in columns}
    pose_mm = np.zeros((len(chosen), NUM_JOINTS, 3), np.float32)
    keypoints_px = np.zeros((len(chosen), NUM_JOINTS, 2), np.float32)
    focal_px = np.zeros(len(chosen), np.float32)
    first_row = 0
    for shard in shards:
        low, high = np.searchsorted(chosen, (first_row, first_row + shard.num_rows))
        rows = chosen[low:high]
        table = shard.table([*columns, "pose_cam_mm", "keypoints_crop_px", "crop_camera"])
        table = table.take(_arrow(rows - first_row)) if most is not None else table
        for name, its in pictures.items():
            its.add(rows, table[name])
        camera = array_of_column(table, "crop_camera")
        pose_cam_mm = array_of_column(table, "pose_cam_mm")
        pose_mm[low:high] = (
            in_view(pose_cam_mm, camera, facts.image_size) if pose_frame == "view" else pose_cam_mm
        )
        keypoints_px[low:high] = array_of_column(table, "keypoints_crop_px")
        focal_px[low:high] = camera[:, :2].mean(axis=1)
        first_row += shard.num_rows
    return CropSet(
        pictures["image"],
        torch.from_numpy(pose_mm),
        torch.from_numpy(keypoints_px),
        torch.from_numpy(focal_px),
        pose_frame,
        facts.background,
        MaskFacts.of(facts),
        pictures.get("mask"),
        None if most is None else torch.from_numpy(chosen),
    )


def _arrow(rows: Int[np.ndarray, "n"]) -> pa.Array:
    """The same numbers; by `pa.array`, pandas would be imported wherever it is installed."""
    return pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(rows)])


def _drawn(crops: CropSet, share: float) -> CropSet:
    rows = torch.randperm(len(crops), generator=torch.Generator().manual_seed(0))[
        : math.ceil(share * len(crops))
    ]
    return crops.chosen(rows.sort().values)


def margin_of(facts: DatasetFacts, folder: Path) -> float:
    """The margin round the person that the crops were cut with. Raises ShardError if the data does
    not say.
    """
    margin = facts.settings.get("margin")
    if not isinstance(margin, int | float):
        raise ShardError(
            f"{folder}: dataset.json does not say which margin its crops have; prepare them anew."
        )
    return float(margin)


def _joined_splits(folders: tuple[Path, ...], facts: list[DatasetFacts]) -> dict[str, list[str]]:
    """The subjects of all folders by split. SettingsError if somebody is in two."""
    owners: dict[str, str] = {}
    for folder, its in zip(folders, facts, strict=True):
        for split, subjects in its.splits.items():
            for subject in subjects:
                if owners.setdefault(subject, split) != split:
                    raise SettingsError(
                        f"{folder}: subject {subject} is in the splits {owners[subject]} and {split}; "
                        "figures on people who were learnt from mean nothing. Give each subject one split."
                    )
    names = dict.fromkeys(split for its in facts for split in its.splits)
    return {name: [subject for subject, split in owners.items() if split == name] for name in names}


def _check_fit(first_folder: Path, first: DatasetFacts, folder: Path, facts: DatasetFacts) -> None:
    values = [
        (its.image_size, its.background, margin_of(its, of))
        for its, of in ((first, first_folder), (facts, folder))
    ]
    for name, expected, found in zip(("image_size", "background", "margin"), *values, strict=True):
        if expected != found:
            raise SettingsError(
                f"{folder} has crops with {name} {found}, {first_folder} has {expected}; they must agree to be learnt "
                "from together. Make one of them anew."
            )


@contextmanager
def batches_of(
    settings: StageSettings, data: StageData, like: TrainingBatches | MixedBatches, pieces: int
) -> Iterator[Batches]:
    """The data's own batches, or with `--stream` such of people who are rendered as they are
    needed. pieces: in which batches are taken. Raises SettingsError where that does not go
    together.
    """
    if not settings.stream:
        yield like
        return
    # only then: the renderer takes long to import
    from posegrid.learning.streamed import streamed_batches

    with streamed_batches(settings, data.facts, like, pieces) as its:
        yield its
