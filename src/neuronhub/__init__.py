"""NeuronHub: a JupyterHub distribution for Slurm supercomputers."""

__version__ = "0.1.0"
