"""Colours of HDR against values worked out from ITU-R BT.2100, and laws of what is drawn together."""

import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorTrc

from posegrid.video.hdr import KNEE, TABLE_SIZE, TO_BT709, kind_of, ordinary, write_table


def greys(*signal: float) -> np.ndarray:
    return np.repeat(np.array(signal)[:, None], 3, axis=1)


def test_kinds_are_told_by_transfer_first_and_then_by_primaries():
    wide, usual = int(ColorPrimaries.BT2020), int(ColorPrimaries.BT709)
    assert kind_of(int(ColorTrc.SMPTE2084), wide) == "PQ" == kind_of(16, usual)
    assert kind_of(int(ColorTrc.ARIB_STD_B67), wide) == "HLG"
    assert (kind_of(1, wide), kind_of(1, usual)) == ("BT.2020", "")


def test_white_is_white_in_either_primaries():
    np.testing.assert_allclose(TO_BT709.sum(axis=1), 1, atol=2e-4)
    signal = greys(0.0, 0.05, 0.3, 0.7, 1.0)
    np.testing.assert_allclose(ordinary(signal, "BT.2020"), signal, atol=3e-4)


@pytest.mark.parametrize(
    ("kind", "signal", "expected"),
    [
        # 0.5 of HLG is 1/12 of its light, 0.314 of white: 1.099 * 0.314^0.45 - 0.099
        ("HLG", 0.5, 0.554),
        # 0.508 of PQ is 100 cd/m2, 0.493 of white: 0.493^(1 / 2.4)
        ("PQ", 0.508078, 0.7445),
        # each one's brightest is white: the whole signal of HLG, 1000 cd/m2 of PQ
        ("HLG", 1.0, 1.0),
        ("PQ", 0.751827, 1.0),
        ("PQ", 1.0, 1.0),
        ("HLG", 0.0, 0.0),
        ("PQ", 0.0, 0.0),
    ],
)
def test_greys_have_the_signal_that_was_worked_out(kind, signal, expected):
    np.testing.assert_allclose(ordinary(greys(signal), kind), expected, atol=1e-3)


def test_brightness_grows_without_a_step_and_bends_without_a_corner():
    signal = np.linspace(0.5, 1.0, 2001)
    light = ((ordinary(greys(*signal), "HLG")[:, 0] + 0.099) / 1.099) ** (1 / 0.45)
    scene = (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12 / 0.265
    slope = np.gradient(light, scene)
    below = scene < KNEE - 0.01
    np.testing.assert_allclose(slope[below], 1, atol=1e-3)
    assert (slope > 0).all() and (np.diff(slope)[~below[1:]] < 1e-3).all()
    assert np.abs(np.diff(slope)).max() < 0.02


@pytest.mark.parametrize("signal", [[0.9, 0.8, 0.8], [0.95, 0.9, 0.9], [0.85, 0.88, 0.8]])
def test_what_is_too_bright_keeps_its_hue(signal):
    rgb = np.array([signal])
    shown = ((ordinary(rgb, "HLG") + 0.099) / 1.099) ** (1 / 0.45)
    light = (np.exp((rgb - 0.55991073) / 0.17883277) + 0.28466892) / 12 / 0.265
    scene = light @ TO_BT709.T
    assert KNEE < shown.max() < 1 < scene.max()
    np.testing.assert_allclose(shown / shown.max(), scene / scene.max(), rtol=1e-6)


def test_the_table_has_red_going_fastest(tmp_path):
    write_table(tmp_path / "a.cube", "PQ")
    lines = (tmp_path / "a.cube").read_text().splitlines()
    assert lines[0] == "LUT_3D_SIZE 33" and len(lines) == 1 + TABLE_SIZE**3
    red, green, blue = 16, 15, 14
    row = np.array(lines[1 + red + 33 * green + 33**2 * blue].split(), float)
    expected = ordinary(np.array([[red, green, blue]]) / 32, "PQ")[0]
    np.testing.assert_allclose(row, expected, atol=1e-6)
    assert len(set(row)) == 3, "another order would be seen"
