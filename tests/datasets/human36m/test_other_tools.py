"""Files and figures of posegrid beside tools that others wrote; a test skips where its tool is not
installed.

pip install "posegrid[crosscheck]"
"""

import warnings
from pathlib import Path

import cdflib
import h5py
import numpy as np
import pytest
import scipy.io
from datasets.human36m_tree import make_joints, make_mask
from scipy.spatial.transform import Rotation

from posegrid.body.camera import Camera, look_at
from posegrid.body.rotations import smallest_rotations
from posegrid.datasets.human36m.metadata import angles_of_rotation, rotation_of_angles
from posegrid.datasets.human36m.release_files import (
    MaskWriter,
    opened_masks,
    read_pose_cdf,
    write_pose_cdf,
)

POINTS_CAM_MM = np.random.default_rng(0).uniform((-1500, -1200, 2500), (1500, 1200, 6000), (200, 3))


@pytest.fixture
def pycdf(tmp_path, monkeypatch):
    """NASA's own library, by way of SpacePy, which writes a settings file into the folder that
    SPACEPY names.
    """
    monkeypatch.setenv("SPACEPY", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of SpacePy's own, at import
        return pytest.importorskip(
            "spacepy.pycdf", reason="SpacePy is not installed", exc_type=ImportError
        )


def test_cdflib_reads_the_poses_that_we_write(tmp_path: Path) -> None:
    write_pose_cdf(tmp_path / "a.cdf", make_joints())
    values = np.asarray(cdflib.CDF(tmp_path / "a.cdf").varget("Pose"))
    assert (values.shape, values.dtype) == ((1, 6, 96), np.float32)
    np.testing.assert_array_equal(values.reshape(6, 32, 3), make_joints())


def test_nasas_library_reads_the_poses_that_we_write(tmp_path: Path, pycdf) -> None:
    write_pose_cdf(tmp_path / "a.cdf", make_joints())
    with pycdf.CDF(str(tmp_path / "a.cdf")) as file:
        np.testing.assert_array_equal(file["Pose"][...].reshape(6, 32, 3), make_joints())


@pytest.mark.parametrize("compressed", [False, True])
def test_we_read_the_poses_that_nasas_library_writes(
    tmp_path: Path, pycdf, compressed: bool
) -> None:
    path = tmp_path / "a.cdf"
    with pycdf.CDF(str(path), "") as file:
        how = {"compress": pycdf.const.GZIP_COMPRESSION, "compress_param": 6} if compressed else {}
        file.new("Pose", make_joints().reshape(1, 6, 96), type=pycdf.const.CDF_FLOAT, **how)
    np.testing.assert_array_equal(read_pose_cdf(path, 3), make_joints())


def test_mat73_and_h5py_read_the_masks_that_we_write(tmp_path: Path) -> None:
    mat73 = pytest.importorskip("mat73")
    path = tmp_path / "a.mat"
    with MaskWriter(path) as masks:
        for index in range(3):
            masks.write(make_mask(index))
    cells = mat73.loadmat(str(path))["Masks"]
    with h5py.File(path, "r") as file:
        for index in range(3):
            np.testing.assert_array_equal(file[file["Masks"][index, 0]][()].T, make_mask(index))
            np.testing.assert_array_equal(cells[index], make_mask(index))


@pytest.mark.parametrize("do_compression", [False, True])
@pytest.mark.parametrize("in_cells", [False, True])
def test_we_read_the_masks_that_scipy_writes(
    tmp_path: Path, do_compression: bool, in_cells: bool
) -> None:
    expected = [make_mask(index) for index in range(3)]
    cells = np.empty((3, 1), dtype=object)
    cells[:, 0] = expected
    content = cells if in_cells else np.stack(expected, axis=-1)
    scipy.io.savemat(tmp_path / "a.mat", {"Masks": content}, do_compression=do_compression)
    with opened_masks(tmp_path / "a.mat") as masks:
        for index, mask in enumerate(expected):
            np.testing.assert_array_equal(masks.mask(index), mask)


@pytest.mark.parametrize("chunks", [None, (16, 16), (64, 48)])
@pytest.mark.parametrize("compression", [None, "gzip", "lzf"])
def test_we_read_masks_however_h5py_lays_them_out(tmp_path: Path, chunks, compression) -> None:
    if compression and chunks is None:
        pytest.skip("HDF5 compresses chunks only")
    path = tmp_path / "a.mat"
    with h5py.File(path, "w") as file:
        cells = file.create_dataset("Masks", (2, 1), dtype=h5py.ref_dtype)
        for index in range(2):
            data = make_mask(index).T.astype(np.uint8)
            picture = file.create_dataset(
                f"#refs#/{index}", data=data, chunks=chunks, compression=compression
            )
            cells[index, 0] = picture.ref
    with opened_masks(path) as masks:
        for index in range(2):
            np.testing.assert_array_equal(masks.mask(index), make_mask(index))


def test_opencv_projects_alike_where_the_formulas_agree() -> None:
    """Without tangential distortion they are one formula; with it, OpenCV doubles the cross
    terms.
    """
    cv2 = pytest.importorskip("cv2")
    k1, k2, k3 = -0.2, 0.24, -0.002

    def opencv(p1: float, p2: float) -> np.ndarray:
        matrix = np.array([[1145.0, 0, 512.5], [0, 1143.8, 515.4], [0, 0, 1]])
        # OpenCV's order is k1, k2, p1, p2, k3, and its p1 goes with y as the release's does.
        return cv2.projectPoints(
            POINTS_CAM_MM, np.zeros(3), np.zeros(3), matrix, (k1, k2, p1, p2, k3)
        )[0][:, 0]

    def ours(p1: float, p2: float) -> np.ndarray:
        return Camera((1145.0, 1143.8), (512.5, 515.4), (1000, 1002), (k1, k2, k3, p1, p2)).project(
            POINTS_CAM_MM
        )

    np.testing.assert_allclose(ours(0, 0), opencv(0, 0), atol=1e-8)
    apart_px = np.abs(ours(-0.001, -0.0016) - opencv(-0.001, -0.0016)).max()
    assert 0.1 < apart_px < 3


def test_projection_is_what_a_slow_second_implementation_says() -> None:
    camera = Camera(
        (1145.0, 1143.8), (512.5, 515.4), (1000, 1002), (-0.2, 0.24, -0.002, -0.001, -0.0016)
    )
    k1, k2, k3, p1, p2 = camera.distortion
    for point, pixel in zip(POINTS_CAM_MM, camera.project(POINTS_CAM_MM), strict=True):
        x, y = float(point[0] / point[2]), float(point[1] / point[2])
        square = x**2 + y**2
        scale = 1 + k1 * square + k2 * square**2 + k3 * square**3 + p1 * y + p2 * x
        u = 1145.0 * (x * scale + p2 * square) + 512.5
        v = 1143.8 * (y * scale + p1 * square) + 515.4
        assert pixel == pytest.approx((u, v), abs=1e-9)


def test_rotations_are_scipys() -> None:
    for angles in np.random.default_rng(1).uniform(-1.5, 1.5, (50, 3)):
        matrix = rotation_of_angles(angles)
        np.testing.assert_allclose(
            matrix, Rotation.from_euler("XYZ", angles).as_matrix(), atol=1e-12
        )
        np.testing.assert_allclose(angles_of_rotation(matrix), angles, atol=1e-12)
    for centre in np.random.default_rng(2).uniform(-3000, 3000, (20, 3)):
        matrix = look_at(centre, np.array([0.0, 0.0, 900.0]), roll_rad=0.1)
        np.testing.assert_allclose(Rotation.from_matrix(matrix).as_matrix(), matrix, atol=1e-9)
        ray = centre / np.linalg.norm(centre)
        turn = smallest_rotations(ray, np.array([0.0, 0.0, 1.0]))
        assert Rotation.from_matrix(turn).magnitude() == pytest.approx(np.arccos(ray[2]), abs=1e-9)
