"""Throw damaged files at every reader: mutants of a small corpus, made from a seed.

    python scripts/fuzz.py --seconds 180

A reader may answer or raise an error of posegrid's. Anything else is a find: another exception, more
than 10 seconds, or more than 1 GB of memory. Finds are kept in the folder of --finds, named after
reader and kind; the exit code is 1 if there are any. The corpus is tests/corpus, a file or folder
for each reader; `--only NAME` asks one reader.
"""

import argparse
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from random import Random

import pyarrow

from posegrid.errors import PosegridError

MOST_SECONDS, MOST_BYTES = 10, 2**30
CORPUS = Path(__file__).parents[1] / "tests" / "corpus"
WORDS = [b"NaN", b"1e999", b"-1", b"0", b"null", b"[]", b"{}", b'""', b"true", b"9" * 30]
WORDS += [b"&a [*a]", b"[" * 2000, b"\xff\xfe", b"\x00" * 8, b"\xff" * 8, b"\x7f\xff\xff\xff"]
WORDS += [b"1e-300", b"<", b"\r\n", b",", b'"', b"..", b"/"]

Reader = Callable[[Path], object]
"""Reads a file that lies in an otherwise empty folder, which it may write to."""


def read_boxes(path: Path) -> object:
    from posegrid.video.boxes import load_boxes

    return load_boxes(path)


def read_camera(path: Path) -> object:
    from posegrid.datasets.camera_files import load_camera

    return load_camera(path, Path("walk.54138969.mp4"), (1000, 1000))


def read_folder_camera(path: Path) -> object:
    from posegrid.datasets.folder import load_camera

    return load_camera(path)


def read_folder_poses(path: Path) -> object:
    from posegrid.datasets.folder import load_poses

    return load_poses(path)


def read_split(path: Path) -> object:
    from posegrid.datasets.folder import load_split

    return load_split(path)


def read_dataset(path: Path) -> object:
    from posegrid.datasets.dataset_facts import load_dataset_facts
    from posegrid.datasets.stored_crops import read_crops

    (path.parent / "dataset.json").write_bytes(path.read_bytes())
    facts = load_dataset_facts(path.parent)
    return read_crops(path.parent, facts.subjects_of("train"))


def read_shard(path: Path) -> object:
    from posegrid.datasets.dataset_facts import write_dataset_facts
    from posegrid.datasets.shards import load_shard_facts
    from posegrid.datasets.stored_crops import read_crops

    facts = load_shard_facts(path)
    write_dataset_facts(path.parent, facts)
    return read_crops(path.parent)


def read_track(path: Path) -> object:
    from posegrid.motion.motion_track import MotionTrack
    from posegrid.results.convert import NOTES, write_track_file

    track = MotionTrack.load(path)
    for ending in NOTES:
        with _refusals():
            write_track_file(track, path.parent / "out", "a", ending)
    with _refusals():
        track.refined()
    with _refusals():
        track.gait().save(path.parent / "out" / "gait.json")
    return track


def read_edits(path: Path) -> object:
    from dataclasses import replace

    from posegrid.body.track import Track
    from posegrid.motion.edits import Edits, edited, fingerprint

    edits, track = Edits.load(path), Track.load(CORPUS / "track" / "a.npz")
    tracks = dict.fromkeys(edits.fingerprints, track)
    return edited(tracks, replace(edits, fingerprints=dict.fromkeys(tracks, fingerprint(track))))


def read_predictions(path: Path) -> object:
    from posegrid.results.predictions import Predictions
    from posegrid.results.scores import scores

    return scores(Predictions.load(path))


def read_evaluation(path: Path) -> object:
    from posegrid.results import run_page
    from posegrid.results.curves import load_figures
    from posegrid.results.run_parts import Parts
    from posegrid.results.tables import comparison_markdown

    figures = load_figures(path)
    with _refusals():
        comparison_markdown(figures)
    nothing = dict.fromkeys(("pretrain", "train", "scratch", "predictions", "data", "weights"))
    parts = Parts(path.parent, figures=figures, **nothing)
    return (run_page.tiles(parts), run_page.subtitle(parts), run_page.closing_section(parts))


def read_curve(path: Path) -> object:
    from posegrid.results.curves import load_curve

    return load_curve(path, "a")


def read_poses(path: Path) -> object:
    from posegrid.datasets.human36m.release_files import read_pose_cdf

    return read_pose_cdf(path, 3)


def read_masks(path: Path) -> object:
    from posegrid.datasets.human36m.release_files import opened_masks

    with opened_masks(path) as masks:
        return [masks.mask(index) for index in range(min(len(masks), 50))]


def read_annotation(path: Path) -> object:
    from posegrid.datasets.mpi_inf_3dhp.annotations import read_test_annotation

    return read_test_annotation(path)


def read_calibration(path: Path) -> object:
    from posegrid.datasets.mpi_inf_3dhp.annotations import read_calibration as read

    return read(path, "4")


def read_metadata(path: Path) -> object:
    from posegrid.datasets.human36m.metadata import load_metadata

    metadata = load_metadata(path)
    return metadata.camera(metadata.subjects[0], metadata.camera_ids[0], (1000, 1000))


def read_capture(path: Path) -> object:
    from posegrid.walkers.motion.acclaim import load_motion_capture

    skeleton, motion = CORPUS / "capture" / "a.asf", CORPUS / "capture" / "a_1.amc"
    pair = (path, motion) if path.suffix == ".asf" else (skeleton, path)
    return load_motion_capture(*pair)


def read_weights(path: Path) -> object:
    import numpy as np

    from posegrid.results.models import load_model

    model = load_model(path)
    size = model.facts.image_size
    channels = model.facts.channels
    shape = (2, size, size) if channels == 1 else (2, channels, size, size)
    return model.estimate(np.zeros(shape, np.uint8))


def read_video(path: Path) -> object:
    from posegrid.video.footage import open_footage

    return sum(1 for _ in open_footage(path).frames())


def read_cut_outs(path: Path) -> object:
    from posegrid.walkers.scenes.cut_out_files import load_cut_outs

    return load_cut_outs(path)


def read_answers(path: Path) -> object:
    """With sums that fit: they would tell of every accident."""
    from posegrid.people.finder import find_people
    from posegrid.results.answers import HEAD, Answers

    line, _, blocks = path.read_bytes().partition(b"\n")
    if len(blocks) >= HEAD.size:
        mark, rows, said, _ = HEAD.unpack_from(blocks)
        at, call = HEAD.size, line.split(b" ")[-1].decode("latin-1")
        head = HEAD.pack(mark, rows, said, zlib.crc32(blocks[at : at + rows + said]))
        path.write_bytes(line + b"\n" + head + blocks[at:])
        with closing(Answers(path, call)) as answers:
            answers.recalled(find_people(lambda _: []))
    return len(blocks)


READERS: dict[str, Reader] = {
    "boxes": read_boxes,
    "camera": read_camera,
    "folder_camera": read_folder_camera,
    "folder_poses": read_folder_poses,
    "split": read_split,
    "dataset": read_dataset,
    "shard": read_shard,
    "track": read_track,
    "edits": read_edits,
    "predictions": read_predictions,
    "evaluation": read_evaluation,
    "curve": read_curve,
    "poses": read_poses,
    "masks": read_masks,
    "annotation": read_annotation,
    "calibration": read_calibration,
    "metadata": read_metadata,
    "capture": read_capture,
    "weights": read_weights,
    "video": read_video,
    "cut_outs": read_cut_outs,
    "answers": read_answers,
}


@contextmanager
def _refusals() -> Iterator[None]:
    """What a sound file may be refused for by what comes later."""
    with suppress(PosegridError):
        yield


class TookTooLong(BaseException):
    """Past every `except Exception`."""


def _late(*_: object) -> None:
    raise TookTooLong


@contextmanager
def bounded() -> Iterator[None]:
    """At most 10 seconds of work, and 1 GB of memory more than there is now, for the block.

    Arrow's pool reserves 1 GB when it is first asked: it is asked before. Else what ran before
    would say whether a sound shard can be read.
    """
    pyarrow.allocate_buffer(2**16)
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (pages * resource.getpagesize() + MOST_BYTES, hard))
    before = signal.signal(signal.SIGPROF, _late)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def outcome(reader: str, file: Path) -> str:
    """ "read", "refused: ...", or "find: ..." with what went wrong."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(shutil.copy(file, folder))
        _companions(reader, path)
        try:
            with bounded(), redirect_stdout(StringIO()):
                READERS[reader](path)
        except PosegridError as error:
            return f"refused: {error}"
        except TookTooLong:
            return f"find: more than {MOST_SECONDS} s"
        except MemoryError:
            return "find: more memory than 1 GB"
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            return f"find: {type(error).__name__} at {where}: {error}"
    return "read"


def _companions(reader: str, path: Path) -> None:
    """What lies beside a file that cannot be read alone."""
    if reader == "dataset":
        for shard in (CORPUS / "shard").glob("*.parquet"):
            shutil.copy(shard, path.parent)


def mutant(content: bytes, other: bytes, random: Random) -> bytes:
    """The content after one to four accidents."""
    data = bytearray(content)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data) + 1)
        match random.randrange(8):
            case 0:
                data[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                del data[at : at + random.randint(1, 64)]
            case 2:
                data[at:at] = data[at : at + random.randint(1, 64)]
            case 3:
                data[at : at + random.randint(0, 8)] = random.choice(WORDS)
            case 4:
                start = random.randrange(len(other) + 1)
                data[at : at + 16] = other[start : start + random.randint(1, 32)]
            case 5:
                del data[at:]
            case 6 if at < len(data):
                data[at] ^= 1 << random.randrange(8)
            case _:
                _change_number(data, random)
    return bytes(data)


def _change_number(data: bytearray, random: Random) -> None:
    """Another number in the place of one that is written in digits, if there are any."""
    digits = [i for i, byte in enumerate(data[:20000]) if 48 <= byte <= 57]
    if digits:
        at = random.choice(digits)
        end = at
        while end < len(data) and 48 <= data[end] <= 57:
            end += 1
        numbers = (b"-1", b"0", b"1e308", b"4294967296", b"18446744073709551616", b"NaN", b"7")
        data[at:end] = random.choice(numbers)


def fuzz(reader: str, seconds: float, seed: int, finds: Path) -> tuple[int, int, set[str]]:
    """How many mutants were tried and how many of them read, and the kinds of finds."""
    random = Random(zlib.crc32(f"{reader}{seed}".encode()))
    seeds = sorted(path for path in (CORPUS / reader).iterdir() if path.is_file())
    tried, read, kinds = 0, 0, set[str]()
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            one, other = random.choice(seeds), random.choice(seeds)
            path = Path(folder) / one.name
            path.write_bytes(mutant(one.read_bytes(), other.read_bytes(), random))
            said = outcome(reader, path)
            tried, read = tried + 1, read + (said == "read")
            if said.startswith("find") and (kind := said.split(": ")[1]) not in kinds:
                kinds.add(kind)
                finds.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, finds / f"{reader}_{tried}_{one.name}")
                print(f"{reader}: {said}", flush=True)
    return tried, read, kinds


def main() -> int:
    """Exit code 1 if there are finds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=180, help="of all readers together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=READERS, nargs="*", default=list(READERS))
    parser.add_argument("--finds", type=Path, default=Path("runs/fuzz"))
    settings = parser.parse_args()
    print("| reader | inputs | read | finds |\n|---|---:|---:|---:|")
    total = 0
    for reader in settings.only:
        share = settings.seconds / len(settings.only)
        tried, read, kinds = fuzz(reader, share, settings.seed, settings.finds)
        total += len(kinds)
        print(f"| {reader} | {tried:,} | {read:,} | {len(kinds)} |", flush=True)
    return min(total, 1)


if __name__ == "__main__":
    sys.exit(main())
