"""What a kill leaves of `predict`, and what the next call makes of it: the same bytes, or a sentence."""

import json
import os
import signal
import subprocess
import sys
import zlib
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from people.cloth_finder import ClothFinder
from people.scenes import SIZE_WH, figure, scene
from results.onnx_files import facts, write_onnx

from posegrid.errors import OutputError, SourceError
from posegrid.people.finder import Finder, find_people
from posegrid.results.answers import BLOCK, HEAD, ROW, Answers, identity
from posegrid.results.estimator import Estimator
from posegrid.results.predict import predict
from posegrid.results.predict_settings import PredictSettings
from posegrid.video.picture import Picture
from posegrid.video.writer import VideoWriter

NUM_FRAMES, NAME = 52, "walk.watched"
LINE = len("posegrid answers 2 ") + 64 + 1


class Killed(BaseException):
    """Nobody catches it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A walk, a second person who comes and goes, boxes of both, and weights."""
    folder = tmp_path_factory.mktemp("answers")
    pictures, _ = scene([(40 + 4.0 * i, 65.0) for i in range(NUM_FRAMES)], shadow=False)
    with VideoWriter(folder / "walk.mp4", 25, SIZE_WH, quality=12) as video:
        for n, picture in enumerate(pictures):
            if 17 <= n < 40:
                picture[figure((280 - 5.0 * (n - 17), 70), 60, np.sin(n))] = (150, 90, 40)
            video.write(picture)
    lines = [f"{n},{20 + 4 * n},30,{60 + 4 * n},120,4" for n in range(NUM_FRAMES) if n % 11]
    (folder / "boxes.csv").write_text("\n".join(["frame,x0,y0,x1,y1,person", *lines]))
    write_onnx(folder / "standing.onnx", left_half_mm=100)
    return folder


def settings(folder: Path, out: Path, **changes: object) -> PredictSettings:
    asked = PredictSettings(
        folder / "walk.mp4",
        out=out,
        weights=folder / "standing.onnx",
        person="all",
        overlay=False,
        formats=("csv",),
    )
    return replace(asked, **changes)


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.fixture(scope="module")
def finder() -> Finder:
    """One that has seen a little, to go on from what is left."""
    pictures, _ = scene([(40.0, 65.0)] * 8)
    return find_people(lambda count: [Picture.from_rgb(picture) for picture in pictures])


@pytest.fixture(scope="module")
def expected(folder) -> dict[str, bytes]:
    predict(settings(folder, folder / "undisturbed"))
    return files(folder / "undisturbed")


def kill(asked: PredictSettings, frame: int) -> None:
    """A call that ends at a frame, in the midst of everything."""
    add = Estimator.add

    def killed(self: Estimator, *args: object) -> None:
        if self._num_added == frame:
            raise Killed
        add(self, *args)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Estimator, "add", killed)
        predict(asked)


@pytest.fixture(scope="module")
def content(folder) -> bytes:
    """Of the file of a call that was killed at frame 40."""
    kill(settings(folder, folder / "killed"), 40)
    return (folder / "killed" / NAME).read_bytes()


@pytest.fixture
def left(content, tmp_path) -> Path:
    """That file."""
    (tmp_path / NAME).write_bytes(content)
    return tmp_path / NAME


@pytest.mark.parametrize("frame", [9, 22, 47])
def test_a_call_goes_on_after_a_kill_and_makes_the_same_bytes(
    folder, tmp_path, expected, monkeypatch, capsys, frame
):
    kill(settings(folder, tmp_path), frame)
    assert list(files(tmp_path)) == ([NAME] if frame > 10 else [])
    looked: list[float] = []
    each = ClothFinder.each
    monkeypatch.setattr(ClothFinder, "each", lambda *args: looked.append(1) or each(*args))
    predict(settings(folder, tmp_path))
    assert files(tmp_path) == expected
    before = max(0, (frame - 2) // BLOCK * BLOCK)
    told = f"({before} frames were watched before)"
    assert (told in capsys.readouterr().err.replace("\n", "")) == (before > 0)
    assert len(looked) < 4 * (NUM_FRAMES - before) + 30, "what was looked at is not looked at again"


def test_given_people_go_on_too(folder, tmp_path):
    said = facts(background="kept").to_json()
    weights = write_onnx(tmp_path / "kept.onnx", metadata=said, left_half_mm=100)
    asked = {"boxes": folder / "boxes.csv", "weights": weights}
    predict(settings(folder, tmp_path / "whole", **asked))
    kill(settings(folder, tmp_path / "killed", **asked), 40)
    predict(settings(folder, tmp_path / "killed", **asked))
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def again(path: Path) -> Answers:
    """What is there, for a call that asks the same."""
    return Answers(path, path.read_bytes()[LINE - 65 : LINE - 1].decode())


def test_a_torn_last_block_does_not_count(folder, tmp_path, left, expected):
    whole = left.read_bytes()
    ends, at = [LINE], LINE
    while at < len(whole):
        at += HEAD.size + sum(HEAD.unpack_from(whole, at)[1:3])
        ends.append(at)
    assert len(ends) == 5
    for blocks, end in enumerate(ends[:-1]):
        for more in (0, 1, HEAD.size, HEAD.size + 1, ends[blocks + 1] - end - 1):
            left.write_bytes(whole[: end + more])
            answers = again(left)
            assert answers.num_frames == blocks * BLOCK
            answers.close(remove=False)
            assert (left.read_bytes() if blocks else whole[:LINE]) == whole[:end]
    left.write_bytes(whole[: ends[2] + 30])
    predict(settings(folder, tmp_path))
    assert files(tmp_path) == expected


def rewritten(content: bytes, rows: np.ndarray | None = None, said: object = None) -> bytes:
    """The first block with other rows, or other things remembered, and a sum that fits."""
    _, num_rows, num_said, _ = HEAD.unpack_from(content, LINE)
    at = LINE + HEAD.size
    own = content[at : at + num_rows] if rows is None else rows.tobytes()
    text = content[at + num_rows :][:num_said] if said is None else json.dumps(said).encode()
    head = HEAD.pack(b"pgan", len(own), len(text), zlib.crc32(text, zlib.crc32(own)))
    return content[:LINE] + head + own + text


def first_block(content: bytes) -> tuple[np.ndarray, dict]:
    _, num_rows, num_said, _ = HEAD.unpack_from(content, LINE)
    at = LINE + HEAD.size
    rows = np.frombuffer(content[at : at + num_rows], ROW).copy()
    return rows, json.loads(content[at + num_rows :][:num_said])


def damaged(content: bytes, how: str) -> bytes:
    rows, said = first_block(content)
    person = said["known"][0]
    if how == "a bit":
        middle = LINE + 500
        return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    if how == "no mark":
        return content[:LINE] + bytes(40) + content[LINE + 40 :]
    if how == "a huge block":
        return content[:LINE] + HEAD.pack(b"pgan", 2**31, 2**31, 0) + content[LINE:]
    if how in ("frame", "pose_mm", "box_xyxy"):
        rows[how][3] = 8 if how == "frame" else np.inf
        return rewritten(content, rows=rows)
    changes: dict[str, dict] = {
        "more frames": {"num_frames": 7},
        "no list": {"live": 3},
        "a stranger": {"live": [2]},
        "no colours": {"known": [{**person, "colours": [0.0]}]},
        "a reference": {"references": [9, 0, 1]},
        "nothing": {"known": [{}]},
        "times": {"times_s": ["0", 0, 0]},
    }
    return rewritten(content, said={**said, **changes[how]})


@pytest.mark.parametrize(
    "how",
    [
        *("a bit", "no mark", "a huge block", "frame", "pose_mm", "box_xyxy", "more frames"),
        *("no list", "a stranger", "no colours", "a reference", "nothing", "times"),
    ],
)
def test_what_a_block_cannot_hold_is_refused(left, finder, how):
    content = damaged(left.read_bytes(), how)
    left.write_bytes(content)
    refused = pytest.raises(SourceError, match=r"walk\.watched: is damaged .* `overwrite`")
    with refused, closing(again(left)) as answers:
        answers.recalled(deepcopy(finder))


def test_a_damaged_file_is_refused_and_stays_until_it_may_be_overwritten(
    folder, tmp_path, left, expected
):
    content = damaged(left.read_bytes(), "a bit")
    left.write_bytes(content)
    with pytest.raises(SourceError, match=r"walk\.watched: is damaged .* `overwrite`"):
        predict(settings(folder, tmp_path))
    assert left.read_bytes() == content
    predict(settings(folder, tmp_path, overwrite=True))
    assert files(tmp_path) == expected


def test_what_another_call_left_does_not_count_and_that_is_said(folder, tmp_path, left, capsys):
    predict(settings(folder, tmp_path, looks="one"))
    assert "what was watched before belongs to another video" in capsys.readouterr().out
    assert not left.exists()


def test_a_call_that_was_stopped_leaves_a_part_and_goes_on(
    folder, tmp_path, monkeypatch, expected, capsys
):
    add = Estimator.add

    def pressed(self: Estimator, *args: object) -> None:
        add(self, *args)
        if self._num_added == 37:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Estimator, "add", pressed)
        predict(settings(folder, tmp_path))
    assert "the same call goes on from there" in capsys.readouterr().out
    assert NAME in files(tmp_path) and "walk_person1_partial.npz" in files(tmp_path)
    predict(settings(folder, tmp_path))
    whole = {name: content for name, content in files(tmp_path).items() if "_partial" not in name}
    assert whole == expected


def test_of_two_at_once_the_second_says_so(folder, tmp_path):
    code = "import sys; from pathlib import Path; from posegrid.files import held\n"
    code += "held(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path / NAME)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        with pytest.raises(OutputError, match="another one is at work here"):
            predict(settings(folder, tmp_path))
        other.communicate()
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_full_disk_is_told_in_a_sentence_and_what_was_written_counts(
    folder, tmp_path, monkeypatch, expected
):
    write, written = Answers._write, []

    class Full:
        def __init__(self, file: object) -> None:
            self.seek = file.seek

        def write(self, content: bytes) -> int:
            raise OSError(28, "No space left on device")

    def until_full(self: Answers, at: int, content: bytes) -> None:
        written.append(at)
        file = self._file
        self._file = Full(file) if len(written) == 4 else file
        try:
            write(self, at, content)
        finally:
            self._file = file

    with monkeypatch.context() as patch:
        patch.setattr(Answers, "_write", until_full)
        with pytest.raises(OutputError, match=r"walk\.watched: cannot be written \(No space left"):
            predict(settings(folder, tmp_path))
    predict(settings(folder, tmp_path))
    assert files(tmp_path) == expected


def test_much_that_is_remembered_waits_for_as_many_rows(tmp_path):
    call = identity([1], [tmp_path])
    answers = Answers(tmp_path / "a", call)
    remembered = {"known": "x" * 10 * BLOCK * ROW.itemsize}
    for _ in range(5):
        answers.end_block(remembered)
    said = [len(said) > 0 for _, _, said in answers._blocks()]
    answers.close(remove=False)
    assert said == [False, False, True, False, False]
    again = Answers(tmp_path / "a", call)
    assert again.num_frames == 3 * BLOCK and again.remembered == remembered
    again.close(remove=True)
    assert not (tmp_path / "a").exists()


def test_the_identity_changes_with_values_and_files(tmp_path):
    (tmp_path / "a").write_text("a")
    paths = [tmp_path / "a", None, tmp_path / "missing"]
    first = identity([1], paths)
    assert first == identity([1], paths) != identity([2], paths)
    (tmp_path / "a").write_text("longer")
    assert identity([1], paths) != first
