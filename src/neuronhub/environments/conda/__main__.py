"""``python -I -m neuronhub.environments.conda``: how the shell function runs it, whatever PYTHONPATH says."""

from neuronhub.environments.conda.cli import main

main()
