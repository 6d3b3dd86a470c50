"""From a form to a running server (rows Q2-Q7): options, job script, spawner, announcement. In the hub process."""
