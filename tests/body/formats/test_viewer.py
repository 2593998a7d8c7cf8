"""The page that shows a motion in 3D: what is in it, and that it asks for nothing."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from body.formats.walks import make_walk

from posegrid.body.formats.viewer import viewer_page
from posegrid.body.track import Track
from posegrid.errors import OutputError

WALK = make_walk()


def page_of(track: Track, **options: bool) -> str:
    parts = (track.joints_mm, track.root_mm, track.frame, track.time_s, track.source)
    return viewer_page(*parts, **options)


def data_of(page: str) -> dict:
    found = re.search(r"const track = (\{.*\});\n", page)
    assert found is not None
    return json.loads(found[1])


def test_the_viewer_holds_the_motion_and_asks_for_nothing(tmp_path):
    page = page_of(WALK)
    assert (
        not re.search(r"https?://|src=|href=|@import|fetch\(", page)
        and "default-src 'none'" in page
    )
    content = data_of(page)
    assert [row is None for row in content["places_mm"]] == [
        row in (0, 1, 10, 20) for row in range(len(WALK))
    ]
    # Levelled and moved as a whole, to a millimetre: distances between joints of two frames stay
    # what they are.
    places = np.array([content["places_mm"][row] for row in (5, 30)]).reshape(2, 17, 3)
    true = (WALK.joints_mm + WALK.root_mm[:, None])[[5, 30]]
    assert np.linalg.norm(places[0, 3] - places[1, 16]) == pytest.approx(
        np.linalg.norm(true[0, 3] - true[1, 16]), abs=2
    )
    assert content["time_s"][5] == 0.2 and not content["pinned"]


def test_the_viewer_of_a_walk_without_places_says_so():
    content = data_of(page_of(WALK, pinned=True))
    assert content["pinned"] and content["places_mm"][5][0] == content["places_mm"][30][0]
    assert content["places_mm"][20] is not None


def test_a_source_cannot_end_the_script():
    page = page_of(replace(WALK, source="</script><b>.mp4"))
    assert data_of(page)["source"] == "</script><b>.mp4" and page.count("</script>") == 1


def test_nobody_in_any_frame_has_nothing_to_show():
    with pytest.raises(OutputError, match="nothing to show"):
        page_of(replace(WALK, joints_mm=np.full_like(WALK.joints_mm, np.nan)))


def test_a_track_saves_itself_as_the_page(tmp_path):
    WALK.save(tmp_path / "walk.html")
    assert (tmp_path / "walk.html").read_text(encoding="utf-8") == page_of(WALK)
