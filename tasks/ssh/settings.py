"""[ssh]: which keys open which accounts of which hosts, and how they are rotated."""

import base64
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, LiteralString, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from tasks.settings import Section

KEY_LINE = re.compile(r"^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?$")


def _whole_key(line: str) -> str:
    kind, encoded, *_comment = line.split() if KEY_LINE.fullmatch(line) else ("-", "")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except ValueError:
        blob = b""
    if blob[4 : 4 + len(kind)] != kind.encode():  # the blob begins with its type (RFC 4253, section 6.6)
        raise PydanticCustomError("settings.no_public_key", "no public key")
    return line


PublicKeyLine = Annotated[
    str,
    Field(
        description="A public key as OpenSSH writes it: type, base64, and any comment.",
        json_schema_extra={"pattern": KEY_LINE.pattern},
    ),
    AfterValidator(_whole_key),
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Account = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}$")]


class Transport(StrEnum):
    """How the file with the keys is edited: by a POSIX shell, or by SFTP alone, where there is no shell."""

    SHELL = "shell"
    SFTP = "sftp"


class Jump(Section):
    """The host by which another is reached, and who logs in there."""

    host: Name
    account: Account
    purpose: Name = Field(description="Which key opens it.")


class Host(Section):
    """[ssh.hosts.NAME]: one SSH server."""

    address: str = Field(min_length=1, description="Host name or IP address.")
    port: int = Field(default=22, ge=1, le=65535)
    host_keys: tuple[PublicKeyLine, ...] = Field(
        default=(),
        description="The server's own public keys, compared by a trusted way; two while one is being replaced. "
        "A server that shows another key is never logged in to.",
    )
    jump: Jump | None = None
    groups: tuple[Name, ...] = ()
    required: bool = Field(
        default=True, description="Whether a rotation waits for it (`patience_days`) when it is out of reach."
    )
    transport: Transport = Transport.SHELL
    authorized_keys: tuple[str, ...] = Field(
        default=(),
        description="Where sshd looks for keys, as AuthorizedKeysFile (%u, %h); empty: what sshd itself says where it "
        "may be asked, else OpenSSH's default.",
    )


class Access(Section):
    """Accounts that a purpose's key opens, on one host or on each of a group."""

    host: Name | None = None
    group: Name | None = None
    accounts: tuple[Account, ...] = Field(min_length=1)
    sudo: bool = Field(default=False, description="Whether the file with the keys can only be edited by `sudo -n`.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.host is None) == (self.group is None):
            raise PydanticCustomError("settings.host_or_group", "host or group")
        return self


class Purpose(Section):
    """[ssh.purposes.NAME]: one key pair, what it is for; it rotates as a whole."""

    secret: str = Field(
        pattern=r"^[\w/+=.@-]+$", description="The secret in Secrets Manager that holds the key, one version per key."
    )
    access: tuple[Access, ...] = Field(min_length=1)


class KnownKey(Section):
    """A key that rightly stands on accounts though it is not rotated here, and whose it is."""

    owner: str = Field(min_length=2, description="A person's or a service's name as the team knows it.")
    key: PublicKeyLine


class Ssh(Section):
    """[ssh]: the rotation of SSH keys."""

    hosts: Mapping[Name, Host] = Field(min_length=1)
    purposes: Mapping[Name, Purpose] = Field(min_length=1)
    known_keys: tuple[KnownKey, ...] = ()
    max_age_days: int = Field(default=90, ge=1, le=3650, description="No key is older.")
    grace_days: int = Field(default=7, ge=0, le=365, description="How long the key before is kept in the store.")
    patience_days: int = Field(
        default=3, ge=0, le=90, description="How long a rotation waits for a required host that is out of reach."
    )
    stop_share: float = Field(
        default=0.2, ge=0, le=1, description="Share of a purpose's accounts that may fail; then the rest is left."
    )
    rsa_bits: int = Field(default=3072, ge=1024, description="An RSA key with fewer bits is weak.")
    ecdsa: bool = Field(default=True, description="Whether ECDSA keys are good enough.")
    at_once: int = Field(default=8, ge=1, le=64, description="How many accounts are worked on at the same time.")
    connect_seconds: float = Field(default=20, gt=0, le=120, description="Longest wait for a host to let one in.")
    command_seconds: float = Field(default=60, gt=0, le=600, description="Longest wait for one edit.")
    tries: int = Field(default=4, ge=1, le=10, description="How often a host that does not answer is tried.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for mistake, name in (*self._unknown_places(), *self._twice(), *self._bad_jumps()):
            raise PydanticCustomError(mistake, "{name}", {"name": name})
        return self

    def _unknown_places(self) -> Iterator[tuple[LiteralString, str]]:
        for access in (access for purpose in self.purposes.values() for access in purpose.access):
            if not self.hosts_of(access):
                yield "settings.no_such_host", str(access.host or access.group)

    def _twice(self) -> Iterator[tuple[LiteralString, str]]:
        for name, purpose in self.purposes.items():
            opened = Counter(
                f"{account}@{host}" for a in purpose.access for host in self.hosts_of(a) for account in a.accounts
            )
            yield from (("settings.target_twice", f"{name}: {pair}") for pair, times in opened.items() if times > 1)
        secrets = Counter(purpose.secret for purpose in self.purposes.values())
        yield from (("settings.secret_twice", secret) for secret, times in secrets.items() if times > 1)

    def _bad_jumps(self) -> Iterator[tuple[LiteralString, str]]:
        for name, jump in ((name, host.jump) for name, host in self.hosts.items() if host.jump):
            if jump.host not in self.hosts or self.hosts[jump.host].jump or not self._opens(jump):
                yield "settings.bad_jump", name

    def _opens(self, jump: Jump) -> bool:
        """Return whether the key of a jump is rotated on the account that it opens: else it would be cut off."""
        access = self.purposes[jump.purpose].access if jump.purpose in self.purposes else ()
        return any(jump.host in self.hosts_of(one) and jump.account in one.accounts for one in access)

    def hosts_of(self, access: Access) -> tuple[str, ...]:
        """Return the names of the hosts that an access means, in the order of [ssh.hosts]."""
        return tuple(name for name, host in self.hosts.items() if name == access.host or access.group in host.groups)
