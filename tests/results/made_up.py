"""A made-up data set, model and predictions for the tests of results."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posegrid.body.estimate import Estimate
from posegrid.datasets.dataset_facts import DatasetFacts, write_dataset_facts
from posegrid.datasets.shards import CropRow, ShardWriter, shard_name
from posegrid.learning.model_facts import ModelFacts
from posegrid.people.crop import encode_image
from posegrid.results.predictions import Predictions

SIZE = 32
FACTS = {
    "weights": "best.safetensors",
    "data": "walkers",
    "split": "test",
    "subjects": ["S9"],
    "synthetic": True,
}


def poses(count: int, seed: int = 0) -> np.ndarray:
    """Root-relative poses of the size of people; the joints wander a little from frame to frame."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 300, (1, 17, 3)) + rng.normal(0, 20, (count, 17, 3))
    return (pose - pose[:, :1]).astype(np.float32)


def predictions_of(estimate: np.ndarray, truth: np.ndarray, **columns: np.ndarray) -> Predictions:
    count = len(truth)
    given = {
        "subject": np.full(count, "S9"),
        "action": np.full(count, "Walking"),
        "camera_id": np.full(count, "c1"),
        "subaction": np.ones(count, int),
        "frame_index": np.arange(count),
        "time_s": np.arange(count) / 50,
        **columns,
    }
    mean = np.broadcast_to(truth.mean(axis=0), truth.shape).copy()
    unsaid = np.full(truth.shape[:2], np.nan)
    said = {"sigma_mm": unsaid, "keypoint_error_px": unsaid, **given}
    return Predictions(estimate, truth, mean, **said, facts=dict(FACTS))


@dataclass(frozen=True)
class Guessing:
    """A model that answers from the brightness of the crop, for tests."""

    facts: ModelFacts

    def estimate(self, images: np.ndarray) -> Estimate:
        brightness = images.reshape(len(images), -1).mean(axis=1).astype(np.float32)
        return Estimate.of_poses(self.facts.mean_pose() * (0.8 + brightness / 255)[:, None, None])


def model_of(**changes: object) -> Guessing:
    mean = tuple((float(x), float(y), float(z)) for x, y, z in poses(1)[0])
    facts = ModelFacts("tiny", "pose", SIZE, "removed", "view", mean, training={"subjects": ["S1"]})
    return Guessing(replace(facts, **changes))


def write_data(folder: Path, *, same_picture: bool = False, frames: int = 14) -> Path:
    folder.mkdir()
    facts = DatasetFacts(
        SIZE,
        "png",
        "removed",
        {},
        True,
        {"train": ["S1"], "validation": ["S8"], "test": ["S9"]},
        num_crops=3 * frames,
    )
    for number, subject in enumerate(("S1", "S8", "S9")):
        truth = poses(frames, seed=number)
        with ShardWriter(folder / shard_name(subject, "Walking", 1, "c1"), facts) as shard:
            for frame in range(frames):
                image = np.full((SIZE, SIZE), 40 if same_picture else 40 + 5 * frame, np.uint8)
                shard.write(
                    CropRow(
                        image=encode_image(image, "png"),
                        pose_cam_mm=truth[frame],
                        root_cam_mm=np.array([0.0, 0.0, 4000.0]),
                        keypoints_crop_px=truth[frame, :, :2] * 0.02 + SIZE / 2,
                        crop_camera=np.array([50.0, 50.0, 4.0, 16.0]),
                        window=np.array([0.0, 0.0, 600.0]),
                        subject=subject,
                        action="Walking",
                        subaction=1,
                        camera_id="c1",
                        frame_index=frame,
                        time_s=frame / 50,
                    )
                )
    write_dataset_facts(folder, facts)
    return folder
