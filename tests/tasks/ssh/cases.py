"""Worlds that a rotation comes upon, and what must have come of each: one entry, one world."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.lab.sshd import LabHost, pair
from tasks.core.findings import Verdict
from tasks.ssh.model.keys import CURRENT, HOLD, PENDING
from tests.tasks.ssh.world import ACCOUNT, DUE, NEAR, USUAL, Harm, World

PREVIOUS = "AWSPREVIOUS"
HELD = f"{HOLD}*"
ONE, TWO, DB = "ops@web-1", "ops@web-2", "ops@db-1"
ROTATED = {"new": (CURRENT,), "old": (PREVIOUS,)}
STRANDED = {"new": (CURRENT,), "old": (PREVIOUS, HELD)}
WAITING = {"new": (PENDING,), "old": (CURRENT,)}
UNTOUCHED = {"old": (CURRENT,)}
WITH_DB = (*USUAL, "db-1")
ONE_ALONE = ("web-1",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A world and its end: `proof` of each account, which keys then open it, what is stored, who is untouched."""

    name: str
    harm: Harm = lambda _world: None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    hosts: tuple[str, ...] = ONE_ALONE
    verdict: Verdict = Verdict.PASSED
    findings: tuple[tuple[str, str], ...] = ()
    why: str = ""
    proof: Mapping[str, str] = field(default_factory=dict)
    opens: Mapping[str, set[str]] = field(default_factory=dict)
    stored: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: ROTATED)
    untouched: tuple[str, ...] = ()

    @property
    def proofs(self) -> Mapping[str, str]:
        """Return how the proof of each account ends; `proved` where nothing is said."""
        return {f"{ACCOUNT}@{host}": self.proof.get(f"{ACCOUNT}@{host}", "proved") for host in self.hosts}

    @property
    def opened(self) -> Mapping[str, set[str]]:
        """Return which keys open each account in the end; the new one alone where nothing is said."""
        return {f"{ACCOUNT}@{host}": self.opens.get(f"{ACCOUNT}@{host}", {"new"}) for host in self.hosts}


# ── a rotation that was cut off ──────────────────────────────────────────────────────────────────────────────────────


def pending_is_stored(world: World) -> None:
    world.put("new")


def added_on_one(world: World) -> None:
    world.put("new")
    world.write(ONE, "old", "new")


def promoted(world: World, *, finished: bool = False) -> str:
    """Leave all as after the promotion; return the version that was current before."""
    old, new = world.current, world.put("new")
    for target in (ONE, TWO):
        world.write(target, *(("new",) if finished else ("old", "new")))
    world.stages.move(f"{HOLD}{old}", to=old, off=None)
    world.stages.move(CURRENT, to=new, off=old)
    return old


def promoted_and_named_current(world: World) -> None:
    promoted(world)
    world.stages.move(PENDING, to=None, off=world.current)


def removed_but_held(world: World) -> None:
    promoted(world, finished=True)
    world.stages.move(PENDING, to=None, off=world.current)


def held_before_it_was_promoted(world: World) -> None:
    world.put("new")
    world.stages.move(f"{HOLD}{world.current}", to=world.current, off=None)
    for target in (ONE, TWO):
        world.write(target, "old", "new")


# ── hosts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def configured(*lines: str, **options: str) -> Harm:
    return lambda world: world.ssh.hosts["web-1"].configure(*lines, **options)


def down(host: str, *, optional: bool = False) -> Harm:
    def harm(world: World) -> None:
        world.ssh.hosts[host].stop()
        world.host_changes[host] = {"required": not optional}

    return harm


def impatient(world: World) -> None:
    down("web-2")(world)
    world.ssh_changes["patience_days"] = 0


def unpinned(world: World) -> None:
    world.host_changes["web-2"] = {"host_keys": ()}


def replaced(world: World) -> None:
    world.host_changes["web-2"] = {"host_keys": (pair().public,)}


def by_sftp(world: World) -> None:
    world.host_changes["web-1"] = {"transport": "sftp"}


def by_sftp_alone(world: World) -> None:
    by_sftp(world)
    configured(ForceCommand="internal-sftp")(world)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def lost(world: World) -> None:
    world.write(TWO)


def loose(world: World) -> None:
    file_of(world, TWO).parent.chmod(0o777)


def hard_linked(world: World) -> None:
    os.link(file_of(world, TWO), file_of(world, TWO).with_name("second-name"))


def file_of(world: World, target: str) -> Any:  # noqa: ANN401 - a path
    return world.host(target).file(ACCOUNT)


def forced(world: World) -> None:
    world.write(TWO, "old", options='command="/bin/echo no"')


def elsewhere(world: World) -> None:
    """Keep the keys where only root may write, which only root may read out of sshd's configuration."""
    host = world.ssh.hosts["web-1"]
    content = file_of(world, ONE).read_bytes()
    file_of(world, ONE).write_bytes(b"")
    (host.place("srv") / "keys-of-ops").write_bytes(content)
    host.configure(AuthorizedKeysFile="/srv/keys-of-%u")
    world.access = [{"host": "web-1", "accounts": [ACCOUNT], "sudo": True}]


def in_two_files(world: World) -> None:
    """Keep the keys in two files, of which the configuration here tells."""
    second(world)
    world.host_changes["web-1"] = {"authorized_keys": (".ssh/authorized_keys", "%h/.ssh/more")}


def second(world: World) -> None:
    host = world.ssh.hosts["web-1"]
    more = file_of(world, ONE).with_name("more")
    more.write_bytes(f"restrict {world.public('old')}\n".encode())
    own(host, more)
    host.configure(AuthorizedKeysFile=".ssh/authorized_keys .ssh/more")


def own(host: LabHost, path: Any) -> None:  # noqa: ANN401 - a path
    os.chown(path, host.accounts[ACCOUNT].uid, host.accounts[ACCOUNT].gid)
    path.chmod(0o600)


def by_command(world: World) -> None:
    """Let sshd know the old key from a program, too."""
    user = {"AuthorizedKeysCommandUser": ACCOUNT}
    configured(AuthorizedKeysCommand=f"/bin/echo {world.public('old')}", **user)(world)


def by_command_alone(world: World) -> None:
    by_command(world)
    world.write(ONE)


def from_elsewhere(world: World) -> None:
    away = f'from="10.9.8.7" {world.public("old")} from the office\n'.encode()
    world.write(ONE, "old", before=away)


def near(world: World) -> None:
    world.write(ONE, "old", options=NEAR)


def of_root(world: World) -> None:
    """Let only root write to the file with the keys."""
    folder = file_of(world, ONE).parent
    for path in (folder, *folder.iterdir()):
        os.chown(path, 0, 0)
        path.chmod(0o755 if path == folder else 0o644)
    world.access = [{"host": "web-1", "accounts": [ACCOUNT], "sudo": True}]


def without_sudo(world: World) -> None:
    world.access = [
        {"host": "web-1", "accounts": [ACCOUNT]},
        {"host": "web-2", "accounts": [ACCOUNT], "sudo": True},
    ]
    world.ssh.hosts["web-2"].let_sudo()


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def retired(world: World, number: int = 8) -> None:
    """Let there have been so many keys before, of which the oldest still opens the account."""
    names = tuple(f"retired-{one}" for one in range(number))
    for name in names:
        world.text(name)
    world.store_alone(world.text("old", age=DUE, retired=names))
    world.write(ONE, "old", names[-1])


def few_tries(number: int) -> Harm:
    def harm(world: World) -> None:
        retired(world, 3)
        configured(MaxAuthTries=str(number))(world)

    return harm


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────


def stays(name: str, harm: Harm, why: str) -> Case:
    """Return a case in which the second host's file cannot be edited, so that the new key waits for it."""
    return Case(
        name=name,
        harm=harm,
        hosts=USUAL,
        verdict=Verdict.ATTENTION,
        findings=(("ssh.target_held", TWO), ("ssh.waiting", "ops")),
        why=why,
        proof={ONE: "added", TWO: "fresh"},
        opens={ONE: {"old", "new"}, TWO: {"old"}},
        stored=WAITING,
        untouched=(TWO,),
    )


CASES = (
    Case(name="a key that is due is exchanged and proved", hosts=USUAL),
    Case(name="a key that was stored, and no host knows, is the one that is used", harm=pending_is_stored),
    Case(name="a key that some hosts know is brought to the others", harm=added_on_one, hosts=USUAL),
    Case(name="after the promotion the old key is removed", harm=promoted, hosts=USUAL),
    Case(name="one version may be both current and pending", harm=promoted_and_named_current),
    Case(name="a hold that was left is taken off", harm=removed_but_held),
    Case(name="a hold on the current key does not keep it", harm=held_before_it_was_promoted),
    Case(
        name="an optional host that is out of reach is left behind on its key",
        harm=down("db-1", optional=True),
        hosts=WITH_DB,
        verdict=Verdict.ATTENTION,
        findings=(("ssh.target_unreachable", DB),),
        proof={DB: "unknown"},
        opens={DB: {"old"}},
        stored=STRANDED,
        untouched=(DB,),
    ),
    Case(
        name="for a required host the new key waits",
        harm=down("web-2"),
        hosts=USUAL,
        verdict=Verdict.ATTENTION,
        findings=(("ssh.target_unreachable", TWO), ("ssh.waiting", "ops")),
        proof={ONE: "added", TWO: "unknown"},
        opens={ONE: {"old", "new"}, TWO: {"old"}},
        stored=WAITING,
        untouched=(TWO,),
    ),
    Case(
        name="after some days it waits no longer",
        harm=impatient,
        hosts=USUAL,
        verdict=Verdict.ATTENTION,
        findings=(("ssh.target_unreachable", TWO),),
        proof={TWO: "unknown"},
        opens={TWO: {"old"}},
        stored=STRANDED,
        untouched=(TWO,),
    ),
    Case(
        name="an account that no key opens stops its purpose",
        harm=lost,
        hosts=USUAL,
        verdict=Verdict.FAILED,
        findings=(("ssh.lost", TWO),),
        proof={TWO: "lost"},
        opens={ONE: {"old"}, TWO: set()},
        stored=UNTOUCHED,
        untouched=(ONE, TWO),
    ),
    Case(
        name="so does a file that sshd does not read",
        harm=loose,
        hosts=USUAL,
        verdict=Verdict.FAILED,
        findings=(("ssh.lost", TWO),),
        proof={TWO: "lost"},
        opens={ONE: {"old"}, TWO: set()},
        stored=UNTOUCHED,
        untouched=(ONE, TWO),
    ),
    Case(
        name="nobody logs in to a host whose key is not pinned",
        harm=unpinned,
        hosts=USUAL,
        verdict=Verdict.ATTENTION,
        findings=(("ssh.target_unpinned", TWO), ("ssh.waiting", "ops")),
        proof={ONE: "added", TWO: "unknown"},
        opens={ONE: {"old", "new"}, TWO: {"old"}},
        stored=WAITING,
        untouched=(TWO,),
    ),
    Case(
        name="nor to one that shows another key",
        harm=replaced,
        hosts=USUAL,
        verdict=Verdict.FAILED,
        findings=(("ssh.target_host_key", TWO), ("ssh.waiting", "ops")),
        proof={ONE: "added", TWO: "unknown"},
        opens={ONE: {"old", "new"}, TWO: {"old"}},
        stored=WAITING,
        untouched=(TWO,),
    ),
    stays("a read-only file", lambda world: world.ssh.hosts["web-2"].make_read_only(ACCOUNT), "ssh.trouble.read_only"),
    stays("a full disk", lambda world: world.ssh.hosts["web-2"].fill_disk(ACCOUNT), "ssh.trouble.no_space"),
    stays("a file with two names", hard_linked, "ssh.trouble.hard_links"),
    stays("a forced command", forced, "ssh.trouble.no_shell"),
    stays("no sudo without a password", without_sudo, "ssh.trouble.no_sudo"),
    Case(name="the options of a line are those of the new one", harm=near),
    Case(name="a line that is of no use from here goes, too", harm=from_elsewhere),
    Case(name="keys stand where sshd says to root", harm=elsewhere),
    Case(name="keys stand in two files", harm=in_two_files),
    Case(
        name="a key that a program tells sshd is not gone when its line is",
        harm=by_command,
        verdict=Verdict.FAILED,
        findings=(("ssh.other_source", ONE),),
        proof={ONE: "other_source"},
        opens={ONE: {"old", "new"}},
        stored=STRANDED,
    ),
    Case(
        name="a key in a file that cannot be seen is not gone either",
        harm=second,
        verdict=Verdict.FAILED,
        findings=(("ssh.other_source", ONE),),
        proof={ONE: "other_source"},
        opens={ONE: {"old", "new"}},
        stored=STRANDED,
    ),
    Case(
        name="no key is made where its line could be put nowhere",
        harm=by_command_alone,
        verdict=Verdict.ATTENTION,
        findings=(("ssh.target_held", ONE),),
        why="ssh.trouble.other_source",
        opens={ONE: {"old"}},
        stored=UNTOUCHED,
        untouched=(ONE,),
    ),
    Case(name="by SFTP", harm=by_sftp),
    Case(name="by SFTP where there is no shell", harm=by_sftp_alone),
    Case(name="by sudo", harm=of_root),
    Case(name="a retired key that still opens goes, too, and all others are asked about", harm=retired),
    Case(name="where sshd bears two refusals", harm=few_tries(2)),
    Case(name="where sshd bears one refusal", harm=few_tries(1)),
    Case(
        name="a compromised key goes from every account",
        parameters={"compromised": True},
        hosts=USUAL,
        verdict=Verdict.ATTENTION,
        findings=(("ssh.compromise_removed", "ops"),),
    ),
    Case(
        name="where a compromised key may still open is told",
        harm=down("db-1", optional=True),
        parameters={"compromised": True},
        hosts=WITH_DB,
        verdict=Verdict.FAILED,
        findings=(("ssh.may_still_open", DB), ("ssh.target_unreachable", DB)),
        proof={DB: "unknown"},
        opens={DB: {"old"}},
        stored=STRANDED,
        untouched=(DB,),
    ),
    Case(
        name="a compromised key waits for no required host",
        harm=down("web-2"),
        parameters={"compromised": True},
        hosts=USUAL,
        verdict=Verdict.FAILED,
        findings=(("ssh.may_still_open", TWO), ("ssh.target_unreachable", TWO)),
        proof={TWO: "unknown"},
        opens={TWO: {"old"}},
        stored=STRANDED,
        untouched=(TWO,),
    ),
    Case(
        name="a compromised key goes even where another account is lost",
        harm=lost,
        parameters={"compromised": True},
        hosts=USUAL,
        verdict=Verdict.FAILED,
        findings=(("ssh.lost", TWO), ("ssh.may_still_open", TWO)),
        proof={TWO: "lost"},
        opens={TWO: set()},
        stored=STRANDED,
        untouched=(TWO,),
    ),
)
