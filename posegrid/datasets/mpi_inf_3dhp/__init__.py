"""MPI-INF-3DHP, training and test. Mehta et al., 3DV 2017."""
