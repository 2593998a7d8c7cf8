"""One clip stored in many ways must give one Track: how far each is from the clip
stored without loss.

    python scripts/prove_sources.py WALK.mp4 OUT [--boxes] [KIND ...]

WALK: a fixed camera, one person who walks by, whole. Prints a table (docs/sources.md): mm a joint,
mm in place, px, and whether the frames' times are the same. `--boxes`: where the person is found in
the first film is told for all of them, so that what is compared is reading, not finding.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from video.films import (  # noqa: E402
    MATRICES,
    add_film,
    hdr_frame,
    stored_frame,
    with_clean_aperture,
    write_film,
    write_frames,
)

from posegrid.body.track import Track  # noqa: E402
from posegrid.results.predict import predict  # noqa: E402
from posegrid.results.predict_settings import PredictSettings  # noqa: E402
from posegrid.video.video import probe, read_frames  # noqa: E402

ONE = 1 << 16
Pictures = list[np.ndarray]
Film = tuple[Path, dict[str, Any], list[int]]
"""A file, settings of `predict`, and which of the clip's frames are in it."""


def main() -> int:
    """Write the films, predict each, and print how far they are from the first."""
    clip, out, *kinds = (word for word in sys.argv[1:] if word != "--boxes")
    pictures = [frame.image for frame in read_frames(Path(clip))]
    pictures = [p[: p.shape[0] // 4 * 4, : p.shape[1] // 8 * 8] for p in pictures]
    rate = probe(Path(clip)).fps
    Path(out).mkdir(parents=True, exist_ok=True)
    reference: Track | None = None
    boxes: np.ndarray | None = None
    print(
        "| film | joints mm | place mm | keypoints px | found | times |\n|---|---|---|---|---|---|"
    )
    for name, make in FILMS.items():
        if kinds and name not in ("ffv1 in mkv", *kinds):
            continue
        path, settings, rows = make(pictures, rate, Path(out))
        usual = PredictSettings(path, out=Path(out) / name, overlay=False, overwrite=True)
        if reference is None and "--boxes" in sys.argv:
            boxes = _boxes(predict(usual))
        if boxes is not None:
            settings = {**settings, "boxes": told(Path(out) / "boxes.csv", boxes[rows])}
        track = predict(replace(usual, **settings))
        reference = reference or track
        print(_row(name, difference(reference, track, rows)), flush=True)
    return 0


def _boxes(track: Track) -> np.ndarray:
    """(N, 4) in pixels, round the joints of every frame, and a tenth more."""
    low, high = track.keypoints_px.min(axis=1), track.keypoints_px.max(axis=1)
    room = 0.1 * (high - low).max(axis=1, keepdims=True)
    return np.concatenate([low - room, high + room], axis=1)


def told(path: Path, boxes: np.ndarray) -> Path:
    """A file of boxes as `--boxes` takes it, of the frames that are in the film."""
    lines = [f"{n},{','.join(f'{v:.2f}' for v in box)}" for n, box in enumerate(boxes)]
    path.write_text("\n".join(["frame,x0,y0,x1,y1", *lines]) + "\n")
    return path


@dataclass(frozen=True)
class Difference:
    """How far a Track is from that of the same frames of the first film, in the mean."""

    joints_mm: float
    place_mm: float
    keypoints_px: float
    found: float
    late_s: float
    """The worst of the frames' times, counted from the first."""


def difference(reference: Track, track: Track, rows: list[int]) -> Difference:
    """rows: which of the reference's frames the Track has."""
    rows = rows[: len(track)]
    both = reference.found[rows] & track.found
    off = [
        float(
            np.linalg.norm(getattr(track, name) - getattr(reference, name)[rows], axis=-1)[
                both
            ].mean()
        )
        for name in ("joints_mm", "root_mm", "keypoints_px")
    ]
    begin_s = track.time_s[0] - reference.time_s[rows[0]]
    late_s = np.abs(track.time_s - begin_s - reference.time_s[rows]).max()
    return Difference(*off, float(track.found.mean()), float(late_s))


def _row(name: str, off: Difference) -> str:
    times = "same" if off.late_s < 0.002 else f"off by {off.late_s:.3f} s"
    return (
        f"| {name} | {off.joints_mm:.1f} | {off.place_mm:.1f} | {off.keypoints_px:.2f} | "
        f"{off.found:.0%} | {times} |"
    )


def _film(**options: object) -> Callable[[Pictures, Fraction, Path], Film]:
    """The clip with options of `write_film`, stored as they say."""

    def made(pictures: Pictures, rate: Fraction, out: Path) -> Film:
        change = options.get("change", lambda picture: picture)
        path = out / f"film.{options.get('ending', 'mp4')}"
        kept = {k: v for k, v in options.items() if k not in ("change", "ending")}
        images = [np.ascontiguousarray(change(picture)) for picture in pictures]
        write_film(path, images, rate=rate, crf="12", **kept)
        return path, {}, [*range(len(pictures))]

    return made


def _cropped(pictures: Pictures, rate: Fraction, out: Path) -> Film:
    """A rim of noise round the picture, which the container cuts off."""
    rng = np.random.default_rng(0)
    height, width = pictures[0].shape[:2]
    images = []
    for picture in pictures:
        image = rng.integers(0, 255, (height + 32, width + 64, 3)).astype(np.uint8)
        image[8 : 8 + height, 48 : 48 + width] = picture
        images.append(image)
    path = write_film(out / "film.mp4", images, rate=rate, crf="8")
    return with_clean_aperture(path, (48, 16, 8, 24)), {}, [*range(len(pictures))]


def _narrow(picture: np.ndarray, share: Fraction = Fraction(3, 4)) -> np.ndarray:
    height, width = picture.shape[:2]
    return np.asarray(
        Image.fromarray(picture).resize((int(width * share), height), Image.Resampling.BICUBIC)
    )


def _dropped(
    ending: str, codec: str, pixels: str, **quality: str
) -> Callable[[Pictures, Fraction, Path], Film]:
    """Some frames are missing; the others keep their times."""

    def made(pictures: Pictures, rate: Fraction, out: Path) -> Film:
        kept = [n for n in range(len(pictures)) if n % 7 != 3 and n % 11 != 5]
        path = out / f"film.{ending}"
        images = [pictures[n] for n in kept]
        how = {"rate": rate, "codec": codec, "pixel_format": pixels, **quality}
        write_film(path, images, places=kept, **how)
        return path, {}, kept

    return made


def _slow(pictures: Pictures, rate: Fraction, out: Path) -> Film:
    path = write_film(out / "film.mp4", pictures, rate=rate / 4, crf="12")
    return path, {"capture_fps": float(rate)}, [*range(len(pictures))]


def _numbered(pictures: Pictures, rate: Fraction, out: Path) -> Film:
    kept = [n for n in range(len(pictures)) if not 40 < n < 50]
    folder = out / "numbered"
    folder.mkdir(exist_ok=True)
    for n in kept:
        Image.fromarray(pictures[n]).save(folder / f"f_{n:04d}.jpg", quality=95)
    return folder, {"fps": float(rate)}, kept


def _preview(pictures: Pictures, rate: Fraction, out: Path) -> Film:
    path = out / "film.mkv"
    small = [np.ascontiguousarray(picture[::8, ::8]) for picture in pictures]
    with av.open(str(path), "w") as container:
        streams = [
            add_film(container, i[0].shape[1::-1], rate=rate, crf="12") for i in (small, pictures)
        ]
        for stream, images in zip(streams, (small, pictures), strict=True):
            write_frames(container, stream, images)
    return path, {}, [*range(len(pictures))]


def _tagged(
    codec: str,
    pixels: str,
    tags: tuple[int, int, int, int],
    make: Callable[[np.ndarray], av.VideoFrame],
) -> Callable[[Pictures, Fraction, Path], Film]:
    """Frames made by hand, in a stream with numbers for matrix, primaries, transfer and range."""

    def made(pictures: Pictures, rate: Fraction, out: Path) -> Film:
        path = out / "film.mkv"
        with av.open(str(path), "w") as container:
            stream = add_film(container, pictures[0].shape[1::-1], codec, pixels, rate)
            context = stream.codec_context
            context.colorspace, context.color_primaries = tags[:2]
            context.color_trc, context.color_range = tags[2:]
            for number, picture in enumerate(pictures):
                frame = make(picture)
                frame.pts, frame.time_base = number, context.time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path, {}, [*range(len(pictures))]

    return made


def _matrix(name: str, *, full: bool = False) -> Callable[[Pictures, Fraction, Path], Film]:
    number = MATRICES[name][0]
    return _tagged(
        "ffv1", "yuv420p", (number, 1, 1, 2 if full else 1),
        lambda picture: stored_frame(picture, "yuv420p", full=full, matrix=name),
    )  # fmt: skip


QUARTER = (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30)

FILMS: dict[str, Callable[[Pictures, Fraction, Path], Film]] = {
    "ffv1 in mkv": _film(ending="mkv", codec="ffv1"),
    "h264": _film(),
    "mpeg4 in mov": _film(ending="mov", codec="mpeg4", qmin="2", qmax="2"),
    "vp9 in webm": _film(ending="webm", codec="libvpx-vp9", deadline="realtime", **{"b:v": "6M"}),
    "turned": _film(change=np.rot90, matrix=QUARTER),
    "mirrored": _film(
        change=lambda picture: picture[:, ::-1], matrix=(-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)
    ),
    "aspect 4:3": _film(change=_narrow, aspect=Fraction(4, 3)),
    "turned, aspect 2:1": _film(
        change=lambda picture: _narrow(np.rot90(picture), Fraction(1, 2)),
        aspect=Fraction(2),
        matrix=QUARTER,
    ),
    "cropped": _cropped,
    "dropped frames, avi": _dropped("avi", "mjpeg", "yuvj420p", qmin="2", qmax="2"),
    "dropped frames, mp4": _dropped("mp4", "libx264", "yuv420p", crf="12"),
    "slow motion": _slow,
    "numbered pictures": _numbered,
    "after a preview": _preview,
    "BT.709": _matrix("709"),
    "full range": _matrix("601", full=True),
    "HLG": _tagged("ffv1", "yuv444p10le", (9, 9, 18, 1), lambda p: hdr_frame(p, "HLG")),
    "PQ": _tagged("ffv1", "yuv444p10le", (9, 9, 16, 1), lambda p: hdr_frame(p, "PQ")),
    "grey": _tagged("ffv1", "gray", (2, 2, 2, 2), lambda p: stored_frame(p, "gray", full=True)),
}


if __name__ == "__main__":
    sys.exit(main())
