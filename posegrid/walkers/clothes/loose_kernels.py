"""The compiled loop of loose parts: turning bones off the limbs they must not enter."""

import math

from numba import njit


@njit(cache=True, error_model="numpy", nogil=True)
def turn_off_rods(ways, heads, shares, starts, ends, pushes, nearest, rounds):
    """Turn bones (n, 3; from their heads (n, 3) to their tips; changed in place, lengths kept) off
    rods.

    starts and ends (R, 3): the rods; pushes (R, n, 3): unit vectors across them; nearest (R, S, n):
    how near the points at `shares` (S,) of a bone's length may come to a rod, along its push.
    """
    for i in range(ways.shape[0]):
        x, y, z = ways[i, 0], ways[i, 1], ways[i, 2]
        length = math.sqrt(x * x + y * y + z * z)
        for _ in range(rounds):
            for k in range(starts.shape[0]):
                ax, ay = ends[k, 0] - starts[k, 0], ends[k, 1] - starts[k, 1]
                az = ends[k, 2] - starts[k, 2]
                squared = ax * ax + ay * ay + az * az
                px, py, pz = pushes[k, i, 0], pushes[k, i, 1], pushes[k, i, 2]
                for s in range(shares.shape[0]):
                    share, radius = shares[s], nearest[k, s, i]
                    ox = heads[i, 0] + share * x - starts[k, 0]
                    oy = heads[i, 1] + share * y - starts[k, 1]
                    oz = heads[i, 2] + share * z - starts[k, 2]
                    place = min(max((ox * ax + oy * ay + oz * az) / squared, 0.0), 1.0)
                    ox, oy, oz = ox - place * ax, oy - place * ay, oz - place * az
                    ahead = ox * px + oy * py + oz * pz
                    room = radius * radius - (ox * ox + oy * oy + oz * oz - ahead * ahead)
                    if room <= 0:
                        continue
                    # a short step: turning is no straight way
                    step = min(max(math.sqrt(room) - ahead, 0.0) / share, 0.3 * length)
                    x, y, z = x + step * px, y + step * py, z + step * pz
            scale = length / max(math.sqrt(x * x + y * y + z * z), 1e-6)
            x, y, z = x * scale, y * scale, z * scale
        ways[i, 0], ways[i, 1], ways[i, 2] = x, y, z
