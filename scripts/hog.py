"""Poses from histograms of oriented gradients, the way of before 2015: the nearest training crops,
or kernel ridge.

Ionescu et al. (PAMI 2014) regress Human3.6M's poses from such features with approximate kernels;
here the kernel is a Gaussian, approximated by Nystroem's method. Without torch.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float, UInt8
from scipy.spatial.distance import cdist

CELL_PX, ORIENTATIONS = 16, 9
CLIP = 0.2
BATCH = 256


def hog(images: UInt8[np.ndarray, "n size size"]) -> Float[np.ndarray, "n features"]:
    """Histograms of oriented gradients (Dalal & Triggs, CVPR 2005), float32, of grey crops.

    Cells of 16 px, 9 directions without sign, each gradient shared by the two nearest; blocks of 2
    x 2 cells, normalised to length one, clipped at 0.2, normalised again.
    """
    parts = [_hog(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class NearestNeighbours:
    """The mean answer of the training crops whose features are nearest."""

    features: Float[np.ndarray, "m features"]
    answers: Float[np.ndarray, "m outputs"]
    count: int

    def predict(self, features: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n outputs"]:
        """Answers for other features."""
        parts = [features[start : start + BATCH] for start in range(0, len(features), BATCH)]
        return np.concatenate([self._nearest(part) for part in parts])

    @property
    def parameters(self) -> int:
        """Numbers that it keeps."""
        return self.features.size + self.answers.size

    @property
    def multiply_adds(self) -> int:
        """Of one crop, without the features themselves."""
        return self.features.size

    def _nearest(self, features: np.ndarray) -> np.ndarray:
        distance = (self.features**2).sum(axis=1) - 2 * features @ self.features.T
        return self.answers[
            np.argpartition(distance, self.count - 1, axis=1)[:, : self.count]
        ].mean(axis=1)


@dataclass(frozen=True, eq=False)
class KernelRidge:
    """Ridge regression on a Gaussian kernel exp(-gamma |x - l|^2) round landmarks l."""

    landmarks: Float[np.ndarray, "m features"]
    weights: Float[np.ndarray, "m outputs"]
    mean: Float[np.ndarray, "outputs"]
    gamma: float

    @classmethod
    def fitted(
        cls,
        features: Float[np.ndarray, "n features"],
        answers: Float[np.ndarray, "n outputs"],
        landmarks: Float[np.ndarray, "m features"],
        gamma: float,
        ridges: tuple[float, ...],
    ) -> list["KernelRidge"]:
        """One for each ridge: least squared error over all crops + ridge x n x squared norm, after
        Nystroem.
        """
        mean = answers.mean(axis=0)
        square, right = (
            np.zeros((len(landmarks),) * 2),
            np.zeros((len(landmarks), answers.shape[1])),
        )
        for start in range(0, len(features), 8 * BATCH):
            rows = slice(start, start + 8 * BATCH)
            kernel = gaussian(features[rows], landmarks, gamma)
            square += kernel.T @ kernel
            right += kernel.T @ (answers[rows] - mean)
        own = gaussian(landmarks, landmarks, gamma)
        jitter = 1e-6 * len(features) * np.eye(len(landmarks))
        systems = (square + ridge * len(features) * own + jitter for ridge in ridges)
        return [
            cls(landmarks, _solved(system, right), mean.astype(np.float32), gamma)
            for system in systems
        ]

    def predict(self, features: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n outputs"]:
        """Answers for other features."""
        return gaussian(features, self.landmarks, self.gamma) @ self.weights + self.mean

    @property
    def parameters(self) -> int:
        """Numbers that it keeps."""
        return self.landmarks.size + self.weights.size + self.mean.size

    @property
    def multiply_adds(self) -> int:
        """Of one crop, without the features themselves."""
        return self.landmarks.size + self.weights.size


def gaussian(
    rows: Float[np.ndarray, "n features"], landmarks: Float[np.ndarray, "m features"], gamma: float
) -> Float[np.ndarray, "n m"]:
    """exp(-gamma |x - l|^2) of each row and landmark, in double precision: less leaves the ridge
    nothing to solve.
    """
    rows, landmarks = rows.astype(np.float64), landmarks.astype(np.float64)
    squares = (rows**2).sum(axis=1)[:, None] + (landmarks**2).sum(axis=1) - 2 * rows @ landmarks.T
    return np.exp(-gamma * np.maximum(squares, 0))


def usual_gamma(features: Float[np.ndarray, "n features"]) -> float:
    """One over the median squared distance of two crops: the kernel's usual scale."""
    some = features[:: max(1, len(features) // 500)]
    return float(1 / np.median(cdist(some, some, "sqeuclidean")[~np.eye(len(some), dtype=bool)]))


def _solved(system: np.ndarray, right: np.ndarray) -> np.ndarray:
    return scipy.linalg.solve(system, right, assume_a="pos").astype(np.float32)


def _hog(images: np.ndarray) -> np.ndarray:
    grey = images.astype(np.float32) / 255
    down, across = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(across, down)
    place = np.mod(np.arctan2(down, across), np.pi) * (ORIENTATIONS / np.pi)
    count, cells = len(images), images.shape[-1] // CELL_PX
    histogram = np.zeros((count, cells, cells, ORIENTATIONS), np.float32)
    for number in range(ORIENTATIONS):
        off = np.abs(place - number)
        share = strength * np.maximum(0, 1 - np.minimum(off, ORIENTATIONS - off))
        histogram[..., number] = share.reshape(count, cells, CELL_PX, cells, CELL_PX).sum(
            axis=(2, 4)
        )
    corners = [histogram[:, y : cells - 1 + y, x : cells - 1 + x] for y in (0, 1) for x in (0, 1)]
    blocks = _normalised(np.concatenate(corners, axis=-1))
    return _normalised(np.minimum(blocks, CLIP)).reshape(count, -1)


def _normalised(blocks: np.ndarray) -> np.ndarray:
    return blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1e-4)
