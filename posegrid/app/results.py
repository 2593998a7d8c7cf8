"""What a job made, as its page tells it: `results.json` beside the files."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from posegrid.files import write_text

NAME = "results.json"


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
    """The files of a person: what they are called in the folder, and to whoever downloads them."""
    stem = f"person{person}"
    kept = Path(name).stem or "video"
    paths = [path for path in sorted(folder.glob(f"{stem}[._]*")) if path.is_file()]
    return {path.name: f"{kept}_{path.name}" for path in paths}
