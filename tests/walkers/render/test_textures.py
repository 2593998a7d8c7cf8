"""Textures have the statistics of natural pictures."""

import numpy as np

from posegrid.walkers.render.textures import fractal, leaves


def test_fractal_noise_is_as_strong_in_one_octave_as_in_the_next() -> None:
    field = np.mean(
        [
            np.abs(np.fft.fft2(fractal(np.random.default_rng(seed), (128, 128), 64))) ** 2
            for seed in range(8)
        ],
        axis=0,
    )
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
    octaves = [
        field[(frequency >= low) & (frequency < 2 * low)].sum() for low in (1 / 32, 1 / 16, 1 / 8)
    ]
    assert max(octaves) / min(octaves) < 3


def test_leaves_show_the_palette() -> None:
    palette = np.array([[0.01, 0.01, 0.01], [0.6, 0.6, 0.6]], np.float32)
    painted = leaves(np.random.default_rng(0), (60, 80), palette, 20.0, boxes=0.5)
    assert painted.shape == (60, 80, 3) and painted.std() > 0.1
