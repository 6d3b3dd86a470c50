"""NeuronHub's own thin ``conda`` on py-rattler, for sites that have none. Runs as the user: shells, jobs, terminals."""
