"""Camera files of posegrid, OpenCV, ROS and Human3.6M give one camera; those that do not fit are
refused.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from posegrid.body.camera import Camera
from posegrid.datasets.camera_files import load_camera
from posegrid.errors import SettingsError, SourceError

K = [[1500.0, 0, 640], [0, 1500.0, 360], [0, 0, 1]]


def write_camera(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_a_camera_file_gives_intrinsics_in_our_order(tmp_path):
    path = write_camera(tmp_path / "camera.json", {"K": K, "dist": [1e-2, 2e-2, 3e-3, 4e-3, 5e-2]})
    camera = load_camera(path, Path("walk.mp4"), (1280, 720))
    assert camera.focal_px == (1500, 1500) and camera.principal_px == (640, 360)
    assert camera.distortion == (1e-2, 2e-2, 5e-2, 3e-3, 4e-3)


def test_of_several_cameras_the_videos_own_is_taken(tmp_path):
    other = [[900.0, 0, 640], [0, 900.0, 360], [0, 0, 1]]
    path = write_camera(
        tmp_path / "c.json", [{"name": "cam01", "K": other}, {"name": "cam02", "K": K}]
    )
    assert load_camera(path, Path("cam02.mp4"), (1280, 720)).focal_px == (1500, 1500)
    with pytest.raises(SettingsError, match="cam01, cam02; expected one of them to be named walk"):
        load_camera(path, Path("walk.mp4"), (1280, 720))


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ({"dist": [0]}, SourceError, "expected K"),
        ({"K": [[1, 2], [3, 4]]}, SourceError, "positive focal lengths"),
        ({"K": "no"}, SourceError, "expected K"),
        ([], SourceError, "expected one camera"),
        ({"K": K, "width": 640, "height": 480}, SettingsError, "for pictures of 640 x 480"),
    ],
)
def test_a_camera_file_that_does_not_fit_is_refused(tmp_path, content, error, message):
    with pytest.raises(error, match=message):
        load_camera(write_camera(tmp_path / "camera.json", content), Path("walk.mp4"), (1280, 720))


def test_a_camera_file_that_is_missing_or_no_json_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no such camera file"):
        load_camera(tmp_path / "none.json", Path("walk.mp4"), (1280, 720))
    path = tmp_path / "broken.json"
    path.write_text("{")
    with pytest.raises(SourceError, match="cannot be read as JSON"):
        load_camera(path, Path("walk.mp4"), (1280, 720))


DIST = [-0.21, 0.05, 1e-3, -2e-3, 0.01]

OPENCV_YAML = """%YAML:1.0
---
calibration_time: "Mon Jan  1 10:00:00 2024"
image_width: 1280
image_height: 720
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 1500., 0., 640., 0., 1500., 360., 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ -2.1e-01, 5.0e-02, 1.0e-03,
       -2.0e-03, 1.0e-02 ]
"""
ROS_YAML = """image_width: 1280
image_height: 720
camera_name: narrow
camera_matrix: {rows: 3, cols: 3, data: [1500, 0, 640, 0, 1500, 360, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.21, 0.05, 0.001, -0.002, 0.01]}
"""
MATRIX_OBJECT = {
    "type_id": "opencv-matrix",
    "rows": 3,
    "cols": 3,
    "dt": "d",
    "data": np.ravel(K).tolist(),
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ours.json", json.dumps({"K": K, "dist": DIST})),
        ("tutorial.json", json.dumps({"mtx": K, "dist": [DIST]})),
        ("snake.json", json.dumps({"camera_matrix": K, "dist_coeff": [[d] for d in DIST]})),
        ("camel.json", json.dumps({"cameraMatrix": K, "distCoeffs": [*DIST, 0, 0, 0]})),
        (
            "storage.json",
            json.dumps({"camera_matrix": MATRIX_OBJECT, "distortion_coefficients": DIST}),
        ),
        ("plain.yaml", f"camera_matrix: {K}\ndist_coeff: [{DIST}]\n"),
        ("storage.yml", OPENCV_YAML),
        ("ros.yaml", ROS_YAML),
        (
            "named.json",
            json.dumps({"walk": {"K": K, "dist": DIST}, "other": {"K": K}, "about": "two cameras"}),
        ),
    ],
)
def test_the_ways_in_which_a_calibration_is_written_down_are_one_camera(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    camera = load_camera(tmp_path / name, Path("walk.mp4"), (1280, 720))
    assert (camera.focal_px, camera.principal_px) == ((1500, 1500), (640, 360))
    assert camera.distortion == (-0.21, 0.05, 0.01, 1e-3, -2e-3)


def test_the_camera_file_of_a_folder_of_own_data_is_read(tmp_path):
    content = {
        "focal_px": [1500, 1510],
        "principal_px": [640, 360],
        "size_wh": [1280, 720],
        "distortion": [1e-2] * 5,
    }
    path = write_camera(tmp_path / "camera.json", content)
    camera = load_camera(path, Path("walk.mp4"), (1280, 720))
    assert (camera.focal_px, camera.principal_px) == ((1500, 1510), (640, 360))
    assert camera.distortion == (1e-2,) * 5 and camera.tangential == 1
    with pytest.raises(SettingsError, match="for pictures of 1280 x 720"):
        load_camera(path, Path("walk.mp4"), (640, 360))


def test_points_project_as_opencv_documents_it(tmp_path):
    """The formula of OpenCV's documentation of calib3d, written out."""
    path = write_camera(tmp_path / "c.json", {"K": K, "dist": DIST})
    points_mm = np.array([[300.0, -500, 2000], [-900, 400, 3000], [0, 0, 1000]])
    k1, k2, p1, p2, k3 = DIST
    x, y = points_mm[:, 0] / points_mm[:, 2], points_mm[:, 1] / points_mm[:, 2]
    r2 = x**2 + y**2
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    u = 1500 * (x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2)) + 640
    v = 1500 * (y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y) + 360
    camera = load_camera(path, Path("walk.mp4"), (1280, 720))
    assert camera.project(points_mm) == pytest.approx(np.stack([u, v], axis=-1), abs=1e-9)
    rays = camera.rays(camera.project(points_mm))
    assert rays[:, :2] == pytest.approx(points_mm[:, :2] / points_mm[:, 2:], abs=1e-6)


def write_metadata(path: Path) -> Path:
    """A metadata.xml of two subjects and two cameras."""
    extrinsics = [float(v) for v in range(2 * 2 * 6)]
    intrinsics = [[1145.0, 1143.0, 512.0, 515.0, -0.2, 0.24, -0.002, -0.0009, -0.001], [9.0] * 9]
    w0 = " ".join(str(v) for v in [*extrinsics, *intrinsics[0], *intrinsics[1]])
    path.write_text(
        "<db><mapping><r><c/><c/><c>S1</c><c>S5</c></r></mapping><actionnames><n>_ALL</n></actionnames>"
        f"<dbcameras><index2id><i>54138969</i><i>55011271</i></index2id></dbcameras><w0>[{w0}]</w0></db>"
    )
    return path


def test_the_releases_metadata_gives_the_camera_in_the_videos_name(tmp_path):
    path = write_metadata(tmp_path / "metadata.xml")
    camera = load_camera(path, Path("Walking 1.54138969.mp4"), (1000, 1002))
    expected = Camera(
        (1145.0, 1143.0), (511.5, 514.5), (1000, 1002), (-0.2, 0.24, -0.002, -0.0009, -0.001)
    )
    points_mm = np.array([[300.0, -500, 3000], [-900, 400, 4000]])
    assert camera.project(points_mm) == pytest.approx(expected.project(points_mm))
    assert (camera.rot_world_to_cam == np.eye(3)).all() and camera.tangential == 1
    with pytest.raises(
        SettingsError,
        match=r"54138969, 55011271; expected one of them in the video's name \(walk.mp4",
    ):
        load_camera(path, Path("walk.mp4"), (1000, 1002))


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        (
            "c.json",
            json.dumps({"K": K, "dist": [0, 0, 0, 0, 0, 0.1, 0, 0]}),
            SourceError,
            "at most five finite numbers",
        ),
        ("c.yaml", "camera_matrix: [[1,", SourceError, "cannot be read as YAML"),
        (
            "c.yaml",
            ROS_YAML.replace("plumb_bob", "equidistant"),
            SourceError,
            "lens model 'equidistant' is unknown",
        ),
        ("c.yml", OPENCV_YAML.replace("1280", "640"), SettingsError, "pictures of 640 x 720"),
        ("c.json", json.dumps({"K": K, "dist": "wide"}), SourceError, "expected dist as numbers"),
        (
            "c.json",
            json.dumps({"camera_matrix": {"rows": 3, "cols": 3, "data": [1]}}),
            SourceError,
            "expected K",
        ),
        ("c.xml", "<db/>", SourceError, "not the release's metadata.xml"),
        ("c.yaml", "!!python/object/apply:os.getcwd []", SourceError, "cannot be read as YAML"),
    ],
)
def test_calibrations_that_do_not_fit_are_refused(tmp_path, name, text, error, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(error, match=message):
        load_camera(tmp_path / name, Path("walk.mp4"), (1280, 720))


def lens(f: float, cx: float, cy: float, **more: object) -> dict[str, object]:
    return {"K": [[f, 0, cx], [0, f, cy], [0, 0, 1]], **more}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            lens(4 * 1100, 2560, 1440),
            "outside the picture, the video is 1280 x 720: K is of a picture of about 5120 x 2880",
        ),
        (lens(2200, 1280, 720), "about 2560 x 1440"),
        (lens(1100, 320, 180), "far from the middle"),
        (lens(1100, 360, 640), "about 720 x 1280"),
        (lens(550, 320, 240, width=None), "far from the middle.* or state width and height"),
        (
            lens(0.866, 0.5, 0.5),
            "normalised to a picture of 1 x 1.* first row times 1280, the second times 720",
        ),
        ({"K": [[0.866, 0, 0.5], [0, 1.54, 0.5], [0, 0, 1]]}, "normalised"),
        (lens(20, 0.5, 0.9), "normalised"),
        (lens(100, 640, 360), "focal lengths are 100 and 100 px.* expected 128 to 25600"),
        (lens(30_000, 640, 360), "focal lengths are 30000"),
        (lens(1e-300, 640, 360), "focal lengths"),
        (lens(28, 640, 360), "focal lengths are 28"),
        (lens(1100, 1300, 360, width=1280, height=720), "outside the picture"),
        (lens(1100, -5, 360, width=1280, height=720), "outside the picture"),
    ],
)
def test_a_lens_that_no_such_picture_has_is_refused(tmp_path, content, message):
    content = {key: value for key, value in content.items() if value is not None}
    path = write_camera(tmp_path / "c.json", content)
    with pytest.raises(SettingsError, match=message):
        load_camera(path, Path("walk.mp4"), (1280, 720))


@pytest.mark.parametrize(
    "content",
    [
        lens(1100, 640, 360),
        lens(140, 640, 360),
        lens(25_000, 700, 300),
        lens(1100, 420, 500),
        lens(1100, 100, 700, width=1280, height=720),
        lens(1100, 640, 360, width="1280", height="720"),
        lens(1100, 640, 360, width=1280),
        {"K": [[1100, 3, 640], [0, 1100, 360], [0, 0, 1]]},
    ],
)
def test_an_unusual_lens_that_a_picture_may_have_is_believed(tmp_path, content):
    path = write_camera(tmp_path / "c.json", content)
    camera = load_camera(path, Path("walk.mp4"), (1280, 720))
    assert np.isfinite(camera.project(np.array([[100.0, 200, 3000]]))).all()


DEEP = "[" * 60 + "1" + "]" * 60
BOMB = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deep.json", f'{{"K": {DEEP}}}'),
        ("deep.yaml", "[" * 3000),
        ("big.json", f'{{"K": [{"9" * 400}, 0, 5, 0, 9, 5, 0, 0, 1]}}'),
        ("bomb.yaml", BOMB + "K: *a8\n"),
        ("self.yaml", "K: &a [*a, *a]\n"),
        ("bool.yaml", "K: !!bool foo\n"),
        ("date.yaml", "K: 2020-13-45\n"),
        ("stamp.yaml", "K: !!timestamp foo\n"),
        ("int.yaml", "K: 0x_\n"),
        ("float.yaml", "K: !!float abc\n"),
        (
            "rows.json",
            '{"K": [1000,0,640,0,1000,360,0,0,1], "dist": {"rows": 99999999999999999999, "data": [1]}}',
        ),
        ("nodata.json", '{"K": {"rows": 3, "cols": 3}}'),
        ("words.json", '{"K": [["1000","0","640"],["0","1000","360"],["0","0","1"]]}'),
        ("third.json", '{"K": [[1000,0,640],[9,1000,360],[5,5,0]]}'),
        ("skew.json", '{"K": [[1000,77,640],[0,1000,360],[0,0,1]]}'),
        ("size.json", '{"K": [[1000,0,640],[0,1000,360],[0,0,1]], "width": [1], "height": "x"}'),
        ("long.json", '{"K": [1], "about": "' + "x" * 1_000_001 + '"}'),
        ("nan.json", '{"K": [[1000,0,NaN],[0,1000,360],[0,0,1]]}'),
        ("utf16.json", "\ufeff{}".encode("utf-16").decode("latin-1")),
    ],
)
def test_damaged_and_hostile_files_are_refused_in_a_sentence(tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(SourceError) as caught:
        load_camera(tmp_path / name, Path("walk.mp4"), (1280, 720))
    assert str(tmp_path / name) in str(caught.value)
