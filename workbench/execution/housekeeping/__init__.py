"""What is left of runs: those of killed processes are recovered, old ones are deleted."""
