"""Whatever happens to the bytes of a file: it is read, or refused with a SourceError that names it;
nothing else.
"""

import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from body.test_track import make_track
from cdflib import cdfwrite
from datasets.human36m_tree import make_joints, make_mask, write_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from posegrid.body.track import Track
from posegrid.datasets.human36m.metadata import load_metadata
from posegrid.datasets.human36m.release_files import opened_masks, read_pose_cdf, write_pose_cdf
from posegrid.errors import SourceError
from posegrid.video.video import probe, read_frames


def read_poses(path: Path) -> None:
    assert np.isfinite(read_pose_cdf(path, 3)).all()


def read_masks(path: Path) -> None:
    with opened_masks(path) as masks:
        for index in range(min(len(masks), 20)):
            mask = masks.mask(index)
            assert mask is None or (mask.dtype == bool and mask.ndim == 2)


def read_video(path: Path) -> None:
    assert probe(path).size_wh[0] > 0
    for frame in read_frames(path, threads=False):
        assert frame.image.dtype == np.uint8


def write_old_masks(path: Path) -> None:
    """Cells of a MATLAB file of version 5."""
    cells = np.empty((3, 1), dtype=object)
    cells[:, 0] = [make_mask(index) for index in range(3)]
    scipy.io.savemat(path, {"Masks": cells}, do_compression=True)


def write_mask_array(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "Masks", data=np.stack([make_mask(index).T for index in range(3)]).astype(np.uint8)
        )


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "poses": ("**/D3_Positions_mono/*.cdf", read_poses),
    "compressed poses": ("compressed.cdf", read_poses),
    "masks": ("**/ground_truth_bs/*.mat", read_masks),
    "old masks": ("old.mat", read_masks),
    "masks in one array": ("array.mat", read_masks),
    "video": ("**/Videos/*.mp4", read_video),
    "metadata": ("metadata.xml", load_metadata),
    "track": ("track.npz", Track.load),
    "track as JSON": ("track.json", Track.load),
    "track as CSV": ("track.csv", Track.load),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> dict[str, Path]:
    """One good file of each kind."""
    root = tmp_path_factory.mktemp("release")
    write_tree(root)
    write_old_masks(root / "old.mat")
    write_mask_array(root / "array.mat")
    write_any_cdf(root / "compressed.cdf", make_joints().reshape(-1, 96).astype(np.float32))
    for ending in ("npz", "json", "csv"):
        make_track().save(root / f"track.{ending}")
    return {kind: min(root.glob(pattern)) for kind, (pattern, _) in READERS.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("damaged")


def read_or_refuse(kind: str, content: bytes, folder: Path) -> None:
    """Read the bytes as a file of the kind; a refusal must name the file."""
    pattern, reader = READERS[kind]
    path = folder / Path(pattern).name.replace("*", f"damaged_{kind}")
    path.write_bytes(content)
    try:
        reader(path)
    except SourceError as error:
        assert path.name in str(error)


HERE = [kind for kind in READERS if kind != "old masks"]
"""Of old masks, which are read in a process of their own, few tries are made."""
MANY = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("kind", READERS)
def test_good_files_are_read(kind, good):
    READERS[kind][1](good[kind])


@pytest.mark.parametrize("kind", HERE)
@MANY
@given(share=st.floats(0, 0.999))
def test_files_cut_short(kind, good, folder, share):
    content = good[kind].read_bytes()
    read_or_refuse(kind, content[: int(share * len(content))], folder)


@pytest.mark.parametrize("kind", HERE)
@MANY
@given(flips=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 7)), min_size=1, max_size=8))
def test_files_with_flipped_bits(kind, good, folder, flips):
    content = bytearray(good[kind].read_bytes())
    for share, bit in flips:
        content[int(share * len(content))] ^= 1 << bit
    read_or_refuse(kind, bytes(content), folder)


@pytest.mark.parametrize("kind", HERE)
@MANY
@given(start=st.floats(0, 0.99), rubbish=st.binary(min_size=1, max_size=64))
def test_files_overwritten_in_the_middle(kind, good, folder, start, rubbish):
    content = good[kind].read_bytes()
    at = int(start * len(content))
    read_or_refuse(kind, content[:at] + rubbish + content[at + len(rubbish) :], folder)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_old_masks_that_are_damaged(good, folder, share):
    content = bytearray(good["old masks"].read_bytes())
    read_or_refuse("old masks", bytes(content[: int(share * len(content))]), folder)
    content[int(share * len(content))] ^= 255
    read_or_refuse("old masks", bytes(content), folder)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 4096, b"<!DOCTYPE html><html>Please log in</html>", b"PK\x03\x04"]
)
def test_files_of_something_else_are_refused(kind, content, folder):
    path = folder / Path(READERS[kind][0]).name.replace("*", "other")
    path.write_bytes(content)
    with pytest.raises(SourceError, match=path.name):
        READERS[kind][1](path)


CDF_TYPES = {"float32": 44, "float64": 45, "int32": 4, "int16": 2, "uint8": 11}


def write_any_cdf(path: Path, values: np.ndarray, name: str = "Pose") -> None:
    """A CDF file of one record, compressed, as cdflib writes it, unlike our own writer."""
    cdf = cdfwrite.CDF(path, cdf_spec={"Majority": "row_major"}, delete=True)
    about = {
        "Variable": name,
        "Data_Type": CDF_TYPES[values.dtype.name],
        "Num_Elements": 1,
        "Rec_Vary": True,
    }
    cdf.write_var(
        {**about, "Var_Type": "zVariable", "Dim_Sizes": list(values.shape)}, var_data=values[None]
    )
    cdf.close()


shapes = st.lists(st.integers(1, 99), min_size=1, max_size=3).map(tuple)
numbers = st.sampled_from(["float32", "float64", "int32", "int16", "uint8"]).flatmap(
    lambda kind: shapes.flatmap(lambda shape: npst.arrays(kind, shape, fill=st.just(1)))
)


@MANY
@given(values=numbers)
def test_poses_of_any_shape_and_type_are_what_the_file_says_or_refused(folder, values):
    path = folder / "any.cdf"
    write_any_cdf(path, values)
    try:
        found = read_pose_cdf(path, 3)
    except SourceError as error:
        assert path.name in str(error)
    else:
        assert values.shape[-1] == 96 and np.isfinite(values).all()
        assert np.array_equal(found.reshape(-1), values.astype(np.float32).reshape(-1))


@MANY
@given(values=numbers, in_cell=st.booleans())
def test_masks_of_any_shape_and_type_are_pictures_or_refused(folder, values, in_cell):
    path = folder / "any.mat"
    with h5py.File(path, "w") as file:
        if in_cell:
            cells = file.create_dataset("Masks", (1, 1), dtype=h5py.ref_dtype)
            cells[0, 0] = file.create_dataset("#refs#/a", data=values).ref
        else:
            file["Masks"] = values
    try:
        read_masks(path)
    except SourceError as error:
        assert path.name in str(error)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("frame", [0, 5])
def test_poses_that_are_no_numbers_are_refused_with_their_frame(tmp_path, bad, frame):
    joints = make_joints().reshape(1, -1, 96)
    joints[0, frame, 7] = bad
    write_any_cdf(tmp_path / "a.cdf", joints)
    with pytest.raises(
        SourceError,
        match=rf"a\.cdf: 1 of 6 frames hold values that are no numbers, first frame {frame}",
    ):
        read_pose_cdf(tmp_path / "a.cdf", 3)


def patched(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert content.count(old) >= 1
    path.write_bytes(content.replace(old, new))


def test_who_stands_still_for_minutes_is_read_however_small_the_file(tmp_path):
    poses = np.repeat(np.random.default_rng(0).normal(0, 500, (1, 32, 3)), 6000, axis=0)
    write_any_cdf(tmp_path / "a.cdf", poses.reshape(-1, 96).astype(np.float32))
    assert 4 * poses.size > 150 * (tmp_path / "a.cdf").stat().st_size
    np.testing.assert_array_equal(read_pose_cdf(tmp_path / "a.cdf", 3), poses.astype(np.float32))


def test_a_billion_declared_poses_are_refused_before_memory_is_set_aside(tmp_path):
    path = tmp_path / "a.cdf"
    write_pose_cdf(path, np.ones((6, 32, 3)))
    patched(path, struct.pack(">ii", 6, 96), struct.pack(">ii", 10**9, 96))
    with pytest.raises(SourceError, match=r"a\.cdf: .*it declares 96000000000 numbers"):
        read_pose_cdf(path, 3)


def index_of_records(content: bytes) -> int:
    """Place of the first index record (VXR, type 6) of a CDF file of version 3."""
    for at in range(8, len(content) - 12):
        size, kind = struct.unpack_from(">qi", content, at)
        if kind == 6 and 28 <= size <= len(content):
            return at
    raise AssertionError("no index of records")


@pytest.mark.parametrize("entries", [1, 7])
def test_an_index_that_points_to_itself_is_refused(tmp_path, entries):
    """cdflib follows it for ever: 7 entries lead to 7 more each, and so on."""
    path = tmp_path / "a.cdf"
    write_pose_cdf(path, np.ones((6, 32, 3)))
    content = bytearray(path.read_bytes())
    at = index_of_records(content)
    (most,) = struct.unpack_from(">i", content, at + 20)
    used = min(entries, most)
    struct.pack_into(">i", content, at + 24, used)
    for entry in range(used):
        struct.pack_into(">q", content, at + 28 + 8 * most + 8 * entry, at)
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.cdf: cannot be read as a CDF file"):
        read_pose_cdf(path, 3)


def test_a_billion_declared_masks_are_refused_before_memory_is_set_aside(tmp_path):
    with h5py.File(tmp_path / "cells.mat", "w") as file:
        file.create_dataset("Masks", (10**9, 1), dtype=h5py.ref_dtype, chunks=(1000, 1))
    with pytest.raises(SourceError, match=r"cells\.mat: .*it declares 1000000000 masks"):
        read_masks(tmp_path / "cells.mat")
    with h5py.File(tmp_path / "array.mat", "w") as file:
        file.create_dataset("Masks", (10**9, 1000, 1000), dtype=np.uint8, chunks=(1, 1000, 1000))
    with pytest.raises(
        SourceError, match=r"array\.mat: .*it declares 1000000000 masks of 1000000 pixels"
    ):
        read_masks(tmp_path / "array.mat")
    with h5py.File(tmp_path / "huge.mat", "w") as file:
        cells = file.create_dataset("Masks", (1, 1), dtype=h5py.ref_dtype)
        cells[0, 0] = file.create_dataset(
            "#refs#/a", (10**6, 10**6), dtype=np.uint8, chunks=(1000, 1000)
        ).ref
    with pytest.raises(
        SourceError,
        match=r"huge\.mat: mask 0 of 1 cannot be read \(it declares 1000000000000 pixels",
    ):
        read_masks(tmp_path / "huge.mat")


@pytest.mark.parametrize("shape", [(), (5,), (5, 4), (2, 3, 4, 5)])
def test_masks_of_another_shape_say_so(tmp_path, shape):
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["Masks"] = np.ones(shape)
    with pytest.raises(SourceError, match=r"a\.mat"):
        read_masks(tmp_path / "a.mat")
