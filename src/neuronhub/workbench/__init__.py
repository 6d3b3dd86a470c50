"""What runs inside each user's Jupyter server process, on a compute node, from the site's base environment."""
