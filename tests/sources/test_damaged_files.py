"""Whatever happens to the bytes of a file: it is read, or refused with a SourceError that names it; nothing else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from body.test_track import make_track
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources.human36m_tree import write_tree

from posegrid.body.track import Track
from posegrid.errors import SourceError
from posegrid.sources.human36m_files import opened_masks, read_pose_cdf
from posegrid.sources.human36m_metadata import load_metadata


def read_poses(path: Path) -> None:
    assert np.isfinite(read_pose_cdf(path, 3)).all()


def read_masks(path: Path) -> None:
    with opened_masks(path) as masks:
        for index in range(min(len(masks), 20)):
            mask = masks.mask(index)
            assert mask is None or (mask.dtype == bool and mask.ndim == 2)


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "poses": ("**/D3_Positions_mono/*.cdf", read_poses),
    "masks": ("**/ground_truth_bs/*.mat", read_masks),
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


MANY = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("kind", READERS)
def test_good_files_are_read(kind, good):
    READERS[kind][1](good[kind])


@pytest.mark.parametrize("kind", READERS)
@MANY
@given(share=st.floats(0, 0.999))
def test_files_cut_short(kind, good, folder, share):
    content = good[kind].read_bytes()
    read_or_refuse(kind, content[: int(share * len(content))], folder)


@pytest.mark.parametrize("kind", READERS)
@MANY
@given(flips=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 7)), min_size=1, max_size=8))
def test_files_with_flipped_bits(kind, good, folder, flips):
    content = bytearray(good[kind].read_bytes())
    for share, bit in flips:
        content[int(share * len(content))] ^= 1 << bit
    read_or_refuse(kind, bytes(content), folder)


# Not the poses: cdflib goes round for ever in a file whose index of records points back at itself.
@pytest.mark.parametrize("kind", [kind for kind in READERS if kind != "poses"])
@MANY
@given(start=st.floats(0, 0.99), rubbish=st.binary(min_size=1, max_size=64))
def test_files_overwritten_in_the_middle(kind, good, folder, start, rubbish):
    content = good[kind].read_bytes()
    at = int(start * len(content))
    read_or_refuse(kind, content[:at] + rubbish + content[at + len(rubbish) :], folder)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"<!DOCTYPE html><html>Please log in</html>", b"PK\x03\x04"])
def test_files_of_something_else_are_refused(kind, content, folder):
    path = folder / Path(READERS[kind][0]).name.replace("*", "other")
    path.write_bytes(content)
    with pytest.raises(SourceError, match=path.name):
        READERS[kind][1](path)
