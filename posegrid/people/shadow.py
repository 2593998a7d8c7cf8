"""What of a picture is the empty scene in shadow."""

import numpy as np
from jaxtyping import Bool, Float

SHADOW_LEAST, SHADOW_TOLERANCE = 0.5, 10.0
"""A shadow leaves at least this share of the light, and the same of red and green up to this (of
255).
"""
SHADOW_BLUER = 15.0
"""In a shadow out of doors, which the sky lights, blue falls less than red and green, or rises by
this (of 255).
"""


def in_shadow(
    colour: Float[np.ndarray, "3 *batch"],
    plate: Float[np.ndarray, "3 *batch2"],
    tolerance: float | Float[np.ndarray, "*batch2"],
) -> Bool[np.ndarray, "*batch"]:
    """True where red and green are darker than the scene by the same factor, and blue is not much
    brighter.
    """
    (red, green, blue), (plate_red, plate_green, plate_blue) = colour, plate
    light = (red + green + 2) / (plate_red + plate_green + 2)
    shadow = (light > SHADOW_LEAST) & (light < 1)
    shadow &= np.abs(red - plate_red * light) < tolerance
    shadow &= np.abs(green - plate_green * light) < tolerance
    shadow &= blue > plate_blue * light - tolerance
    shadow &= blue < plate_blue + SHADOW_BLUER
    return shadow
