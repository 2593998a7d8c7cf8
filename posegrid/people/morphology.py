"""What a pixel's neighbours make of it: masks grown and shrunk, means, medians and maxima of small
squares.

Numpy and Pillow do what is needed of scipy's `ndimage`, at these reaches in less time; the tests
compare the two.

Connected parts of a mask, found by runs: the unbroken stretches of True in the mask's rows.

Runs of neighbouring rows that touch belong to one part. Numpy alone, as fast as scipy's
`ndimage.label`, whose 140 MB the core does without; the tests compare the two.
"""

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image, ImageFilter


def opened(mask: Bool[np.ndarray, "h w"], reach: int) -> Bool[np.ndarray, "h w"]:
    """The mask without what is narrower than 2 reach + 1 pixels."""
    return grown(~grown(~mask, reach), reach)


def closed(mask: Bool[np.ndarray, "h w"], reach: int) -> Bool[np.ndarray, "h w"]:
    """The mask with gaps of up to 2 reach pixels closed."""
    padded = np.pad(mask, reach, mode="edge")
    return ~grown(~grown(padded, reach), reach)[reach:-reach, reach:-reach]


def grown(mask: Bool[np.ndarray, "h w"], reach: int) -> Bool[np.ndarray, "h w"]:
    """The mask grown by `reach` pixels each way, diagonals too (a square brush).

    Shifting and joining whole arrays takes a twentieth of the time of scipy's dilation at these
    reaches.
    """
    return largest_around(mask, reach)


def largest_around(values: np.ndarray, reach: int = 1) -> np.ndarray:
    """The largest of the values up to `reach` away along each axis, diagonals too; True is larger
    than False.
    """
    for axis in range(values.ndim):
        source, values = values, values.copy()
        for shift in range(1, reach + 1):
            for here, there in _beside(values, source, axis, shift):
                np.maximum(here, there, out=here)
    return values


def softened(values: Float[np.ndarray, "*size"]) -> Float[np.ndarray, "*size"]:
    """Half of each value and a quarter of each of its two neighbours, along one axis after the
    other; 0 outside.
    """
    for axis in range(values.ndim):
        source, values = values, 0.5 * values
        for here, there in _beside(values, source, axis, 1):
            here += 0.25 * there
    return values


def evened(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Means of 3 x 3 values; at the border the nearest ones count again."""
    padded = np.pad(values, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / np.float32(9)


def medians(channel: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Medians of 5 x 5 values; beyond its border the picture is mirrored."""
    padded = Image.fromarray(np.pad(channel, 2, mode="symmetric"))
    return np.asarray(padded.filter(ImageFilter.MedianFilter(5)))[2:-2, 2:-2]


def _beside(
    target: np.ndarray, source: np.ndarray, axis: int, shift: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Views of both, such that the target's value lies on the source's value `shift` before it,
    then after it.
    """
    low: list[slice] = [slice(None)] * target.ndim
    high = low.copy()
    low[axis], high[axis] = slice(None, -shift), slice(shift, None)
    first, last = tuple(low), tuple(high)
    return [(target[last], source[first]), (target[first], source[last])]


def labelled(
    mask: Bool[np.ndarray, "h w"], *, diagonals: bool = False
) -> tuple[Int[np.ndarray, "h w"], int]:
    """The number of each pixel's connected part, and how many parts there are.

    Parts count from 1 in the order of their first pixels, row by row; 0 is where the mask is False.
    Pixels are joined by an edge, with `diagonals` also by a corner.
    """
    width = mask.shape[1] + 1  # a column of False ends every row's last run
    flat = np.zeros(mask.shape[0] * width + 1, dtype=bool)
    flat[1:].reshape(-1, width)[:, :-1] = mask
    starts, stops = _runs(flat)
    root = _roots(*_touching(starts, stops, width, int(diagonals)), len(starts))
    first = root == np.arange(len(root))
    steps = np.zeros(len(flat), dtype=np.int32)
    steps[starts] = number = np.cumsum(first, dtype=np.int32)[root]
    steps[stops] -= number
    labels = np.cumsum(steps, dtype=np.int32)[:-1].reshape(-1, width)[:, :-1]
    return labels, int(first.sum())


def largest_filled(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The largest part (pixels joined by an edge or a corner), its holes filled; of equal parts the
    first.

    A hole is background that cannot reach the picture's edge by steps across pixel edges. All is
    done on the runs and the gaps between them: no number is written to any pixel.
    """
    width = mask.shape[1] + 2
    flat = np.zeros((mask.shape[0] + 2) * width + 1, dtype=bool)
    inner = flat[1:].reshape(-1, width)[1:-1, 1:-1]
    inner[:] = mask
    starts, stops = _runs(flat)
    if not len(starts):
        return inner
    root = _roots(*_touching(starts, stops, width, 1), len(starts))
    kept = root == np.bincount(root, weights=stops - starts).argmax()
    starts, stops = starts[kept], stops[kept]
    begins, ends = np.append(0, stops), np.append(starts, len(flat) - 1)
    outside = _roots(*_touching(begins, ends, width, 0), len(begins)) == 0
    begins, ends = begins[outside], ends[outside]
    flat[:] = True
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        flat[begin + 1 : end + 1] = False
    return inner


def _runs(flat: Bool[np.ndarray, "n"]) -> tuple[Int[np.ndarray, "runs"], Int[np.ndarray, "runs"]]:
    """Where the stretches of True start and stop, counted from the second element on; the first and
    last are False.
    """
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return changes[::2], changes[1::2]


def _touching(
    starts: np.ndarray, stops: np.ndarray, width: int, reach: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of runs, by index, that touch: one each of two neighbouring rows."""
    low = np.searchsorted(stops, starts + width - reach, side="right")
    high = np.searchsorted(starts, stops + width + reach, side="left")
    count = np.maximum(high - low, 0)
    upper = np.repeat(np.arange(len(starts)), count)
    lower = np.arange(len(upper)) + np.repeat(low - (np.cumsum(count) - count), count)
    return upper, lower


def _roots(first: np.ndarray, second: np.ndarray, count: int) -> Int[np.ndarray, "n"]:
    """The smallest index in each one's part, where first and second are joined; in rounds that hook
    tree to tree.
    """
    root = np.arange(count)
    while len(first):
        a, b = root[first], root[second]
        apart = a != b
        first, second, a, b = first[apart], second[apart], a[apart], b[apart]
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(above := root[root], root):
            root = above
    return root


def boxes_of(labels: Int[np.ndarray, "h w"], count: int) -> Int[np.ndarray, "n 4"]:
    """Boxes (x0, y0, x1, y1), half open, of the parts 1 to count."""
    rows, columns = np.divmod(np.flatnonzero(labels), labels.shape[1])
    part = labels[rows, columns] - 1
    low, high = np.full((count, 2), max(labels.shape)), np.zeros((count, 2), dtype=np.intp)
    for axis, values in enumerate((columns, rows)):
        np.minimum.at(low[:, axis], part, values)
        np.maximum.at(high[:, axis], part, values + 1)
    return np.concatenate([low, high], axis=1)
