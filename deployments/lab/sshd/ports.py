"""Ports of the lab that stay free while nobody listens on them."""

import secrets
import socket
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from deployments.background import LabError
from deployments.lab.sshd.layout import ADDRESS

LOWEST, TRIES = 15_000, 100
OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port(taken: Collection[int]) -> int:
    """Return a loopback port that no outgoing connection is ever given.

    So a stopped server finds its own again, and who calls it meanwhile is not connected with himself.
    """
    first = int(OUTGOING.read_text().split()[0])
    for _ in range(TRIES):
        port = LOWEST + secrets.randbelow(max(first - LOWEST, 1))
        with socket.socket() as probe, suppress(OSError):
            probe.bind((ADDRESS, port))
            if port not in taken:
                return port
    raise LabError("no free port")
