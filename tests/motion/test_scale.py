"""How large everything is: told by the camera's height above the floor."""

from dataclasses import replace

import numpy as np
import pytest
from motion.walks import ANKLE_MM, walk_track, with_feet

from posegrid.body.track import Track
from posegrid.errors import SettingsError
from posegrid.motion.plausible import HEIGHT_SPREAD, bones_to_height_mm
from posegrid.motion.scale import WEIGHTS_SCALE, scale_by_camera, scaled
from posegrid.motion.world import ANKLE_HEIGHT_MM

TIME_S = np.arange(60) / 30


def seen_from(height_mm: float, pitch_rad: float, size: float = 1.0) -> Track:
    """A walk 4 m away, of a person and a place that the weights take for `size` times as large."""
    track = walk_track(TIME_S)
    joints_mm = (track.joints_mm + track.root_mm[:, None]).astype(np.float64)
    floor_mm = joints_mm[..., 1].max() + ANKLE_MM
    joints_mm[..., 1] += height_mm - floor_mm
    cosine, sine = np.cos(pitch_rad), np.sin(pitch_rad)
    tilt = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    turned = size * (joints_mm @ tilt.T)
    root_mm = turned[:, 0]
    return replace(
        track,
        joints_mm=(turned - root_mm[:, None]).astype(np.float32),
        root_mm=root_mm.astype(np.float32),
    )


@pytest.mark.parametrize("size", [0.8, 1.0, 1.25])
@pytest.mark.parametrize("pitch_rad", [0.2, 0.9])
def test_the_surer_the_cameras_height_the_more_of_the_error_goes(size, pitch_rad):
    track, height_mm = seen_from(2500, pitch_rad, size), 2500 - ANKLE_MM + ANKLE_HEIGHT_MM
    scale = scale_by_camera(track, height_mm, pitch_rad)
    # Two independent measurements of one logarithm, each by its variance; the weights say 0.
    share = np.log(scale.factor) / -np.log(size) if size != 1 else None
    kept = scale.spread**2 / HEIGHT_SPREAD**2
    assert share is None or share == pytest.approx(1 - kept, abs=1e-3)
    assert (scale.factor - 1) * (1 - size) >= 0 and 0 < scale.spread < HEIGHT_SPREAD


def test_a_camera_that_looks_along_the_floor_says_little_and_the_walk_less_than_a_level():
    high, low = (scale_by_camera(seen_from(h, 0.2), h, 0.2) for h in (4000.0, 700.0))
    assert high.spread < 0.5 * low.spread < 0.5 * HEIGHT_SPREAD
    assert scale_by_camera(seen_from(2500, 0.2), 2500).spread > high.spread


def test_lengths_are_scaled_and_known_only_if_they_are_sure():
    track = with_feet(seen_from(4000, 0.2, 0.8))
    sure, unsure = scale_by_camera(track, 4000, 0.2), scale_by_camera(track, 4000)
    whole, part = scaled(track, sure), scaled(track, unsure)
    assert whole.scale_known and not part.scale_known
    for name in ("joints_mm", "root_mm", "sigma_mm", "feet_mm"):
        expected = sure.factor * getattr(track, name)
        assert np.allclose(getattr(whole, name), expected, rtol=1e-5, equal_nan=True)
    heights = [bones_to_height_mm(t.joints_mm.astype(np.float64)) for t in (whole, track)]
    assert heights[0] / heights[1] == pytest.approx(sure.factor, rel=1e-5)
    assert scaled(track, WEIGHTS_SCALE) is track


def test_what_tells_no_scale_is_refused():
    with pytest.raises(SettingsError, match=r"expected both at least 0\.2 m above them"):
        scale_by_camera(seen_from(150, 0.0), 1500, 0.0)
    with pytest.raises(SettingsError, match="this camera moved"):
        scale_by_camera(replace(seen_from(2500, 0.2), camera_fixed=False), 2500)
