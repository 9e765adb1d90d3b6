"""Training: budget, optimizer, loop, checkpoints, several processes. Knows no task and no file format."""
