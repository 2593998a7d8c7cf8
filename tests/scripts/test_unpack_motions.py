"""Packed motions become files that are read, without their lead-in and glitches."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from unpack_motions import NAMES, unpack
from walkers.motion.test_acclaim import AMC, ASF
from walkers.motion.test_bvh import hierarchy, rest

from posegrid.errors import SourceError
from posegrid.walkers.motion.bvh import load_bvh

PARENTS = [-1, 0, 1, 2, 3, 4, 5, 0, 7, 8, 9, 10, 11, 0, 13, 14, 15, 16, 17, 18, 15, 20, 21, 22, 23, 24,
           25, 23, 27, 15, 29, 30, 31, 32, 33, 34, 32, 36]  # fmt: skip
OFFSETS = [[0.0, 0.0, 0.0], *([0.0, 1.0, 0.0] for _ in PARENTS[1:])]
for left, right, offset in (
    (2, 8, [1.6, -1.8, 0.6]), (3, 9, [2.6, -7.1, 0.0]), (4, 10, [2.5, -6.8, 0.0]),
    (5, 11, [0.2, -0.5, 2.1]), (21, 30, [3.5, 0.9, 0.0]), (22, 31, [4.9, 0.0, 0.0]),
    (23, 32, [3.4, 0.0, 0.0]),
):  # fmt: skip
    OFFSETS[left], OFFSETS[right] = offset, [-offset[0], *offset[1:]]


def test_amc_and_asf_files_are_copied(tmp_path: Path):
    person = tmp_path / "packed" / "asfamc" / "01"
    person.mkdir(parents=True)
    (person / "01.asf").write_text(ASF)
    (person / "01_01.amc.gz").write_bytes(gzip.compress(AMC.encode()))
    assert unpack(tmp_path / "packed", tmp_path / "out") == 1
    assert (tmp_path / "out" / "01" / "01.asf").read_text() == ASF
    assert (tmp_path / "out" / "01" / "01_01.amc").read_text() == AMC


def test_the_lead_in_and_glitches_are_cut_out_and_every_second_frame_is_kept(tmp_path: Path):
    folder = tmp_path / "packed" / "bvh"
    folder.mkdir(parents=True)
    channels = rest(400)
    channels[:, 4] = np.arange(400) * 0.01
    channels[150, :3] += 40
    np.savez(folder / "a.npz", hierarchy=hierarchy(), channels=channels, frame_time=1 / 120)
    assert unpack(tmp_path / "packed", tmp_path / "out") == 2
    first, second = (load_bvh(tmp_path / "out" / "bvh" / f"a_{n}.bvh") for n in (1, 2))
    assert first.fps == pytest.approx(60) and (first.num_frames, second.num_frames) == (71, 123)


def test_exponential_maps_of_row_vectors_are_the_same_places_as_bvh(tmp_path: Path):
    """Row vectors: W = R W_parent, P = offset W_parent + P_parent, R = expm([r]x)."""
    rng = np.random.default_rng(3)
    maps = np.tile(rng.uniform(-0.6, 0.6, 117), (200, 1))
    folder = tmp_path / "packed" / "expmap"
    folder.mkdir(parents=True)
    (folder / "skeleton.json").write_text(
        json.dumps({"parents": PARENTS, "offsets_units": OFFSETS})
    )
    np.savez(folder / "b.npz", expmap=maps.astype(np.float32))
    assert unpack(tmp_path / "packed", tmp_path / "out") == 1
    capture = load_bvh(tmp_path / "out" / "bvh" / "b_1.bvh")
    world, place = [], []
    for index, parent in enumerate(PARENTS):
        turn = Rotation.from_rotvec(maps[0, 3 + 3 * index : 6 + 3 * index]).as_matrix()
        world.append(turn @ world[parent] if index else turn)
        place.append(OFFSETS[index] @ world[parent] + place[parent] if index else maps[0, :3])
    for bone, name in (("lwrist", "LeftHand"), ("rfoot", "RightFoot"), ("head", "Head")):
        x, y, z = 10 * place[NAMES.index(name)]
        np.testing.assert_allclose(capture.starts_mm[bone][0], [x, -z, y], atol=0.01)


def test_a_folder_without_clips_is_refused(tmp_path: Path):
    with pytest.raises(SourceError, match="no clips"):
        unpack(tmp_path, tmp_path / "out")


def test_a_damaged_clip_is_named(tmp_path: Path):
    (tmp_path / "bvh").mkdir()
    (tmp_path / "bvh" / "a.npz").write_text("no zip")
    with pytest.raises(SourceError, match=r"a\.npz: cannot be read"):
        unpack(tmp_path, tmp_path / "out")
