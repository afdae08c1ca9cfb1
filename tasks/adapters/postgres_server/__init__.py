"""A PostgreSQL server of one's own: found on the machine, started in a guarded folder, gone with it."""

from tasks.adapters.postgres_server.binaries import Binaries, NoBinaries, Source, TooOld, find_binaries
from tasks.adapters.postgres_server.cluster import Cluster, cluster
from tasks.adapters.postgres_server.programs import Account, Completed, Launcher, ProgramFailed, StartFailed, TimedOut

__all__ = [
    "Account",
    "Binaries",
    "Cluster",
    "Completed",
    "Launcher",
    "NoBinaries",
    "ProgramFailed",
    "Source",
    "StartFailed",
    "TimedOut",
    "TooOld",
    "cluster",
    "find_binaries",
]
