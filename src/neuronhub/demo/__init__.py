"""The embedded site: real munge, Slurm, slapd, proxy and hub as processes of one command."""
