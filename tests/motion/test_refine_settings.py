"""Angles of view that lenses have, and radians that are told by their size."""

import pytest

from posegrid.errors import SettingsError
from posegrid.motion.refine_settings import check_fov


@pytest.mark.parametrize("fov_deg", [5, 60.0, 170])
def test_angles_of_lenses_are_taken(fov_deg: float) -> None:
    check_fov(fov_deg)


@pytest.mark.parametrize("fov_deg", [4.99, 170.5, 0.0, -60.0, float("nan"), float("inf")])
def test_other_angles_are_refused(fov_deg: float) -> None:
    with pytest.raises(SettingsError, match=r"expected an angle of view of 5 to 170 degrees\.$"):
        check_fov(fov_deg)


def test_radians_are_told_by_their_size() -> None:
    with pytest.raises(SettingsError, match=r"`fov_deg` 1\.0472: .* 1\.0472 radians are 60 degr"):
        check_fov(1.0472)
