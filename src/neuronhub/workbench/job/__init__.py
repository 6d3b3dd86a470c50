"""The job that a Jupyter server runs in: how long it has left, and what it uses of what it was given."""
