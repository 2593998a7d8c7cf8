"""What pip may install, by hash: the versions that are pinned, and every file of a version."""

import re
from pathlib import Path

import lock
import pytest

ROOT = Path(__file__).parents[2]


def test_what_is_locked_is_what_is_pinned() -> None:
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        pinned[lock.plain(name)] = version
    _, _, text = (ROOT / "locked.txt").read_text(encoding="utf-8").partition("\n")
    locked = re.findall(r"^([^ =]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", text, re.M)
    assert len(locked) > 70 and "numpy" in {name for name, *_ in locked}
    assert len(locked) == text.count("==")
    assert {name: version for name, version, _ in locked}.items() <= pinned.items()
    assert not {"torch", "posegrid"} & {name for name, *_ in locked}


@pytest.mark.parametrize(
    ("filename", "said"),
    [
        ("rich-13.9.4-py3-none-any.whl", True),
        ("rich-13.9.4.tar.gz", True),
        ("rich-13.9.40-py3-none-any.whl", False),
        ("typing_extensions-13.9.4-py3-none-any.whl", True),
        ("mkdocs-material-13.9.4.tar.gz", True),
        ("rich-13.9.tar.gz", False),
    ],
)
def test_files_are_of_the_version_that_they_are_named_after(filename: str, said: bool) -> None:
    assert lock.is_of(filename, "13.9.4") is said
