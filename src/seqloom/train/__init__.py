"""Training: budget, optimizer, loop, checkpoints, processes. Knows no task, no file format."""
