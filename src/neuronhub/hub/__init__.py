"""The hub process: JupyterHub, configured from the site file, with NeuronHub's rooms plugged in."""
