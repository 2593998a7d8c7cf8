"""docs/messages.md holds every refusal and warning of the code as it is."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from list_messages import PAGE, messages_page, refusals_in, text_of, warnings_in  # noqa: E402


def test_the_page_is_current():
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "list_messages.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_texts_are_shown_with_gaps_for_what_is_not_known_yet():
    tree = ast.parse(
        "raise SourceError(f'{path}: is {a} x {b}; ' + 'expected {}'.format(c) + f'{d!r}')\n"
        "raise ValueError('not ours')\n"
        "notes.append(f'the way bends by {x:.0f} degrees')\n"
        "def _on_time(track):\n    return '' if ok else None\n"
        "def on_cadence(n):\n    return f'{n:.0f} steps a minute, where people walk'\n"
        "note = f'recorded at {n} frames a second'\nsaid.append('cut from {} to {} pixels'.format(1, 2))\n"
        "lines = ['one line', f'{n} frames were left out']\n"
        "class Finder:\n    def nobody(self):\n        return 'nobody was found anywhere'\n"
    )
    assert list(refusals_in(tree)) == ["…: is … x …; expected ……", "nobody was found anywhere"]
    assert set(warnings_in(tree)) == {
        "the way bends by … degrees",
        "… steps a minute, where people walk",
        "recorded at … frames a second",
        "cut from … to … pixels",
        "… frames were left out",
    }
    assert text_of(ast.parse("'a' + b", mode="eval").body) == "a…"


def test_known_messages_are_in_it_and_lines_are_short():
    page = messages_page(ROOT / "posegrid")
    words = " ".join(page.split())
    for said in (
        "steps a minute, where people walk with",
        "pixels are said to be",
        "holds no video, only a cover picture.",
        "expected an angle of view of 5 to 170 degrees",
        "cropped from … x … to … x … px",
        "recorded at … frames/s (…), played at …: times are those of the recording",
        "both feet are off the floor",
        "nobody was found in … frames.",
    ):
        assert said in words
    assert max(map(len, page.splitlines())) <= 100 and PAGE.name == "messages.md"
