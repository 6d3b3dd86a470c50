"""What runs in a page, tried in a browser against a server that the test plays itself."""
