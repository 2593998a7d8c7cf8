"""Damaged and hostile files of every kind: each ends in one sentence, within 10 seconds and 1 GB.

Expected values come from the formats: nothing here is what a reader happened to say. A folder of
more such files is read where POSEGRID_DAMAGED names one (its names begin with the reader's).
"""

import io
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import fuzz
import numpy as np
import pytest
import readers
from PIL import Image

from posegrid.body.formats.viewer import viewer_page
from posegrid.body.track import Track
from posegrid.errors import SourceError
from posegrid.untrusted import DAMAGED, arrays_of_npz, from_yaml, opened_picture

CORPUS = readers.CORPUS
DEEP = "[" * 100_000
BOMB = "\n".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}' if n else '1'] * 10)}]" for n in range(9))


def changed_json(reader: str, name: str, **changes: object) -> bytes:
    text = json.dumps(json.loads((CORPUS / reader / name).read_text()) | changes)
    return text.replace("Infinity", "1e999").encode()


def replaced(reader: str, name: str, old: str, new: str) -> bytes:
    content = (CORPUS / reader / name).read_bytes()
    assert old.encode() in content
    return content.replace(old.encode(), new.encode(), 1)


def npy(shape: str, dtype: str = "<f4") -> bytes:
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode()


def npz(source: Path, **members: bytes) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(file, "w") as new:
            for name in old.namelist():
                new.writestr(name, members.pop(name.removesuffix(".npy"), old.read(name)))
            for name, content in members.items():
                new.writestr(f"{name}.npy", content)
        return file.getvalue()


def cdf_of_many_dimensions() -> bytes:
    """The whole file's record says that its variables have 2^31 - 1 dimensions."""
    data = bytearray((CORPUS / "poses" / "a.cdf").read_bytes())
    place = int.from_bytes(data[20:28], "big")
    data[place + 56 : place + 60] = b"\x7f\xff\xff\xff"
    return bytes(data)


def cdf_that_misses_its_record() -> bytes:
    """Where the whole file's record should be, there is one of an attribute."""
    data = bytearray((CORPUS / "poses" / "a.cdf").read_bytes())
    place = int.from_bytes(data[20:28], "big") + 8
    data[place : place + 4] = b"\0\0\0\4"
    return bytes(data)


def picture(size: tuple[int, int]) -> bytes:
    """The head of a PNG of that size; it has no pixels."""
    head = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    body = struct.pack(">I", len(head)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + body


def track_facts(**changes: object) -> bytes:
    return changed_json("track", "a.json", **changes)


TRACK = json.loads((CORPUS / "track" / "a.json").read_text())
CAMERA = TRACK["camera"]
LATE = [TRACK["time_s"][0], *TRACK["time_s"][:-1]]
INFINITY = float("inf")
NPZ = CORPUS / "track" / "a.npz"

DAMAGES: dict[str, tuple[str, str, bytes | Callable[[], bytes], str]] = {
    # what: reader, file, content, the sentence
    "deep JSON": ("boxes", "a.json", DEEP.encode(), "cannot be read as boxes"),
    "a huge number": (
        "boxes",
        "a.json",
        b'[{"image_id":1,"bbox":[1e999,0,1,1]}]',
        "finite numbers",
    ),
    "a huge frame": ("boxes", "a.csv", b"frame,x0,y0,x1,y1\n" + b"1" * 30 + b",1,2,3,4", "frame"),
    "no object": ("boxes", "a.json", b'{"annotations": [[1]]}', "cannot be read as boxes"),
    "YAML's bomb": ("camera", "a.yaml", BOMB.encode(), "aliases"),
    "YAML in itself": ("camera", "a.yaml", b"K: &a [*a]", "aliases"),
    "deep YAML": ("camera", "a.yaml", DEEP[:20_000].encode(), "levels deep"),
    "a date that is none": ("camera", "a.yaml", b"K: 2020-13-45", "cannot be read as YAML"),
    "words for numbers": ("camera", "a.json", b'{"K": [["1", "0", "5"]]}', "expected K"),
    "a huge focal length": (
        "folder_camera",
        "a.json",
        changed_json("folder_camera", "a.json", focal_px=[10**400, 1]),
        "not a camera file",
    ),
    "part of a pixel": (
        "folder_camera",
        "a.json",
        changed_json("folder_camera", "a.json", size_wh=[1e300, 0.5]),
        "size_wh",
    ),
    "UTF-16": ("folder_camera", "a.json", '{"focal_px": 1}'.encode("utf-16"), "not a camera file"),
    "a huge array": ("folder_poses", "a.npz", npz(NPZ, pose_mm=npy("(10**9, 17, 3)")), "npz"),
    "numbers as names": (
        "split",
        "a.json",
        b'{"train": [1], "validation": [], "test": []}',
        "split",
    ),
    "size as text": (
        "dataset",
        "dataset.json",
        changed_json("dataset", "dataset.json", image_size="9"),
        "image_size",
    ),
    "a huge size": (
        "dataset",
        "dataset.json",
        changed_json("dataset", "dataset.json", image_size=10**9),
        "image_size",
    ),
    "a list": ("dataset", "dataset.json", b"[1]", "facts of a data set"),
    "splits as a list": (
        "dataset",
        "dataset.json",
        changed_json("dataset", "dataset.json", splits=[]),
        "splits",
    ),
    "no settings": (
        "dataset",
        "dataset.json",
        changed_json("dataset", "dataset.json", settings=None),
        "settings",
    ),
    "no notes": (
        "shard",
        "S1_Walking_1_C1.parquet",
        replaced(
            "shard",
            "S1_Walking_1_C1.parquet",
            "posegrid_notes\x18\x02[]",
            "posegrid_notes\x18\x02{]",
        ),
        "cannot be read",
    ),
    "no rate": ("track", "a.json", track_facts(fps="abc"), "fps"),
    "a rate of 0": ("track", "a.json", track_facts(fps=0), "fps"),
    "NaN for a rate": (
        "track",
        "a.json",
        replaced("track", "a.json", '"fps": 25.0', '"fps": NaN'),
        "NaN",
    ),
    "time backwards": ("track", "a.json", track_facts(time_s=LATE), "row 1: time_s"),
    "a frame twice": ("track", "a.json", track_facts(frame=[2, 3, 3, 5, 6]), "row 2: frame"),
    "frames before 0": ("track", "a.json", track_facts(frame=[-1, 0, 1, 2, 3]), "row 0: frame"),
    "parts of frames": ("track", "a.json", track_facts(frame=[0.5, 1, 2, 3, 4]), "frame"),
    "joints far away": ("track", "a.json", track_facts(root_mm=[[1e30] * 3] * 5), "row 0: root_mm"),
    "a camera of text": (
        "track",
        "a.json",
        track_facts(camera=CAMERA | {"focal_px": ["a", "b"]}),
        "focal_px",
    ),
    "half a rotation": (
        "track",
        "a.json",
        track_facts(camera=CAMERA | {"rot_world_to_cam": [[1]]}),
        "rot_world",
    ),
    "true for a format": ("track", "a.json", track_facts(format=True), "format True"),
    "a source of numbers": ("track", "a.json", track_facts(source=5), "source"),
    "frames filled for ever": ("track", "a.json", track_facts(filled_frames=5), "filled_frames"),
    "Latin 1": ("track", "a.csv", b"fr\xe4me", "not a track file"),
    "an array of 4 TB": (
        "track",
        "a.npz",
        npz(NPZ, frame=npy("(10**12,)", "<i8")),
        "declares|malformed|Cannot",
    ),
    "complex joints": ("track", "a.npz", npz(NPZ, joints_mm=npy("(1, 17, 3)", "<c16")), "complex"),
    "a pickle in it": ("track", "a.npz", npz(NPZ, more=npy("(1,)", "|O")), "more.npy"),
    "a pickle for joints": ("track", "a.npz", npz(NPZ, joints_mm=npy("(1,)", "|O")), "object"),
    "infinite joints": (
        "track",
        "a.json",
        track_facts(joints_mm=[[[INFINITY] * 3] * 17] * 5),
        "row 0: joints_mm",
    ),
    "no header": (
        "predictions",
        "predictions.npz",
        npz(CORPUS / "predictions" / "predictions.npz", time_s=npy("(")),
        "predictions",
    ),
    "figures of text": (
        "evaluation",
        "evaluation.json",
        changed_json("evaluation", "evaluation.json", mpjpe_mm="x"),
        "mpjpe_mm",
    ),
    "no figures": ("evaluation", "evaluation.json", b"{}", "is missing"),
    "long figures": (
        "evaluation",
        "evaluation.json",
        b'{"a": ' + b"1" * 5000 + b"}",
        "does not hold",
    ),
    "NaN in a curve": (
        "curve",
        "metrics.csv",
        replaced("curve", "metrics.csv", "120.5", "nan"),
        "learning curve",
    ),
    "a record that is another": ("poses", "a.cdf", cdf_that_misses_its_record, "a record of kind"),
    "many dimensions": ("poses", "a.cdf", cdf_of_many_dimensions, "counts more"),
    "an encoding": (
        "metadata",
        "metadata.xml",
        b"<?xml version='1.0' encoding='foo'?><a/>",
        "metadata|XML",
    ),
    "no length": (
        "capture",
        "a.asf",
        replaced("capture", "a.asf", "length 1.0", "length 0"),
        "damaged skeleton",
    ),
    "a panorama of pixels": (
        "video",
        "a.png",
        picture((60_000, 60_000)),
        "60000 x 60000|cannot be read",
    ),
}


@pytest.fixture
def damaged(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def write(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_file_ends_in_one_sentence(what: str, damaged: Callable[..., Path]) -> None:
    reader, name, content, sentence = DAMAGES[what]
    said = readers.outcome(reader, damaged(name, content() if callable(content) else content))
    assert said.startswith("refused: "), said
    assert name in said and re.search(sentence, said), said
    assert len(said) < 1500


@pytest.mark.parametrize("reader", readers.READERS)
def test_the_corpus_itself_can_be_read(reader: str) -> None:
    for path in sorted((CORPUS / reader).iterdir()):
        assert readers.outcome(reader, path) == "read", path


@pytest.mark.parametrize("reader", readers.READERS)
def test_mutants_are_read_or_refused(reader: str, tmp_path: Path) -> None:
    """A few of what `make fuzz` throws at every reader."""
    random = Random(19)
    seeds = sorted((CORPUS / reader).iterdir())
    for number in range(12):
        one = seeds[number % len(seeds)]
        path = tmp_path / one.name
        path.write_bytes(fuzz.mutant(one.read_bytes(), one.read_bytes(), random))
        said = readers.outcome(reader, path)
        assert not said.startswith("find"), said


@pytest.mark.parametrize("reader", readers.READERS)
def test_what_once_reached_new_code_is_read_or_refused(reader: str, tmp_path: Path) -> None:
    """The corpus that `make fuzz` goes on from."""
    with zipfile.ZipFile(fuzz.KEPT) as kept:
        for name in kept.namelist():
            if name.startswith(f"{reader}/"):
                path = tmp_path / Path(name).parent.name
                path.write_bytes(kept.read(name))
                said = readers.outcome(reader, path)
                assert not said.startswith("find"), (name, said)


def test_the_same_seed_makes_the_same_mutants() -> None:
    one, other = (fuzz.mutant(bytes(range(256)), b"abc", Random(3)) for _ in range(2))
    assert one == other != bytes(range(256))


OF_NAMES = {"cam": "camera", "fcam": "folder_camera", "foldercam": "folder_camera", "cdf": "poses"}
OF_NAMES |= {"ds": "dataset", "evaljson": "evaluation", "tr": "track", "convert": "track"}
OF_NAMES |= {"mocapwalks": "capture", "meta": "metadata", "onnx": "weights", "sh": "shard"}
OF_NAMES |= {"shards": "shard"}


BELIEVED = {"cam_w.json"}
"""Width and height as text say clearly what they are."""


def more_files() -> list[Path]:
    folder = os.environ.get("POSEGRID_DAMAGED", "")
    return sorted(path for path in Path(folder).iterdir() if path.suffix != ".md") if folder else []


@pytest.mark.parametrize("path", more_files(), ids=lambda path: path.name)
def test_more_damaged_files(path: Path) -> None:
    words = path.stem.removeprefix("fuzz_").split("_")
    reader = OF_NAMES.get(words[0], words[0])
    if reader not in readers.READERS:
        pytest.skip(f"no reader called {reader}")
    said = readers.outcome(reader, path)
    assert said.startswith("refused") or (said == "read" and path.name in BELIEVED), said


# --- the ground


def test_arrays_nobody_asked_for_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", one=np.zeros(3), other=np.zeros(3))
    assert list(arrays_of_npz(tmp_path / "a.npz", ["one", "other", "third"])) == ["one", "other"]
    with pytest.raises(ValueError, match="other"):
        arrays_of_npz(tmp_path / "a.npz", ["one"])
    with pytest.raises(ValueError, match="304 bytes, more than 300"):
        arrays_of_npz(tmp_path / "a.npz", ["one", "other"], 300)


def test_yaml_has_plain_values_only() -> None:
    assert from_yaml("a: [1, 2.5, x]") == {"a": [1, 2.5, "x"]}
    for text in ("!!python/object/apply:os.system [ls]", "a: &b 1\nc: *b", "a: !!timestamp foo"):
        with pytest.raises(DAMAGED):
            from_yaml(text)


def test_a_picture_is_measured_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    with opened_picture(tmp_path / "a.png", ("PNG",), 600) as picture:
        assert picture.size == (30, 20)
    with pytest.raises(ValueError, match="30 x 20"), opened_picture(tmp_path / "a.png", None, 599):
        pass


def test_a_page_lives_whatever_its_source_is_called() -> None:
    track = Track.load(CORPUS / "track" / "a.json")
    name = "<!--<script></script>-->"
    page = viewer_page(track.joints_mm, track.root_mm, track.frame, track.time_s, name)
    assert name not in page and "\\u003c!--\\u003cscript>" in page


def test_weights_that_answer_nan_are_refused(tmp_path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(CORPUS / "weights" / "a.onnx")
    for constant in model.graph.initializer:
        values = numpy_helper.to_array(constant)
        if values.dtype == np.float32:
            constant.CopyFrom(numpy_helper.from_array(values * np.nan, constant.name))
    onnx.save(model, tmp_path / "a.onnx")
    said = readers.outcome("weights", tmp_path / "a.onnx")
    assert said.startswith("refused: ") and "pose_mm holds NaN" in said


def test_weights_that_want_all_memory_are_refused(tmp_path: Path) -> None:
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(CORPUS / "weights" / "a.onnx")
    size = numpy_helper.from_array(np.array([2**31]), "size")
    model.graph.initializer.append(size)
    model.graph.node.insert(0, helper.make_node("ConstantOfShape", ["size"], ["much"]))
    model.graph.node.insert(1, helper.make_node("ReduceSum", ["much"], ["sum"]))
    model.graph.output.append(helper.make_tensor_value_info("sum", onnx.TensorProto.FLOAT, None))
    onnx.save(model, tmp_path / "a.onnx")
    said = readers.outcome("weights", tmp_path / "a.onnx")
    assert said.startswith("refused: "), said


def test_nothing_is_raised_but_errors_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\x00")
    with pytest.raises(SourceError):
        Track.load(tmp_path / "a.json")
