"""The site's base environments: built, checked, activated, pruned (``neuronhub base``)."""
