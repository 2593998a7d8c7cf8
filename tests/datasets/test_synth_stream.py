"""Streams of rendered crops: the same crops as the shards', whoever renders; a clean end; lost
renderers replaced.
"""

import multiprocessing
import os
import signal
from dataclasses import fields
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from posegrid.datasets.stored_crops import Crops, read_crops
from posegrid.datasets.synth import write_dataset
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.datasets.synth_stream import shuffled_batches, streamed_people
from posegrid.errors import SourceError


def settings_for(out: Path, **changes: object) -> SynthSettings:
    few = {
        "people": 3,
        "validation_people": 0,
        "test_people": 0,
        "crops_per_person": 6,
        "image_size": 48,
    }
    return SynthSettings(
        out, **(few | {"workers": 1, "activities": "varied", "cameras": "varied"} | changes)
    )  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["removed", "masked", "masked_colour"])
def settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> SynthSettings:
    settings = settings_for(tmp_path_factory.mktemp("walkers"), background=request.param)
    write_dataset(settings)
    return settings


def columns_of(crops: Crops) -> dict[str, np.ndarray]:
    return {
        f.name: getattr(crops, f.name) for f in fields(Crops) if getattr(crops, f.name) is not None
    }


def test_sample_k_of_the_stream_is_row_k_of_the_shards(settings: SynthSettings) -> None:
    stored = columns_of(read_crops(settings.out))
    stream = streamed_people(settings)
    people = [columns_of(crops) for crops in islice(stream, 3)]
    stream.close()  # type: ignore[attr-defined]
    assert set(people[0]) == set(stored)
    for name, values in stored.items():
        streamed = np.concatenate([person[name] for person in people])
        assert streamed.dtype == values.dtype or values.dtype.kind == "U"
        np.testing.assert_array_equal(streamed, values, err_msg=name)


def test_a_stream_begins_where_it_is_told_and_ends_its_processes(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    stream = streamed_people(settings_for(tmp_path, crops_per_person=2), first=2)
    assert set(next(stream).subject) == {"W0002"}
    assert set(multiprocessing.active_children()) - before
    stream.close()  # type: ignore[attr-defined]
    assert not set(multiprocessing.active_children()) - before
    assert not list(tmp_path.iterdir())


def test_a_killed_renderer_is_replaced_and_nothing_is_lost(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    stream = streamed_people(settings_for(tmp_path, crops_per_person=2))
    names = [next(stream).subject[0]]
    renderer = next(child for child in multiprocessing.active_children() if child not in before)
    os.kill(renderer.pid or 0, signal.SIGKILL)
    names += [crops.subject[0] for crops in islice(stream, 5)]
    stream.close()  # type: ignore[attr-defined]
    assert names == [f"W{number:04d}" for number in range(1, 7)]


def test_what_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="AMC"):
        next(streamed_people(settings_for(tmp_path, motion=tmp_path)))


def person(number: int) -> Crops:
    """Five crops that know whose they are."""
    single = {
        "pose_cam_mm": (17, 3),
        "root_cam_mm": (3,),
        "keypoints_crop_px": (17, 2),
        "window": (3,),
    }
    return Crops(
        images=np.zeros((5, 8, 8), np.uint8),
        **{name: np.zeros((5, *shape), np.float32) for name, shape in single.items()},
        **dict.fromkeys(("subject", "action", "camera_id"), np.full(5, f"W{number}")),
        crop_camera=np.zeros((5, 4)),
        subaction=np.ones(5, np.int32),
        frame_index=np.arange(5) + 5 * number,
        time_s=np.zeros(5),
    )


def test_batches_mix_people_lose_nobody_and_follow_from_the_seed() -> None:
    def batches(seed: int) -> list[Crops]:
        return list(shuffled_batches((person(number) for number in range(40)), 8, 60, seed))

    first, again, other = batches(0), batches(0), batches(1)
    assert all(len(batch) == 8 for batch in first)
    seen = np.concatenate([batch.frame_index for batch in first])
    assert len(set(seen)) == len(seen) and 200 - 68 < len(seen) <= 200 - 60
    assert np.mean([len(set(batch.subject)) for batch in first]) > 5
    np.testing.assert_array_equal(seen, np.concatenate([batch.frame_index for batch in again]))
    assert not np.array_equal(seen, np.concatenate([batch.frame_index for batch in other]))
    for batch in first:
        np.testing.assert_array_equal(
            batch.subject, [f"W{number // 5}" for number in batch.frame_index]
        )
