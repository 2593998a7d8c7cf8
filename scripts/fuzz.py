"""Throw damaged files at every reader, guided by coverage. Needs `pip install atheris`; Linux.

    python scripts/fuzz.py --inputs 1000000 --seed 1

Inputs grow from a sound file for each reader (tests/corpus), and from those that reached new code
before (tests/corpus/kept.zip). libFuzzer keeps what reaches new code of posegrid, PyYAML or cdflib;
half of the accidents are its own, half of `mutant`. scripts/readers.py says what a find is. The end
of the process is one, too, and so is a file that Python writes outside the reader's folder. Finds
are kept in the folder of --finds; the exit code is 1 if there are any. `--keep` makes kept.zip anew
from what reached new code, with files of at most 8 kB.
"""

import argparse
import importlib.util
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from random import Random

CORPUS = Path(__file__).parents[1] / "tests" / "corpus"
KEPT, MOST_KEPT = CORPUS / "kept.zip", 8192
INSTRUMENTED = ["posegrid", "yaml", "cdflib"]
RAM = "/dev/shm" if os.path.isdir("/dev/shm") else None
MOST_ENDS = 20
"""Of the process, for a file, before no other one is started."""
TRIED, READ, FINDS = range(3)
WORDS = [b"NaN", b"1e999", b"-1", b"0", b"null", b"[]", b"{}", b'""', b"true", b"9" * 30]
WORDS += [b"&a [*a]", b"[" * 2000, b"\xff\xfe", b"\x00" * 8, b"\xff" * 8, b"\x7f\xff\xff\xff"]
WORDS += [b"1e-300", b"<", b"\r\n", b",", b'"', b"..", b"/"]


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


def fuzz(file: Path, runs: int, seed: int, units: Path, counts: list[int]) -> None:
    """Try inputs in place of a sound file, in a process that ends with them. `units`: the folder of
    those to begin with, and of those that reach new code.
    """
    import atheris

    reader, folder = file.parent.name, Path(tempfile.gettempdir())
    os.dup2(os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    with atheris.instrument_imports(include=INSTRUMENTED):
        import readers

        readers.outcome(reader, file)
    readers.forbid_writing_outside(folder)
    path, whole, kinds = folder / file.name, file.read_bytes(), set[str]()

    def one(data: bytes) -> None:
        path.write_bytes(data)
        counts[TRIED] += 1
        said = readers.outcome(reader, path)
        counts[READ] += said == "read"
        if said.startswith("find") and (kind := said.split(": ")[1]) not in kinds:
            kinds.add(kind)
            counts[FINDS] += 1
            os.write(1, f"{reader}: {said}\n".encode())
            shutil.copy(path, folder / f"find_{counts[FINDS]}_{file.name}")

    def change(data: bytes, most: int, number: int) -> bytes:
        random = Random(number)
        if random.random() < 0.5:
            return atheris.Mutate(data, most)
        return mutant(data, whole, random)[:most]

    flags = {"runs": runs, "seed": seed, "max_len": max(4096, 2 * len(whole)), "timeout": 600}
    flags |= {
        "rss_limit_mb": 0,
        "report_slow_units": 600,
        "artifact_prefix": f"{folder}/end_",
        "close_fd_mask": 0,
    }
    options = [f"-{name}={value}" for name, value in flags.items()]
    atheris.Setup([file.name, *options, str(units)], one, custom_mutator=change)
    atheris.Fuzz()


def fuzzed(file: Path, inputs: int, seed: int, units: Path, finds: Path) -> list[int]:
    """How many inputs were tried in place of a sound file, how many of them read, and finds."""
    counts = multiprocessing.get_context("fork").Array("q", 3, lock=False)
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(dir=RAM) as folder:
        tempfile.tempdir = folder
        for start in range(MOST_ENDS):
            rest = inputs - counts[TRIED]
            arguments = (file, rest, seed + 1000 * start, units, counts)
            process = multiprocessing.get_context("fork").Process(target=fuzz, args=arguments)
            process.start()
            process.join()
            if process.exitcode:
                counts[FINDS] += 1
                last = (Path(folder) / "log").read_text(errors="replace")[-1500:]
                print(f"{file.parent.name}: find: the process ended: {last}", flush=True)
            if process.exitcode == 0 or counts[TRIED] >= inputs:
                break
        for kind in ("find", "end"):
            for found in Path(folder).glob(f"{kind}_*"):
                finds.mkdir(parents=True, exist_ok=True)
                shutil.copy(found, finds / f"{file.parent.name}_{found.name}")
    tempfile.tempdir = before
    return list(counts)


def unpack(kept: Path, folder: Path) -> None:
    """The files of kept.zip, in folders of readers and of sound files."""
    if kept.is_file():
        with zipfile.ZipFile(kept) as file:
            file.extractall(folder)


def pack(folder: Path, kept: Path) -> None:
    """What of a folder is small, into kept.zip: the same bytes for the same files."""
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.stat().st_size <= MOST_KEPT:
                info = zipfile.ZipInfo(str(path.relative_to(folder)))
                file.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)


def main() -> int:
    """Exit code 1 if there are finds."""
    readers = sorted(path.name for path in CORPUS.iterdir() if path.is_dir())
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=100_000, help="of all readers together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=readers, nargs="*", default=readers)
    parser.add_argument("--finds", type=Path, default=Path("runs/fuzz"))
    parser.add_argument("--keep", action="store_true")
    settings = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        parser.error("needs atheris: `make fuzz` installs it, or `pip install atheris` (Linux)")
    print(
        "| reader | inputs | read | reached new code | finds | seconds |\n|---" + "|---:" * 5 + "|"
    )
    total = 0
    with tempfile.TemporaryDirectory(dir=RAM) as folder:
        unpack(KEPT, Path(folder))
        for reader in settings.only:
            files, start = sorted((CORPUS / reader).iterdir()), time.monotonic()
            share = -(-settings.inputs // (len(settings.only) * len(files)))
            rows, units = [], Path(folder) / reader
            for file in files:
                (units / file.name).mkdir(parents=True, exist_ok=True)
                shutil.copy(file, units / file.name / "sound")
                of = (file, share, settings.seed, units / file.name, settings.finds)
                rows.append(fuzzed(*of))
            tried, read, finds = map(sum, zip(*rows, strict=True))
            num_units = sum(path.is_file() for path in units.rglob("*"))
            row = f"| {reader} | {tried:,} | {read:,} | {num_units:,} | {finds} |"
            print(f"{row} {time.monotonic() - start:.0f} |", flush=True)
            total += finds
            if settings.keep:
                pack(Path(folder), KEPT)
    return min(total, 1)


if __name__ == "__main__":
    sys.exit(main())
