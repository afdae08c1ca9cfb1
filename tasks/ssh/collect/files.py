"""What the files of keys of a target hold, and what would be in the way of editing them."""

import os

from tasks.adapters.ssh.files import Inspection, RemoteFile
from tasks.ssh.collect.reach import Visit
from tasks.ssh.formats import authorized_keys as text
from tasks.ssh.formats.authorized_keys import LineKind
from tasks.ssh.model.seen import KeyLine, KeysFile


def inspect(visit: Visit, *, trial: bool) -> Inspection:
    """Read the files of keys of a target, and remember them; `trial` tries whether each could be replaced."""
    patterns = visit.reach.cfg.hosts[visit.target.host].authorized_keys
    found = visit.files().inspect(visit.target.account, patterns, trial=trial)
    visit.reach.memory.keep(visit.target, *found.files)
    return found


def shown(path: str) -> str:
    """Return a path as text: the bytes of its name may be none."""
    return os.fsencode(path).decode(errors="backslashreplace")


def facts(file: RemoteFile) -> KeysFile:
    """Return what may be told of a file: no comments and no values of options, which may name people."""
    lines = text.parse(file.content)
    return KeysFile(
        path=shown(file.path),
        lines=tuple(
            KeyLine(
                number=line.number,
                kind=line.key.kind,
                fingerprint=line.key.fingerprint,
                bits=text.bits(line.key),
                options=text.option_names(line),
            )
            for line in lines
            if line.key is not None
        ),
        unparsable=tuple(line.number for line in lines if line.kind is LineKind.UNPARSABLE),
        trouble=file.trouble,
    )
