"""A world of the rotation, for its parts."""

from tests.tasks.ssh.world import services, world

__all__ = ["services", "world"]
