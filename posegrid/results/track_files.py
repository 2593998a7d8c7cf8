"""The files beside a Track: what the formats of `predict` and `convert` are called, and writing several at once."""

from pathlib import Path
from typing import Literal

from posegrid.body.track import Track
from posegrid.errors import OutputError
from posegrid.files import completed
from posegrid.results.viewer import viewer_page

Format = Literal["csv", "json", "trc", "c3d", "bvh", "glb", "npz", "html"]


def write_track_file(track: Track, path: Path, *, pinned: bool = False) -> None:
    """Write the Track in the format that the file's name ends in. Raises OutputError; see `Track.save`."""
    if path.suffix.lower() != ".html":
        track.save(path, pinned=pinned)
        return
    page = viewer_page(track, pinned=pinned)
    try:
        with completed(path) as temporary:
            temporary.write_text(page, encoding="utf-8", newline="")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another --out.") from error


def track_file_name(stem: str, ending: Format) -> str:
    """The name of a format's file: NAME.ENDING, but NAME_viewer.html."""
    return f"{stem}_viewer.html" if ending == "html" else f"{stem}.{ending}"
