"""SSH: servers known by pinned keys, asked about keys, logged in to; files of keys replaced there."""

from tasks.adapters.ssh.client import Connection, Endpoint, ServerFacts, connect
from tasks.adapters.ssh.errors import Answer, HostKey, SshAnswer, unreachable
from tasks.adapters.ssh.keys import new_key, public_line
from tasks.adapters.ssh.sessions import NO_EXIT_CODE, Completed

__all__ = [
    "NO_EXIT_CODE",
    "Answer",
    "Completed",
    "Connection",
    "Endpoint",
    "HostKey",
    "ServerFacts",
    "SshAnswer",
    "connect",
    "new_key",
    "public_line",
    "unreachable",
]
