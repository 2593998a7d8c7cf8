"""Colours of HDR and wide-gamut video brought to those of ordinary video, as a table for FFmpeg.

Signals and light are ITU-R BT.2100's, the change of primaries BT.2087's, and white is where BT.2408
puts it: 75 % of HLG's signal, 203 cd/m2 of PQ.
"""

from pathlib import Path

import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc
from jaxtyping import Float

HDR = {ColorTrc.SMPTE2084: "PQ", ColorTrc.ARIB_STD_B67: "HLG"}
TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
"""Linear red, green and blue of BT.2020 in BT.709's primaries."""
HLG_WHITE, PQ_WHITE_CD_M2, PQ_BRIGHTEST_CD_M2 = 0.265, 203.0, 1000.0
KNEE = 0.85
"""Light up to this share of white stays as it is; what is brighter is drawn together below white."""
GAMMA = 2.4
"""Of displays of ordinary video (ITU-R BT.1886)."""
TABLE_SIZE = 33


def kind_of(transfer: int, primaries: int) -> str:
    """PQ, HLG, BT.2020 (wide gamut, ordinary brightness), or nothing for ordinary video."""
    named = {int(number): name for number, name in HDR.items()}
    wide = "BT.2020" if primaries == ColorPrimaries.BT2020 else ""
    return named.get(int(transfer), wide)


def ordinary(signal: Float[np.ndarray, "... 3"], kind: str) -> Float[np.ndarray, "... 3"]:
    """The RGB signal of BT.709, 0 to 1, of one of a kind (`kind_of`) in BT.2020's primaries."""
    if kind == "HLG":
        light = _hlg_scene_light(signal) / HLG_WHITE
        return _camera_signal(_below_white(light @ TO_BT709.T, 1 / HLG_WHITE))
    if kind == "PQ":
        light = _pq_cd_m2(signal) / PQ_WHITE_CD_M2
        return _below_white(light @ TO_BT709.T, PQ_BRIGHTEST_CD_M2 / PQ_WHITE_CD_M2) ** (1 / GAMMA)
    light = np.where(signal < 0.081, signal / 4.5, ((signal + 0.099) / 1.099) ** (1 / 0.45))
    return _camera_signal(np.clip(light @ TO_BT709.T, 0, 1))


def _camera_signal(light: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 3"]:
    """The signal of ordinary video, whose transfer from the scene BT.709 and BT.2020 share."""
    return np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099)


def _hlg_scene_light(signal: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 3"]:
    """The inverse of HLG's transfer from the scene."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def _pq_cd_m2(signal: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 3"]:
    """PQ's light."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    root = signal ** (1 / m2)
    return 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def _below_white(light: Float[np.ndarray, "... 3"], peak: float) -> Float[np.ndarray, "... 3"]:
    """Light of which white is 1 and the brightest `peak`, at most 1; hues are kept up to the peak.

    Above the knee it follows a hyperbola that leaves it without a bend and reaches 1 at the peak,
    as FFmpeg's tonemap "mobius" does.
    """
    light = np.maximum(light, 0)
    largest = light.max(axis=-1, keepdims=True)
    a = -(KNEE**2) * (peak - 1) / (KNEE**2 - 2 * KNEE + peak)
    b = (KNEE**2 - 2 * KNEE * peak + peak) / (peak - 1)
    above = np.maximum(largest, KNEE)
    bent = (b**2 + 2 * b * KNEE + KNEE**2) / (b - a) * (above + a) / (above + b)
    return np.clip(light * np.where(largest > KNEE, bent / above, 1.0), 0, 1)


def write_table(path: Path, kind: str) -> None:
    """The table of a kind in the format of FFmpeg's filter lut3d (.cube), red going fastest."""
    steps = np.linspace(0.0, 1.0, TABLE_SIZE)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    table = ordinary(np.stack([red, green, blue], axis=-1).reshape(-1, 3), kind)
    with open(path, "w", encoding="ascii") as file:
        file.write(f"LUT_3D_SIZE {TABLE_SIZE}\n")
        np.savetxt(file, table, fmt="%.6f")
