"""What environments cost: NeuronHub's two kinds beside uv, a copied tree and venv with pip, on one embedded site."""
