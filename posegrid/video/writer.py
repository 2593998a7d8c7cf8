"""Writing a video, with exact times."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from jaxtyping import UInt8

from posegrid.errors import OutputError
from posegrid.files import completed
from posegrid.video.container import file_url, reason

BT709 = 1
"""FFmpeg's number for the colours of high-definition video."""


class VideoWriter:
    """Writes an H.264 video (mp4, yuv420p), frame by frame; the file appears under its name when
    all is well.

        with VideoWriter(path, fps=50, size_wh=(1000, 1002)) as video:
            video.write(image)

    An odd width or height is made even by repeating the last column or row, since the format has no
    odd sizes. Leaving the block by an exception removes the unfinished file. Raises OutputError
    where it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        fps: float | Fraction,
        size_wh: tuple[int, int],
        quality: int = 23,
        *,
        key_every: int | None = None,
        preset: str = "veryfast",
    ) -> None:
        """`fps` in frames per second; `quality` is x264's rate factor, 0 (best) to 51 (worst);
        `key_every`: of a video that is jumped about in, at most so many frames from a key frame to
        the next, all stored in the order in which they are shown. Browsers seek by that order: of
        others they show the key frame where the frame before it was asked for.
        `preset`: x264's; a quicker one makes larger files.
        """
        self.path = Path(path)
        self.fps = Fraction(fps).limit_denominator(1001)
        self.size_wh = size_wh
        self.quality = quality
        self.key_every = key_every
        self.preset = preset
        self.num_frames = 0
        if self.fps <= 0 or min(size_wh) < 1 or not 0 <= quality <= 51:
            raise OutputError(
                f"{path}: cannot write a video of {size_wh[0]} x {size_wh[1]} px at {float(fps):g} frames/s, "
                f"quality {quality}; sizes and rate must be positive, quality 0 to 51."
            )
        self._last_tick = -1
        # Clock ticks per frame: the clock counts frames exactly, and other times to 0.1 ms.
        self._ticks = -(-10_000 // self.fps.numerator) * self.fps.denominator

    def __enter__(self) -> "VideoWriter":
        with self._output_errors(), ExitStack() as stack:
            part = stack.enter_context(completed(self.path))
            self._container = av.open(
                file_url(part), "w", format="mp4", options={"movflags": "+faststart"}
            )
            self._stream = self._added_stream()
            self._cleanup = stack.pop_all()
        return self

    def _added_stream(self) -> VideoStream:
        options = {"crf": str(self.quality), "preset": self.preset}
        if self.key_every is not None:
            options |= {"g": str(self.key_every), "bf": "0"}
        # The same pictures make the same bytes. With x264's macroblock tree the last block differs
        # from call to call (core 165, docs/reliability.md); and bytes follow from the threads.
        options["x264-params"] = "mbtree=0"
        stream = self._container.add_stream("libx264", rate=self.fps, options=options)
        stream.width, stream.height = (side + side % 2 for side in self.size_wh)
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_type, context.thread_count = "FRAME", 2
        context.time_base = 1 / (self.fps * self._ticks)
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = ColorRange.MPEG
        return stream

    def write(self, image: UInt8[np.ndarray, "H W 3"], time_s: float | None = None) -> None:
        """Append a picture (RGB), shown at `time_s` seconds, or one frame after the last if no time
        is given.
        """
        width, height = self.size_wh
        if image.shape != (height, width, 3):
            raise OutputError(
                f"{self.path}: frame {self.num_frames} has the shape {image.shape}, expected {(height, width, 3)}."
            )
        tick = self._tick(time_s)
        if height % 2 or width % 2:
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = frame.reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        frame.pts, frame.time_base = tick, self._stream.codec_context.time_base
        with self._output_errors():
            self._container.mux(self._stream.encode(frame))
        self._last_tick = tick
        self.num_frames += 1

    def _tick(self, time_s: float | None) -> int:
        if time_s is None:
            return self._last_tick + self._ticks if self.num_frames else 0
        tick = round(time_s * float(self.fps) * self._ticks)
        if tick <= self._last_tick:
            raise OutputError(
                f"{self.path}: frame {self.num_frames} at {time_s} s does not come after the one before."
            )
        return tick

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error is not None:
            with suppress(FFmpegError, OSError):
                self._container.close()
            self._cleanup.__exit__(kind, error, at)
            return
        with self._output_errors(), self._cleanup:
            if self.num_frames == 0:
                self._container.close()
                raise OutputError(f"{self.path}: no frame was written, so there is no video.")
            self._container.mux(self._stream.encode(None))
            self._container.close()

    @contextmanager
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except (FFmpegError, OSError) as error:
            raise OutputError(
                f"{self.path}: the video cannot be written: {reason(error)}."
            ) from error
