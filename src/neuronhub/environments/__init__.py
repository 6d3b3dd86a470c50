"""Python environments: the site's base, and each user's own ``notebook`` environment (rows P1, P4, E1-E5)."""
