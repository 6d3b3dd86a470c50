"""IPython clusters started from Jupyter (rows N1, N3, X4, X5), on ipyparallel's own Cluster and launchers."""
