"""Pictures are as players show them: pixels made square, cropped, turned and mirrored whatever the
order, fields put together, HDR in ordinary video's colours; keypoints count shown pixels.
"""

from fractions import Fraction
from pathlib import Path

import av
import av.filter
import numpy as np
import pytest
from av.codec.context import Flags
from video.films import (
    BLUE,
    GREEN,
    GREY,
    RED,
    add_film,
    corners,
    hdr_frame,
    quarters,
    stored_frame,
    with_clean_aperture,
    write_film,
    write_frames,
)

from posegrid.errors import SourceError
from posegrid.video.video import probe, read_frames, read_spread

ONE = 1 << 16
AS_STORED = (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)
QUARTER = (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30)
"""A telephone held upright: a quarter turn clockwise."""
HALF = (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30)
MIRRORED = (-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)
TURNED = {
    AS_STORED: [RED, GREEN, BLUE, GREY],
    QUARTER: [BLUE, RED, GREY, GREEN],
    HALF: [GREY, BLUE, GREEN, RED],
    MIRRORED: [GREEN, RED, GREY, BLUE],
}


def first(path: Path) -> np.ndarray:
    return next(read_frames(path)).image


@pytest.mark.parametrize(
    ("ending", "codec"),
    [("mp4", "libx264"), ("mkv", "libx264"), ("mov", "mjpeg"), ("mkv", "mpeg4")],
)
@pytest.mark.parametrize(
    ("aspect", "width"),
    [(Fraction(4, 3), 85), (Fraction(16, 11), 93), (Fraction(8, 9), 57), (Fraction(1), 64)],
)
def test_pixels_are_made_square(tmp_path, ending, codec, aspect, width):
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_film(
        tmp_path / f"a.{ending}", [quarters()], aspect=aspect, codec=codec, pixel_format=pixels
    )
    facts, image = probe(path), first(path)
    assert facts.size_wh == (width, 48) == image.shape[1::-1]
    assert corners(image) == TURNED[AS_STORED]
    edge = np.flatnonzero(np.abs(np.diff(image[12, :, 0].astype(int))) > 40)
    assert edge.mean() == pytest.approx(width / 2 - 1, abs=1.5), "the seam stays in the middle"
    assert ("are shown, and counted" in " ".join(facts.notes)) == (aspect != 1)


@pytest.mark.parametrize("matrix", [QUARTER, HALF, MIRRORED])
@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(3, 4)])
def test_pixels_are_square_before_they_are_turned(tmp_path, matrix, aspect):
    path = write_film(tmp_path / "a.mp4", [quarters()], aspect=aspect, matrix=matrix)
    width = round(64 * aspect)
    size_wh = (48, width) if matrix is QUARTER else (width, 48)
    image = first(path)
    assert probe(path).size_wh == size_wh == image.shape[1::-1] and corners(image) == TURNED[matrix]


def test_the_containers_shape_goes_before_the_streams(tmp_path):
    path = write_film(tmp_path / "a.mp4", [quarters()], aspect=Fraction(4, 3))
    data = path.read_bytes()
    place = data.index(b"pasp") + 4
    changed = data[:place] + (2).to_bytes(4) + (1).to_bytes(4) + data[place + 8 :]
    path.write_bytes(changed)
    assert probe(path).size_wh == (128, 48)


def test_an_absurd_shape_is_not_believed_and_said(tmp_path):
    path = write_film(tmp_path / "a.mp4", [quarters()], aspect=Fraction(40, 1))
    assert probe(path).size_wh == (64, 48)
    assert "pixels are said to be 40 times as wide as high" in probe(path).notes[0]


@pytest.mark.parametrize("matrix", [AS_STORED, QUARTER, HALF, MIRRORED])
@pytest.mark.parametrize("aspect", [Fraction(1), Fraction(3, 2)])
def test_a_crop_comes_before_shape_and_turn(tmp_path, matrix, aspect):
    """Of 64 x 48 the left 8, right 16, upper 6, lower 12 are no part of the picture: a white rim
    there must vanish.
    """
    image = np.full((48, 64, 3), 255, np.uint8)
    image[6:36, 8:48] = quarters(40, 30)
    path = write_film(tmp_path / "a.mp4", [image], aspect=aspect, matrix=matrix)
    path = with_clean_aperture(path, (8, 16, 6, 12))
    shown, width = first(path), round(40 * aspect)
    size_wh = (30, width) if matrix is QUARTER else (width, 30)
    assert probe(path).size_wh == size_wh == shown.shape[1::-1] and corners(shown) == TURNED[matrix]
    assert (
        shown[1:-1, 1:-1].max() < 240 and "cropped from 64 x 48 to 40 x 30" in probe(path).notes[0]
    )


def test_the_codecs_own_crop_is_heeded(tmp_path):
    """H.264 stores whole blocks of 16: 50 lines are 64 of which the lower 14 are no picture."""
    path = write_film(tmp_path / "a.mp4", [quarters(60, 50)])
    assert probe(path).size_wh == (60, 50) and not probe(path).notes


@pytest.mark.parametrize("degrees", [30, 45, 135])
def test_a_picture_that_is_turned_askew_is_refused(tmp_path, degrees):
    cosine, sine = (round(ONE * f(np.radians(degrees))) for f in (np.cos, np.sin))
    path = write_film(
        tmp_path / "a.mp4", [quarters()], matrix=(cosine, sine, 0, -sine, cosine, 0, 0, 0, 1 << 30)
    )
    for reading in (probe, first):
        with pytest.raises(SourceError, match=f"turned by {degrees} degrees; expected quarter"):
            reading(path)


def test_a_picture_that_is_cut_off_whole_is_refused(tmp_path):
    path = with_clean_aperture(write_film(tmp_path / "a.mp4", [quarters()]), (8, 16, 6, 12))
    as_wide_as_all = path.read_bytes().replace(
        b"clap" + (40).to_bytes(4), b"clap" + (64).to_bytes(4)
    )
    path.write_bytes(as_wide_as_all)
    with pytest.raises(SourceError, match="cut off, which leaves nothing"):
        probe(path)


PATCHES = np.zeros((16, 160, 3), np.uint8)
for _place, _colour in enumerate(
    [*((v, v, v) for v in (20, 60, 120, 180, 235)), RED, GREEN, BLUE, (150, 100, 80), (60, 80, 40)]
):
    PATCHES[:, 16 * _place : 16 * _place + 16] = _colour


def write_hdr(path: Path, transfer: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = add_film(container, (160, 16), "ffv1", "yuv444p10le")
        frame = hdr_frame(PATCHES, transfer)
        context = stream.codec_context
        context.colorspace, context.color_range = frame.colorspace, frame.color_range
        context.color_primaries, context.color_trc = frame.color_primaries, frame.color_trc
        for number in range(3):
            frame = hdr_frame(PATCHES, transfer)
            frame.pts, frame.time_base = number, context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("transfer", "within", "untouched"), [("HLG", 12, 60), ("PQ", 20, 80), ("2020", 12, 20)]
)
def test_colours_of_hdr_are_those_of_ordinary_video(tmp_path, transfer, within, untouched):
    """White is drawn down a little, to leave room for what is brighter. Taken for ordinary video,
    colours would be off by `untouched`.
    """
    path = write_hdr(tmp_path / "a.mkv", transfer)
    frames = list(read_frames(path))
    wanted = PATCHES[8, 8::16].astype(int)
    for frame in frames:
        assert np.abs(frame.image[8, 8::16] - wanted).max() <= within
        whole = frame.picture.reduced_rgb((0, 0, 160, 16), 16)[:, 0].T
        assert np.abs(whole - wanted).max() <= within
    assert [frame.time_s for frame in frames] == [0, 0.04, 0.08]
    raw = hdr_frame(PATCHES, transfer).to_ndarray(format="rgb24")[8, 8::16]
    assert np.abs(raw - wanted).max() >= untouched, "the test can fail"
    assert f"{transfer} are brought to" in probe(path).notes[0]


def bars(at: int) -> np.ndarray:
    """A white bar 8 pixels wide on grey."""
    image = np.full((48, 64, 3), 90, np.uint8)
    image[:, at : at + 8] = 230
    return image


def write_interlaced(path: Path, codec: str, count: int = 8) -> Path:
    """A bar that moves by 2 pixels per field: upper lines hold the first field."""
    options = {"x264-params": "interlaced=1:tff=1"} if codec == "libx264" else {}
    with av.open(str(path), "w") as container:
        stream = add_film(
            container, (64, 48), codec, "yuv422p" if codec == "ffv1" else "yuv420p", **options
        )
        stream.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        for number in range(count):
            image = bars(4 * number)
            image[1::2] = bars(4 * number + 2)[1::2]
            frame = upper_first(stored_frame(image, stream.pix_fmt))
            frame.pts, frame.time_base = number, stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def upper_first(frame: av.VideoFrame) -> av.VideoFrame:
    """The frame, said to hold two fields."""
    graph = av.filter.Graph()
    source = f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/25"
    names = [("buffer", source), ("setfield", "tff"), ("buffersink", "")]
    graph.link_nodes(*(graph.add(*name) for name in names)).configure()
    graph.vpush(frame)
    return graph.vpull()


@pytest.mark.parametrize(
    ("ending", "codec"), [("mp4", "libx264"), ("mkv", "libx264"), ("ts", "mpeg2video")]
)
def test_two_fields_become_one_picture(tmp_path, ending, codec):
    path = write_interlaced(tmp_path / f"a.{ending}", codec)
    assert "interlaced" in probe(path).notes[0]
    frames = list(read_frames(path))
    assert len(frames) == 8 and np.diff([frame.time_s for frame in frames]) == pytest.approx(0.04)
    for number, frame in enumerate(frames):
        lines = frame.image[..., 0].astype(int)
        comb = np.abs(2 * lines[1:-1] - lines[:-2] - lines[2:])[4:-4]
        assert comb.mean() < 6, "stored, the lines of the bar's edges are off by turns"
        if 0 < number < 7:
            centre = np.flatnonzero(lines[24] > 160).mean()
            assert centre == pytest.approx(4 * number + 3.5, abs=1.6), "the first field's time"
    stored = bars(20)
    stored[1::2] = bars(22)[1::2]
    lines = stored[..., 0].astype(int)
    assert np.abs(2 * lines[1:-1] - lines[:-2] - lines[2:]).mean() > 12, "the test can fail"


def test_glances_at_interlaced_video_do_not_mix_times(tmp_path):
    path = write_interlaced(tmp_path / "a.mp4", "libx264", 12)
    for picture in read_spread(path, 4):
        bright = np.flatnonzero(picture.rgb()[24, :, 0] > 160)
        assert bright.size and np.ptp(bright) < 14, "one bar, not those of two times"


def test_ordinary_frames_pass_as_they_were_decoded(tmp_path):
    path = write_film(tmp_path / "a.mp4", [quarters()] * 3)
    assert not probe(path).notes
    with av.open(str(path)) as container:
        decoded = [frame.to_ndarray() for frame in container.decode(video=0)]
    read = [frame.picture.frame.to_ndarray() for frame in read_frames(path)]
    assert all((a == b).all() for a, b in zip(decoded, read, strict=True))


def test_a_frame_of_another_size_stops_it(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = add_film(container, (64, 48), "mjpeg", "yuvj420p")
        write_frames(container, stream, [quarters()] * 2)
    other = tmp_path / "b.mkv"
    with av.open(str(other), "w") as container:
        stream = add_film(container, (32, 48), "mjpeg", "yuvj420p")
        write_frames(container, stream, [quarters(32)] * 2)
    mixed = tmp_path / "c.mkv"
    with av.open(str(mixed), "w") as container, av.open(str(path)) as a, av.open(str(other)) as b:
        stream = container.add_stream_from_template(a.streams.video[0])
        for number, (source, _) in enumerate([(a, 0), (b, 0)]):
            for packet in source.demux(source.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    packet.pts = packet.dts = packet.dts + 80 * number
                    container.mux(packet)
    with pytest.raises(SourceError, match="frame 2 is 32 x 48, the first 64 x 48"):
        list(read_frames(mixed))
