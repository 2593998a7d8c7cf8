"""Pictures decoded when they are asked for are those that reading all at once gives."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from learning.made_up import SIZE, write_dataset

from posegrid.datasets.stored_crops import read_crops, shards_in
from posegrid.errors import OutputError, ShardError
from posegrid.learning.data import CropSet
from posegrid.learning.devices import Devices
from posegrid.learning.stage_data import crop_set
from posegrid.learning.stored_pictures import ScratchFile

ONE = Devices(torch.device("cpu"))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data"), 20, background="masked")


@pytest.fixture
def scratch(tmp_path) -> Iterator[ScratchFile]:
    its = ScratchFile(tmp_path / "run", ONE)
    yield its
    its.close()


def opened(data: Path, scratch: ScratchFile, kept_share: float, most: int | None = None) -> CropSet:
    crops = crop_set(shards_in(data, ["S1", "S2"]), "view", scratch, kept_share, most)
    scratch.share()
    return crops


@pytest.mark.parametrize("kept_share", [0.0, 0.3, 1.0])
def test_pictures_are_those_of_the_shards_however_many_are_kept(data, scratch, kept_share):
    crops = read_crops(data, ["S1", "S2"])
    whole = CropSet.of(crops, "view", "masked")
    few = opened(data, scratch, kept_share)
    for rows in (torch.arange(40), torch.tensor([39, 0, 21, 21]), torch.arange(40)):
        for expected, found in zip(whole.batch(rows, SIZE), few.batch(rows, SIZE), strict=True):
            assert torch.equal(expected, found)
    assert torch.equal(whole.focal_px, few.focal_px)
    assert few.images._num_kept == int(kept_share * 40)


def test_a_picture_that_was_kept_is_decoded_once(data, scratch, monkeypatch):
    few = opened(data, scratch, 0.5)
    few.images[torch.arange(30)]
    read = []
    whole = ScratchFile.read
    monkeypatch.setattr(ScratchFile, "read", lambda *at: read.append(at) or whole(*at))
    few.images[torch.arange(40)]
    assert len(read) == 20


def test_some_crops_are_evenly_spread_and_the_same_as_of_all(data, scratch):
    whole = CropSet.of(read_crops(data, ["S1", "S2"]), "view", "masked").thinned(7)
    few = opened(data, scratch, 1.0, most=7)
    assert len(few) == 7 and torch.equal(few.pose_mm, whole.pose_mm)
    rows = torch.tensor([6, 2, 3])
    assert torch.equal(few.batch(rows, SIZE).images, whole.batch(rows, SIZE).images)
    chosen = few.chosen(rows)
    assert torch.equal(
        chosen.batch(torch.tensor([1]), SIZE).images, whole.batch(rows[1:2], SIZE).images
    )


def test_nothing_is_left_of_the_file(data, tmp_path):
    scratch = ScratchFile(tmp_path / "run", ONE)
    assert [path.name for path in tmp_path.iterdir()] == [".run-crops-0"]
    few = opened(data, scratch, 0.0)
    few.images[torch.arange(3)]
    scratch.close()
    assert list(tmp_path.iterdir()) == []


def test_processes_of_one_machine_share_the_file(data, tmp_path, monkeypatch):
    monkeypatch.setattr(Devices, "wait", lambda _: None)
    cpu = torch.device("cpu")
    devices = [Devices(cpu, rank, 4, 2) for rank in (0, 1, 2)]
    files = [ScratchFile(tmp_path / "run", each) for each in devices]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".run-crops-0", ".run-crops-1"]
    sets = [crop_set(shards_in(data, ["S1"]), "view", file, 0.0) for file in files]
    files[1].share()
    for file in (files[0], files[2]):
        file.share()
    found = [its.images[torch.arange(20)] for its in sets]
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    for file in files:
        file.close()


def test_a_damaged_picture_is_named(scratch, tmp_path):
    folder = tmp_path / "data"
    write_dataset(folder, 3)
    path = next(folder.glob("S2*"))
    table = pq.read_table(path)
    images = table["image"].to_pylist()
    images[1] = images[1][: len(images[1]) // 2]
    column = table.schema.get_field_index("image")
    pq.write_table(table.set_column(column, table.schema.field(column), [images]), path)
    few = opened(folder, scratch, 1.0)
    few.images[torch.tensor([3, 5])]
    with pytest.raises(ShardError, match=rf"{path.name}, row 1"):
        few.images[torch.tensor([4])]


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="choose another --run"):
        ScratchFile(tmp_path / "file" / "run", ONE)


def test_poses_are_in_the_frame_asked_for(data, scratch):
    crops = read_crops(data, ["S1"])
    for frame, expected in (("view", crops.pose_view_mm), ("camera", crops.pose_cam_mm)):
        found = crop_set(shards_in(data, ["S1"]), frame, scratch, 0.0)
        assert np.array_equal(found.pose_mm.numpy(), expected)
