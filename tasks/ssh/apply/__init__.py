"""Changes the world for the rotation: files of keys, stages of secrets."""
