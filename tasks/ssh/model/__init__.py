"""The words of the rotation: keys, targets, what was seen, what is planned, what came of it."""
