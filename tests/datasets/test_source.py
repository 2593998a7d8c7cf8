"""What all kinds of recordings share: splits, choices that are refused, and what is taken stock of."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from posegrid.datasets.source import SYNTHETIC_MARK, PoseKind, Source, View, refuse_unknown
from posegrid.errors import SettingsError, SourceError

ROOT = Path("recordings")


@dataclass(frozen=True)
class MadeUp(Source):
    """Recordings of some subjects, with or without a split."""

    kind: ClassVar[str] = "made-up recordings"
    pose_kinds: ClassVar[tuple[PoseKind, ...]] = ("mono", "world")
    subjects: tuple[str, ...] = ("Ada", "Ben", "Cem")
    parts: dict[str, list[str]] = field(default_factory=dict)

    def find(
        self,
        subjects: Collection[str] | None = None,
        actions: Collection[str] | None = None,
        cameras: Collection[str] | None = None,
    ) -> list[View]:
        return [View(name, "Walking", 1, "left") for name in self.subjects]

    def open(self, view: View) -> Any:
        raise NotImplementedError

    def splits(self) -> dict[str, list[str]]:
        if not self.parts:
            raise SourceError("nobody has said who trains")
        return self.parts


@pytest.mark.parametrize(
    ("choice", "said"),
    [({"poses": "universal"}, "which has no poses of the kind universal: --poses mono or world.")],
)
def test_what_recordings_have_not_cannot_be_chosen(choice: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        MadeUp(ROOT, **choice)
    assert MadeUp(ROOT, poses="world").poses == "world"


def test_recordings_are_synthetic_where_the_mark_lies(tmp_path: Path) -> None:
    assert not MadeUp(tmp_path).synthetic
    (tmp_path / SYNTHETIC_MARK).write_text("made by a computer")
    assert MadeUp(tmp_path).synthetic


def test_subjects_whom_no_split_names_are_noticed() -> None:
    inventory = MadeUp(
        ROOT, parts={"train": ["Ben"], "validation": [], "test": ["Zoe"]}
    ).inventory()
    assert [view.name for view in inventory.views][:1] == ["Ada Walking 1 left"]
    (finding,) = inventory.findings
    assert (finding.level, finding.what) == ("notice", "subjects without a part")
    assert "does not name Ada, Cem: nobody" in finding.text
    whole = MadeUp(ROOT, parts={"train": ["Ada", "Ben"], "validation": ["Cem"], "test": []})
    assert whole.inventory().findings == ()


def test_recordings_without_a_split_are_a_fault() -> None:
    (finding,) = MadeUp(ROOT).inventory().findings
    assert (finding.level, finding.what) == ("fault", "no split")
    assert finding.text == "nobody has said who trains"


def test_unknown_names_are_refused_with_those_there_are() -> None:
    with pytest.raises(SourceError, match=r"^recordings: has no subject A, Z; it has S1, S5\.$"):
        refuse_unknown(ROOT, "subject", ("Z", "S5", "A"), ("S1", "S5"))
    with pytest.raises(SourceError, match=r"has no camera c; it has none\.$"):
        refuse_unknown(ROOT, "camera", ("c",), ())
    for asked in (None, (), ("S5",)):
        refuse_unknown(ROOT, "subject", asked, ("S1", "S5"))
