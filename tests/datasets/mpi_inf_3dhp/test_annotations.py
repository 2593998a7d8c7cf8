"""Whatever the bytes of MPI-INF-3DHP's files are: they are read, or refused with a SourceError that
names the file.
"""

import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from datasets.mpi_inf_3dhp.test_views import (
    CAMERA,
    NUM_FRAMES,
    calibration,
    poses,
    write_test,
    write_train,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from posegrid.datasets.matlab import to_hdf5
from posegrid.datasets.mpi_inf_3dhp.annotations import (
    TEST_TO_17,
    TRAIN_TO_17,
    Annotation,
    read_calibration,
    read_test_annotation,
    read_train_annotation,
)
from posegrid.datasets.mpi_inf_3dhp.views import Mpi3dhp
from posegrid.errors import SourceError


def read_train(path: Path) -> Annotation:
    return checked(read_train_annotation(path, 4))


def read_test(path: Path) -> Annotation:
    return checked(read_test_annotation(path))


def checked(found: Annotation) -> Annotation:
    """What is read is of one length and all numbers, where frames count."""
    for values in (found.keypoints_px, found.pose_cam_mm, found.universal_mm):
        assert values is None or (
            len(values) == len(found.valid) and np.isfinite(values[found.valid]).all()
        )
    assert found.valid.any() and len(found.activities) in (0, len(found.valid))
    return found


def read_camera(path: Path) -> None:
    focal, principal, size = read_calibration(path, "4")
    assert min(focal) > 0 and np.isfinite([*focal, *principal]).all() and min(size) > 0


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "train": ("annot.mat", read_train),
    "train, compressed": ("compressed.mat", read_train),
    "test": ("annot_data.mat", read_test),
    "calibration": ("camera.calibration", read_camera),
}
APART = ("train", "train, compressed")
"""These are read in a process of their own, which takes its time: few tries are made of them."""
HERE = [kind for kind in READERS if kind not in APART]
MANY = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> dict[str, bytes]:
    """The bytes of one good file of each kind."""
    root = tmp_path_factory.mktemp("release")
    train, test = write_train(root), write_test(root)
    content = scipy.io.loadmat(train / "annot.mat")
    cells = {name: values for name, values in content.items() if not name.startswith("__")}
    scipy.io.savemat(root / "compressed.mat", cells, do_compression=True)
    return {
        "train": (train / "annot.mat").read_bytes(),
        "train, compressed": (root / "compressed.mat").read_bytes(),
        "test": (test / "annot_data.mat").read_bytes(),
        "calibration": calibration().encode(),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("damaged")


def read_or_refuse(kind: str, content: bytes, folder: Path) -> None:
    name, reader = READERS[kind]
    (folder / name).write_bytes(content)
    try:
        reader(folder / name)
    except SourceError as error:
        assert str(folder / name) in str(error)


@pytest.mark.parametrize("kind", READERS)
def test_good_files_are_read(kind, good, tmp_path):
    name, reader = READERS[kind]
    (tmp_path / name).write_bytes(good[kind])
    reader(tmp_path / name)


@pytest.mark.parametrize("kind", HERE)
@MANY
@given(share=st.floats(0, 0.999))
def test_files_cut_short(kind, good, folder, share):
    read_or_refuse(kind, good[kind][: int(share * len(good[kind]))], folder)


@pytest.mark.parametrize("kind", HERE)
@MANY
@given(flips=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 7)), min_size=1, max_size=8))
def test_files_with_flipped_bits(kind, good, folder, flips):
    content = bytearray(good[kind])
    for share, bit in flips:
        content[int(share * len(content))] ^= 1 << bit
    read_or_refuse(kind, bytes(content), folder)


@pytest.mark.parametrize("kind", HERE)
@MANY
@given(start=st.floats(0, 0.99), rubbish=st.binary(min_size=1, max_size=64))
def test_files_overwritten_in_the_middle(kind, good, folder, start, rubbish):
    at = int(start * len(good[kind]))
    read_or_refuse(kind, good[kind][:at] + rubbish + good[kind][at + len(rubbish) :], folder)


@MANY
@given(at=st.integers(128, 1200), byte=st.integers(0, 255))
def test_flips_in_the_head_where_sizes_and_types_stand(good, folder, at, byte):
    content = bytearray(good["test"])
    content[at] = byte
    read_or_refuse("test", bytes(content), folder)


@pytest.mark.parametrize("kind", APART)
def test_damage_of_files_that_are_read_apart(kind, good, folder):
    rng = np.random.default_rng(0)
    for first in (128, 128, 1200):
        content = bytearray(good[kind])
        for at in rng.integers(first, min(first + 1072, len(content)), 4):
            content[at] = rng.integers(256)
        read_or_refuse(kind, bytes(content), folder)
    read_or_refuse(kind, good[kind][: len(good[kind]) // 2], folder)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 4096, b"<!DOCTYPE html><html>Please log in</html>", b"PK\x03\x04"]
)
def test_files_of_something_else_are_refused(kind, content, tmp_path):
    name, reader = READERS[kind]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=name):
        reader(tmp_path / name)
    with pytest.raises(SourceError, match="there is no such file"):
        reader(tmp_path / "lost" / name)


shapes = st.lists(st.integers(1, 18), min_size=0, max_size=4).map(tuple) | st.sampled_from(
    [(2, 1, 17, 3), (3, 84)]
)
kinds = st.sampled_from(["float64", "float32", "int16", "uint8", "bool", "complex128", "S5"])
arrays = st.tuples(kinds, shapes).map(
    lambda of: (1 + np.arange(np.prod(of[1], dtype=int))).reshape(of[1]).astype(of[0])
)


@MANY
@given(values=arrays)
def test_test_poses_of_any_shape_and_type_are_what_the_file_says_or_refused(folder, values):
    path = folder / "annot_data.mat"
    with h5py.File(path, "w") as file:
        file["annot3"] = values
        file["annot2"] = np.ones((2, 1, 17, 2))
        file["valid_frame"] = np.ones((2, 1))
    try:
        found = read_test(path)
    except SourceError as error:
        assert str(path) in str(error)
    else:
        expected = values.reshape(2, 17, 3)[:, list(TEST_TO_17)]
        assert values.dtype.kind in "iuf" and np.array_equal(found.pose_cam_mm, expected)


@MANY
@given(values=arrays)
def test_train_poses_of_any_shape_and_type_are_what_the_file_says_or_refused(folder, values):
    path, path_73 = folder / "annot.mat", folder / "annot73.mat"
    assume(values.dtype.kind != "S")  # scipy writes none of these
    cells = {name: np.empty((14, 1), dtype=object) for name in ("annot2", "annot3")}
    for cell in range(14):
        cells["annot2"][cell, 0], cells["annot3"][cell, 0] = np.ones((3, 56)), values
    scipy.io.savemat(path, cells)
    try:
        to_hdf5(path, path_73, tuple(cells))
        found = read_train(path_73)
    except SourceError as error:
        assert str(path_73) in str(error)
    except ValueError as error:
        assert "expected real numbers" in str(error)
    else:
        expected = values.reshape(3, 28, 3)[:, list(TRAIN_TO_17)]
        assert values.dtype.kind in "iufb" and np.array_equal(found.pose_cam_mm, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["annot2", "annot3", "univ_annot3"])
def test_numbers_that_are_none_are_refused_with_their_frame(tmp_path, name, bad):
    path = write_test(tmp_path) / "annot_data.mat"
    with h5py.File(path, "a") as file:
        file[name][3, 0, 5] = bad
    with pytest.raises(
        SourceError, match=r"annot_data\.mat: .* are no numbers in 1 of 5 frames, first frame 3"
    ):
        read_test(path)
    path = write_train(tmp_path) / "annot.mat"
    content = scipy.io.loadmat(path)
    content[name][4, 0][2, 12] = bad
    scipy.io.savemat(
        path, {key: value for key, value in content.items() if not key.startswith("__")}
    )
    with pytest.raises(
        SourceError, match=r"annot\.mat: .* are no numbers in 1 of 5 frames, first frame 2"
    ):
        read_train(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("valid_frame", np.zeros((5, 1)), "says of none of its 5 frames that it is valid"),
        ("valid_frame", np.ones((4, 1)), "5 activities for 4 marks of validity"),
        ("valid_frame", np.full((5, 1), 0.5), "valid_frame holds numbers other than 0 to 1"),
        ("valid_frame", np.ones((5, 2)), "valid_frame is no row of numbers"),
        (
            "annot3",
            np.ones((3, 17, 1, 5)),
            r"annot3 has the shape \(3, 17, 1, 5\), expected \(frames, 1, 17, 3\)",
        ),
        ("annot3", np.ones((4, 1, 17, 3)), "5 of pixels, 4 of poses"),
        (
            "activity_annotation",
            np.full((5, 1), 8),
            "activity_annotation holds numbers other than 0 to 7",
        ),
        ("activity_annotation", np.zeros((5, 1)), "or none in a valid frame"),
    ],
)
def test_test_files_that_contradict_themselves_are_refused(tmp_path, name, value, message):
    path = write_test(tmp_path) / "annot_data.mat"
    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = value
    with pytest.raises(SourceError, match=rf"annot_data\.mat.*{message}"):
        read_test(path)


@pytest.mark.parametrize("name", ["annot2", "annot3", "univ_annot3", "valid_frame"])
def test_a_billion_declared_test_frames_are_refused_before_memory_is_set_aside(tmp_path, name):
    path = write_test(tmp_path) / "annot_data.mat"
    with h5py.File(path, "a") as file:
        tail = file[name].shape[1:]
        del file[name]
        file.create_dataset(name, (10**9, *tail), dtype=np.float64, chunks=(1000, *tail))
    with pytest.raises(SourceError, match=rf"annot_data\.mat: .*{name} declares 1000000000 frames"):
        read_test(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (struct.pack("<ii", NUM_FRAMES, 84), struct.pack("<ii", 10**9, 84)),
        (struct.pack("<ii", 14, 1), struct.pack("<ii", 10**9, 1)),
        (struct.pack("<ii", 14, 1), struct.pack("<ii", 2**31 - 1, 2**31 - 1)),
    ],
    ids=["frames", "cells", "cells of cells"],
)
def test_a_billion_declared_train_frames_are_refused_before_memory_is_set_aside(tmp_path, old, new):
    path = write_train(tmp_path) / "annot.mat"
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    with pytest.raises(SourceError, match=r"annot\.mat: cannot be read"):
        read_train(path)


@MANY
@given(text=st.text(alphabet="name 4size\nintrinsicradial0.5-e", max_size=300))
def test_any_text_is_a_calibration_or_refused(folder, text):
    read_or_refuse(
        "calibration", ("Skeletool Camera Calibration File V1.0\n" + text).encode(), folder
    )


def test_joints_of_a_flipped_sign_are_refused_by_the_camera(tmp_path):
    path = write_test(tmp_path) / "annot_data.mat"
    with h5py.File(path, "a") as file:
        file["annot3"][:] = -poses(17)[:, None]
        file["annot2"][:] = CAMERA.project(poses(17))[:, None]
    with pytest.raises(SourceError, match=r"annot_data\.mat: joints lie behind the camera"):
        Mpi3dhp(tmp_path).open(Mpi3dhp(tmp_path).find()[0])
