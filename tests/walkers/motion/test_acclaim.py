"""The Acclaim reader against hand values and damaged files."""

from pathlib import Path

import numpy as np
import pytest

from posegrid.errors import SourceError
from posegrid.walkers.motion.acclaim import load_motion_capture
from posegrid.walkers.motion.motion_capture import MotionCapture

ASF = """# made by hand
:version 1.10
:units
  mass 1.0
  length 1.0
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 2
    name lower
    direction 1 0 0
    length 1
    axis 0 0 90 XYZ
    dof rx
    limits (-10 170)
  end
  begin
    id 1
    name upper
    direction 0 1 0
    length 2
    axis 0 0 0 XYZ
    dof rx ry rz
  end
:hierarchy
  begin
    root upper
    upper lower
  end
"""
AMC = """:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
upper 0 0 0
lower 0
2
root 1 2 3 0 0 0
upper 0 0 90
lower 90
"""


def written(folder: Path, asf: str = ASF, amc: str = AMC) -> tuple[Path, Path]:
    (folder / "a.asf").write_text(asf)
    (folder / "a_01.amc").write_text(amc)
    return folder / "a.asf", folder / "a_01.amc"


def loaded(folder: Path, asf: str = ASF, amc: str = AMC) -> MotionCapture:
    return load_motion_capture(*written(folder, asf, amc))


def test_bones_are_where_they_are_by_hand(tmp_path: Path):
    """One inch is 25.4 mm; the file's (x, y, z) is our (x, -z, y).

    In frame 2 the upper bone turns from y to -x. The lower one turns by 90 degrees about its own
    axis, which is y (C = 90 degrees about z), so that its x direction becomes -z.
    """
    capture = loaded(tmp_path)
    np.testing.assert_allclose(
        capture.starts_mm["upper"] / 25.4, [[1, -3, 2], [1, -3, 2]], atol=1e-9
    )
    np.testing.assert_allclose(
        capture.ends_mm["upper"] / 25.4, [[1, -3, 4], [-1, -3, 2]], atol=1e-9
    )
    np.testing.assert_allclose(
        capture.ends_mm["lower"] / 25.4, [[2, -3, 4], [-1, -2, 2]], atol=1e-9
    )
    assert (capture.name, capture.fps, capture.num_frames) == ("a_01", 120.0, 2)


def test_rotations_take_rest_directions_to_where_the_bones_point(tmp_path: Path):
    capture = loaded(tmp_path)
    for bone, length in (("upper", 2), ("lower", 1)):
        pointed = capture.rotations[bone] @ capture.rest_directions[bone] * length * 25.4
        np.testing.assert_allclose(
            pointed, capture.ends_mm[bone] - capture.starts_mm[bone], atol=1e-9
        )


def test_euler_angles_turn_about_x_then_y_then_z(tmp_path: Path):
    capture = loaded(tmp_path, amc=AMC.replace("upper 0 0 90", "upper 90 0 90"))
    # y turns to z (about x); then about z nothing happens to it: the file's z is our -y
    np.testing.assert_allclose(capture.ends_mm["upper"][1] / 25.4, [1, -5, 2], atol=1e-9)


def test_the_unit_of_length_counts(tmp_path: Path):
    capture = loaded(tmp_path, asf=ASF.replace("length 1.0", "length 0.45"))
    np.testing.assert_allclose(capture.starts_mm["upper"][0] * 0.45 / 25.4, [1, -3, 2], atol=1e-9)


@pytest.mark.parametrize(
    ("asf", "amc", "message"),
    [
        (ASF.replace("angle deg", "angle rad"), AMC, "not in degrees"),
        (ASF.replace("TX TY TZ RX RY RZ", "RX RY RZ TX TY TZ"), AMC, "order"),
        (ASF.split(":hierarchy")[0], AMC, ":hierarchy"),
        (ASF.replace("direction 0 1 0", "direction 0 1"), AMC, "damaged skeleton"),
        (ASF.replace("    length 2\n", ""), AMC, "damaged skeleton"),
        (ASF.replace("root upper", "root other"), AMC, "damaged skeleton"),
        (ASF.replace("root upper", "lower upper"), AMC, "do not hang from the root"),
        ("<html>not found</html>", AMC, "expected an Acclaim skeleton"),
        (ASF, AMC.replace("upper 0 0 90", "upper 0 x 90"), "line 9"),
        (ASF, AMC.replace("upper 0 0 90", "upper 0 90"), "does not fit the skeleton"),
        (ASF, AMC.replace("upper 0 0 90", "elbow 0 0 90"), "no such bone"),
        (ASF, AMC.replace("upper 0 0 90", "upper 0 0 nan"), "not finite"),
        (ASF, AMC.replace("lower 90\n", ""), "cut or damaged"),
        (ASF, "", "cut or damaged"),
    ],
)
def test_damaged_files_are_named_with_what_is_wrong(
    tmp_path: Path, asf: str, amc: str, message: str
):
    with pytest.raises(SourceError, match=message) as error:
        loaded(tmp_path, asf, amc)
    assert str(tmp_path) in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path):
    asf, amc = written(tmp_path)
    with pytest.raises(SourceError, match="cannot be read"):
        load_motion_capture(tmp_path / "none.asf", amc)
    asf.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="plain text"):
        load_motion_capture(asf, amc)
