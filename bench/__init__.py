"""What a start costs, measured on an embedded site beside batchspawner and JupyterHub alone: ``python -m bench``."""
