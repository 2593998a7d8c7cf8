"""What a job made, as its page tells it: `results.json` beside the files."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from posegrid.files import write_text

NAME = "results.json"
EDITS, CORRECTED = "edits.json", "corrected"
"""Corrections by hand, and what the files of corrected people are called: personN_corrected."""


@dataclass(frozen=True)
class PersonResult:
    """One person of a video."""

    number: int
    found: int
    frames: int
    lines: tuple[str, ...]
    """What was found, assumed and is unsure."""
    no_gait: str = ""
    """Why there are no figures of a walk."""


@dataclass(frozen=True)
class Results:
    """Everything a job says of itself."""

    people: tuple[PersonResult, ...]
    """The largest in the picture first."""
    notes: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Write it; a folder without it is unfinished. Raises OutputError."""
        write_text(folder / NAME, json.dumps(asdict(self)))

    @staticmethod
    def load(folder: Path) -> "Results | None":
        """What is in a job's folder of results, if it is complete."""
        try:
            said = json.loads((folder / NAME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        people = [PersonResult(**{**p, "lines": tuple(p["lines"])}) for p in said["people"]]
        return Results(tuple(people), tuple(said["notes"]))


def clip_name(name: str) -> str:
    """What the video beside the motion is called to whoever downloads it."""
    return f"{Path(name).stem}_clip.mp4"


def downloads(folder: Path, person: int, name: str) -> dict[str, str]:
    """The files of a person, and of all whom somebody has corrected by hand: what they are called
    in the folder, and to whoever downloads them.
    """
    kept = Path(name).stem or "video"
    found = {*folder.glob(f"person{person}[._]*"), *folder.glob(f"person*_{CORRECTED}*")}
    paths = [path for path in sorted({*found, *folder.glob(EDITS)}) if path.is_file()]
    return {path.name: f"{kept}_{path.name}" for path in paths}
