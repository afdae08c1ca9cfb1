"""Which algorithms are used, and which of those that a server offers are no longer safe.

Sources: RFC 9142 (key exchange), RFC 8332 and 8758 (signatures and ciphers to be left), RFC 6151 (MD5).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

RSA: Final = "ssh-rsa"  # a type of keys, and of the signatures with SHA-1 that came with it
RSA_SIGNATURES: Final = ("rsa-sha2-512", "rsa-sha2-256")

CIPHERS: Final = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
MACS: Final = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)

_WEAK: Final[Mapping[str, re.Pattern[str]]] = {
    "kex_algo_list": re.compile(r".*-sha1(-.*)?|rsa1024-.*"),
    "server_key_algo_list": re.compile(r"ssh-rsa|ssh-dss|ssh-(rsa|dss)-cert.*"),
    "server_encrypt_algo_list": re.compile(r".*-cbc(@.*)?|arcfour.*|none"),
    "server_mac_algo_list": re.compile(r"hmac-(md5|ripemd|sha1-96).*|none"),
}


def weak(offered: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the names of what a server offers and should not, in its own order.

    `offered` are the lists of its KEXINIT under paramiko's names.
    """
    return tuple(name for kind, pattern in _WEAK.items() for name in offered.get(kind, ()) if pattern.fullmatch(name))


def host_key_algorithms(known: Iterable[str], first_kinds: Iterable[str]) -> tuple[str, ...]:
    """Return `known` with those of certain types of keys first."""
    first = [name for kind in first_kinds for name in (RSA_SIGNATURES if kind == RSA else (kind,))]
    return tuple(sorted(known, key=lambda name: name not in first))


def signatures(kind: str, understood: Sequence[str]) -> tuple[str, ...]:
    """Return the algorithms under which a server may accept a key of a type, best first.

    An RSA key has three, and each may be switched off alone: only when a server refuses it under all of them is it
    refused. `understood` is what the server says it knows (nothing, when it does not say); OpenSSH lists there also
    what its configuration switches off.
    """
    if kind != RSA:
        return (kind,)
    known = tuple(name for name in (*RSA_SIGNATURES, RSA) if name in understood)
    return known or (*RSA_SIGNATURES, RSA)
