"""posegrid: ordinary video of a walking person to 3D motion in millimetres, on a CPU."""

__version__ = "0.1.0"
