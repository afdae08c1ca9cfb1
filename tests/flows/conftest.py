"""A world of the rotation, for the whole of it."""

from tests.tasks.ssh.world import services, world

__all__ = ["services", "world"]
