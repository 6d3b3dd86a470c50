"""Pages of the hub: templates, static files, translations. Runs in the hub process."""
