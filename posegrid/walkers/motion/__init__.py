"""How walkers move: paths, gaits made up and captured, feet on the floor, other activities."""
