"""A local conda channel made of wheels and of a CPython, for sites that reach none (``neuronhub base channel``)."""
