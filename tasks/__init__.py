"""What duties do, away from when and by whom: rooms with one-way doors."""
