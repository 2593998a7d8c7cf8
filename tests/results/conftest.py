"""Made-up figures are found by what they wear: the finder's own weights know people."""

import pytest
from people.cloth_finder import ClothFinder


@pytest.fixture(autouse=True, scope="module")
def finder_of_figures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("posegrid.people.finder.load_finder", ClothFinder)
        yield
