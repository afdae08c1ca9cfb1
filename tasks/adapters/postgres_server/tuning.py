"""Settings of a throwaway server: what may be lost is not protected, and what could quote a person is not logged."""

from collections.abc import Mapping
from types import MappingProxyType

from tasks.adapters.guardian import memory_left

MEGABYTE = 1024 * 1024

# What is lost with the machine may be lost. fsync off is the large gain; a caller may change any of these.
FAST: Mapping[str, str] = MappingProxyType(
    {
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "autovacuum": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "1d",
        "max_locks_per_transaction": "1024",  # pg_dump locks every table at once
    }
)
# Shares of the memory at hand, with the least and the most that is of use (MiB).
SHARES: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {"shared_buffers": (16, 128, 1024), "maintenance_work_mem": (32, 64, 512)}
)
# What no caller may change. Already the first line of an ERROR can quote a value, so nothing below FATAL is logged.
SAFE: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "dynamic_shared_memory_type": "mmap",  # inside the data directory, so that it goes with the folder
        "restart_after_crash": "off",
        "jit": "off",  # an unpacked package comes without its compiler
        "logging_collector": "off",
        "log_destination": "stderr",
        "log_line_prefix": "%e|",
        "log_min_messages": "fatal",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_parameter_max_length_on_error": "0",
        "lc_messages": "C",
    }
)


def settings(options: Mapping[str, str]) -> dict[str, str]:
    """Return a server's settings: FAST, its shares of this machine's memory, `options`, SAFE; the later wins."""
    memory = memory_left() // MEGABYTE
    shares = {name: f"{min(most, max(least, memory // part))}MB" for name, (part, least, most) in SHARES.items()}
    return {**FAST, **shares, **options, **SAFE}
