"""TensorBoards inside a user's Jupyter server (rows N2, N4, N5, X3): one for each folder, on unix sockets."""
