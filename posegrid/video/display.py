"""How a stored video frame becomes the picture that players show: fields put together, cropped,
colours of HDR brought to those of ordinary video, pixels made square, turned and mirrored.

Turning is left to `Picture`, which does it for the part that is looked at. The rest is done by
FFmpeg's filters, and only where a file asks for it: the frames of ordinary video pass as they are.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av import logging
from av.container import InputContainer
from av.filter import Graph
from av.video.stream import VideoStream

from posegrid.errors import SourceError
from posegrid.video import hdr
from posegrid.video.picture import Picture, Turn

SCALING = "flags=bicubic+accurate_rnd+bitexact"
LARGEST_ASPECT = 8
"""Pixels are taken for square if they are said to be longer than that."""
AS_STORED = Turn()
OBLIQUE = 0.02
"""A display matrix is a quarter turn if the smaller of its parts is at most this share."""


@dataclass(frozen=True)
class Display:
    """What a file says of how its frames are shown; in this order, as players do it."""

    stored_wh: tuple[int, int]
    """Size of a decoded frame, pixels."""
    is_interlaced: bool = False
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Pixels that the container cuts off: left, right, top, bottom."""
    colours: str = ""
    """PQ, HLG, BT.2020, or nothing for ordinary video (`posegrid.video.hdr`)."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel over its height, as the container says, else the stream."""
    turn: Turn = AS_STORED

    @classmethod
    def of_stream(
        cls, path: Path, stream: VideoStream, frame: av.VideoFrame, crop: tuple[int, int, int, int]
    ) -> "Display":
        """What stream and first frame say, and the container's crop (`container_crop`). Raises
        SourceError for a picture that is turned by no quarter turn, or of which nothing is left.

        The frame's side data is asked for: a frame that was asked refers to itself from then on,
        so that its picture stays in memory until Python's garbage collector comes by.
        """
        if crop[0] + crop[1] >= frame.width or crop[2] + crop[3] >= frame.height:
            raise SourceError(
                f"{path}: says that {crop} pixels (left, right, top, bottom) of "
                f"{frame.width} x {frame.height} are cut off, which leaves nothing: it is damaged."
            )
        return cls(
            stored_wh=(frame.width, frame.height),
            is_interlaced=frame.interlaced_frame,
            crop=crop,
            colours=hdr.kind_of(frame.color_trc, frame.color_primaries),
            pixel_aspect=Fraction(
                stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1
            ),
            turn=_turn(path, frame),
        )

    @property
    def _cropped_wh(self) -> tuple[int, int]:
        left, right, top, bottom = self.crop
        return self.stored_wh[0] - left - right, self.stored_wh[1] - top - bottom

    @property
    def _square_wh(self) -> tuple[int, int]:
        """Size with square pixels: the width follows, as in players."""
        width, height = self._cropped_wh
        aspect = self.pixel_aspect if self._is_aspect_likely else 1
        return max(1, round(width * aspect)), height

    @property
    def _is_aspect_likely(self) -> bool:
        return Fraction(1, LARGEST_ASPECT) <= self.pixel_aspect <= LARGEST_ASPECT

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the picture as shown, pixels."""
        width, height = self._square_wh
        return (height, width) if self.turn.swaps_sides else (width, height)

    @property
    def is_plain(self) -> bool:
        """Whether a decoded frame needs nothing but turning."""
        same_shape = self._square_wh == self.stored_wh
        return same_shape and not (self.is_interlaced or any(self.crop) or self.colours)

    def filters(self, table: Path) -> list[tuple[str, str]]:
        """FFmpeg's filters and their settings that make a decoded frame one of `_square_wh`.

        table: a file of `hdr.write_table`, for those of `colours`.
        """
        chosen = []
        if self.is_interlaced:
            chosen.append(("bwdif", "mode=send_frame:deint=interlaced"))
        if any(self.crop):
            (width, height), (left, _, top, _) = self._cropped_wh, self.crop
            chosen.append(("crop", f"{width}:{height}:{left}:{top}:exact=1"))
        if self.colours:
            chosen += [
                ("scale", SCALING),
                ("format", "gbrp10le"),
                ("lut3d", f"file='{table.as_posix()}':interp=tetrahedral"),
                ("setparams", "color_primaries=bt709:color_trc=bt709"),
                ("scale", f"out_color_matrix=bt709:out_range=tv:{SCALING}"),
                ("format", "yuv420p"),
            ]
        if self._square_wh != self._cropped_wh:
            chosen.append(("scale", f"{self._square_wh[0]}:{self._square_wh[1]}:{SCALING}"))
        return chosen

    def notes(self) -> list[str]:
        """Lines that say what is done to the frames, but for turning."""
        notes = []
        if self.is_interlaced:
            notes.append("interlaced: each frame's two fields are made one picture")
        if any(self.crop):
            notes.append(
                "cropped from {} x {} to {} x {} px".format(*self.stored_wh, *self._cropped_wh)
            )
        if self.colours:
            notes.append(f"colours of {self.colours} are brought to those of ordinary video")
        if self._square_wh != self._cropped_wh:
            notes.append(
                f"pixels {self.pixel_aspect.numerator}:{self.pixel_aspect.denominator} wide: "
                f"{self._cropped_wh[0]} x {self._cropped_wh[1]} px are shown, and counted, as "
                f"{self._square_wh[0]} x {self._square_wh[1]}"
            )
        if not self._is_aspect_likely:
            notes.append(
                f"pixels are said to be {float(self.pixel_aspect):g} times as wide as high: taken for square"
            )
        return notes


class Shower:
    """Passes one stream's frames through the filters that its display asks for: as many pictures
    come out, in order, some a frame late.
    """

    def __init__(self, path: Path, display: Display) -> None:
        self._path, self._display = path, display
        self._graph: Graph | None = None
        self._number = 0

    def shown(self, frame: av.VideoFrame | None) -> list[Picture]:
        """The pictures that a frame brings out; None, at the end, those that still wait.

        Raises SourceError for a frame of another size than the first.
        """
        if frame is None:
            return [] if self._graph is None else self._filtered(None)
        if (frame.width, frame.height) != self._display.stored_wh:
            width, height = self._display.stored_wh
            raise SourceError(
                f"{self._path}: frame {self._number} is {frame.width} x {frame.height}, the first "
                f"{width} x {height}; expected frames of one size. Convert the video with any video tool."
            )
        self._number += 1
        if self._display.is_plain:
            return [Picture(frame, self._display.turn)]
        if self._graph is None:
            self._graph = self._configured(frame)
        return self._filtered(frame)

    def alone(self, frame: av.VideoFrame) -> Picture:
        """The picture of one frame, whose neighbours in time play no part in it."""
        if not self._display.is_interlaced:
            return self.shown(frame)[0]
        # Fields of frames far apart in time do not belong together.
        shower = Shower(self._path, self._display)
        return [*shower.shown(frame), *shower.shown(None)][0]

    def _configured(self, frame: av.VideoFrame) -> Graph:
        graph = Graph()
        source = (
            f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/1000"
            f":pixel_aspect=1/1:colorspace={int(frame.colorspace)}:range={int(frame.color_range)}"
        )
        with TemporaryDirectory() as folder:
            table = Path(folder) / "table.cube"
            if self._display.colours:
                hdr.write_table(table, self._display.colours)
            steps = self._display.filters(table)
            names = [("buffer", source), *steps, ("buffersink", "")]
            graph.link_nodes(*(graph.add(name, settings) for name, settings in names)).configure()
        return graph

    def _filtered(self, frame: av.VideoFrame | None) -> list[Picture]:
        assert self._graph is not None
        self._graph.vpush(frame)
        pictures = []
        while True:
            try:
                pictures.append(Picture(self._graph.vpull(), self._display.turn))
            except (BlockingIOError, EOFError):
                return pictures


def _turn(path: Path, frame: av.VideoFrame) -> Turn:
    """How the frame's display matrix says that the picture is turned."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return AS_STORED
    matrix = np.frombuffer(bytes(data), dtype=np.int32).reshape(3, 3)[:2, :2].astype(float)
    straight = np.abs(np.diag(matrix)).sum(), np.abs(np.diag(matrix[::-1])).sum()
    if min(straight) > OBLIQUE * max(straight) or max(straight) == 0:
        angle = np.degrees(np.arctan2(matrix[0, 1], matrix[0, 0]))
        raise SourceError(
            f"{path}: says that its picture is turned by {angle:.0f} degrees; expected quarter "
            "turns. Turn it upright with any video tool."
        )
    return Turn.of_matrix(matrix)


def container_crop(container: InputContainer, stream: VideoStream) -> tuple[int, int, int, int]:
    """What the container cuts off (QuickTime's clean aperture, Matroska's PixelCrop): left, right,
    top, bottom.

    PyAV hands this out in FFmpeg's description of the file only, which is logged. To be asked before
    anything is decoded: a decoder's thread that logs meanwhile would wait for Python, and Python
    for the thread when the decoder is given up.
    """
    level = logging.get_level()
    logging.set_level(logging.INFO)
    try:
        described = container.dumps_format()  # type: ignore[attr-defined]
    finally:
        logging.set_level(level)
    parts = re.split(r"^\s*Stream #\d+:(\d+)", described, flags=re.MULTILINE)
    own = dict(zip(parts[1::2], parts[2::2], strict=True)).get(str(stream.index), "")
    found = re.search(r"Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)", own)
    return tuple(int(side) for side in found.groups()) if found else (0, 0, 0, 0)  # type: ignore[return-value]
