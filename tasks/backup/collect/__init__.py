"""Reads the world for the restore test: the bucket, the archive, the restored database."""
