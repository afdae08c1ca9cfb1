"""What the rotation reads and writes: stored keys, files of authorized keys."""
