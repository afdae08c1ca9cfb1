"""Reads the world for the rotation: stored keys, what servers answer, files of keys."""
