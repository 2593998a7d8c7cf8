"""Where sequences come from: the Human3.6M release, rendered walkers, own video."""
