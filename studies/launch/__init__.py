"""Where runs go on: this machine or Slurm, and which are under way."""
