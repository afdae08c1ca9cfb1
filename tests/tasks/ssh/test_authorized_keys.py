"""authorized_keys, byte for byte: what is a key to sshd, and edits that touch no other byte."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tasks.ssh.formats.authorized_keys import (
    Line,
    LineKind,
    bits,
    diff,
    option_names,
    parse,
    with_beside,
    without,
)
from tasks.ssh.model.keys import PublicKey

KEY, COMMENT, BLANK, UNPARSABLE = LineKind.KEY, LineKind.COMMENT, LineKind.BLANK, LineKind.UNPARSABLE


def strings(*values: bytes) -> bytes:
    return b"".join(len(value).to_bytes(4) + value for value in values)


def ed25519(seed: int) -> PublicKey:
    return PublicKey(kind="ssh-ed25519", blob=strings(b"ssh-ed25519", Random(seed).randbytes(32)))  # noqa: S311


def rsa(size: int, exponent: bytes = b"\1\0\1") -> PublicKey:
    number = (Random(size).getrandbits(size) | 1 << (size - 1) | 1).to_bytes(size // 8)  # noqa: S311
    return PublicKey(kind="ssh-rsa", blob=strings(b"ssh-rsa", exponent, b"\0" + number))


OLD, NEW, OTHER, OLDER = (ed25519(seed) for seed in range(4))
RSA = rsa(2048)
K, N, X, R = (key.line.encode() for key in (OLD, NEW, OTHER, RSA))
POINT = bytes.fromhex(  # the base point of P-256
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
EC = PublicKey(kind="ecdsa-sha2-nistp256", blob=strings(b"ecdsa-sha2-nistp256", b"nistp256", POINT))
SK = PublicKey(
    kind="sk-ssh-ed25519@openssh.com", blob=strings(b"sk-ssh-ed25519@openssh.com", bytes(range(32)), b"ssh:")
)
DSA = PublicKey(kind="ssh-dss", blob=strings(b"ssh-dss", b"\0" + b"\xff" * 128, b"\0" + b"\xff" * 20, b"\2", b"\3"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line, and what sshd sees in it."""

    name: str
    raw: bytes
    kind: LineKind = KEY
    options: bytes = b""
    key: PublicKey | None = OLD
    comment: bytes = b""


CASES = (
    Case(name="a bare key", raw=K + b"\n"),
    Case(name="a key with a comment", raw=K + b" ana  @ notebook\n", comment=b"ana  @ notebook"),
    Case(name="a key with CRLF", raw=K + b"\r\n"),
    Case(name="a comment with CRLF", raw=K + b" ana\r\n", comment=b"ana"),
    Case(name="a last line without an ending", raw=K),
    Case(name="blanks before it and tabs in it", raw=b" \t" + K.replace(b" ", b"\t ") + b"\t x\n", comment=b"x"),
    Case(name="a key behind a NUL's end", raw=K + b" ana\0" + X + b"\n", comment=b"ana"),
    Case(name="white space within the base64", raw=K[:40] + b"\r\v\f" + K[40:] + b"\n"),
    Case(name="one option", raw=b"restrict " + K + b"\n", options=b"restrict"),
    Case(
        name="quotes that hold blanks, commas, quotes and a key's type",
        raw=b'from="10.0.0.*,!10.0.0.9",command="a  \\"b, c\\" ssh-rsa ' + X + b'" ' + K + b" c\n",
        options=b'from="10.0.0.*,!10.0.0.9",command="a  \\"b, c\\" ssh-rsa ' + X + b'"',
        comment=b"c",
    ),
    Case(name="a backslash before no quote", raw=b'command="a\\\\b\\" c" ' + K, options=b'command="a\\\\b\\" c"'),
    Case(name="quotes within an option", raw=b'a"b c"d ' + K + b"\n", options=b'a"b c"d'),
    Case(
        name="no UTF-8", raw=b'command="caf\xe9" ' + K + b" Jos\xe9\n", options=b'command="caf\xe9"', comment=b"Jos\xe9"
    ),
    Case(name="an authority", raw=b"cert-authority " + K + b"\n", options=b"cert-authority"),
    Case(name="a type as an option", raw=b"ssh-rsa " + K + b"\n", options=b"ssh-rsa"),
    Case(name="a BOM before options", raw=b"\xef\xbb\xbfrestrict " + K, options=b"\xef\xbb\xbfrestrict"),
    Case(name="RSA", raw=R + b" r\n", key=RSA, comment=b"r"),
    Case(name="RSA by the name of a signature", raw=R.replace(b"ssh-rsa ", b"rsa-sha2-256 "), key=RSA),
    Case(name="RSA with a leading zero", raw=rsa(2048, b"\0\0\1\0\1").line.encode(), key=RSA),
    Case(name="ECDSA", raw=EC.line.encode(), key=EC),
    Case(name="a security key", raw=SK.line.encode(), key=SK),
    Case(name="nothing", raw=b"\n", kind=BLANK, key=None),
    Case(name="blanks", raw=b" \t\r\n", kind=BLANK, key=None),
    Case(name="a line that begins with NUL", raw=b"\0" + K + b"\n", kind=BLANK, key=None),
    Case(name="a comment", raw=b"# " + K + b"\n", kind=COMMENT, key=None),
    Case(name="an indented comment", raw=b"  #" + K + b"\n", kind=COMMENT, key=None),
    Case(name="a BOM before the key", raw=b"\xef\xbb\xbf" + K + b"\n", kind=UNPARSABLE, key=None),
    Case(name="a word", raw=b"hello\n", kind=UNPARSABLE, key=None),
    Case(name="a key cut short", raw=K[:-4] + b"\n", kind=UNPARSABLE, key=None),
    Case(name="a key with more behind it", raw=K + b"AAAA\n", kind=UNPARSABLE, key=None),
    Case(name="padding where none belongs", raw=K + b"=\n", kind=UNPARSABLE, key=None),
    Case(name="another type than the blob's", raw=K.replace(b"ssh-ed25519 ", b"ssh-rsa "), kind=UNPARSABLE, key=None),
    Case(name="a quote never closed", raw=b'command="a ' + K + b"\n", kind=UNPARSABLE, key=None),
    Case(name="a quote closed by an escaped one", raw=b'command="a\\" ' + K + b"\n", kind=UNPARSABLE, key=None),
    Case(name="options with a blank", raw=b"restrict, pty " + K + b"\n", kind=UNPARSABLE, key=None),
    Case(name="RSA that OpenSSH finds too small", raw=rsa(768).line.encode(), kind=UNPARSABLE, key=None),
    Case(name="half of a line", raw=K.replace(b" ", b"\n"), kind=UNPARSABLE, key=None),
)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_line_is_read_as_sshd_reads_it(case: Case) -> None:
    (line, *_more) = parse(case.raw)
    raw = line.raw if case.name == "half of a line" else case.raw
    assert line == Line(number=1, raw=raw, kind=case.kind, options=case.options, key=case.key, comment=case.comment)


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not installed")
def test_ssh_keygen_sees_a_key_where_one_is_read_and_nowhere_else(tmp_path: Path) -> None:
    lines = [case.raw.removesuffix(b"\n").replace(b"\n", b" ") for case in CASES if b"\0" not in case.raw]
    mine = [
        (line.key.fingerprint, bits(line.key)) if line.key else None for raw in lines for line in parse(raw + b"\n")
    ]
    assert mine == [keygen(tmp_path / "keys", raw) for raw in lines]


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not installed")
def test_ssh_keygen_agrees_about_damaged_lines(tmp_path: Path) -> None:
    chance = Random(5)  # noqa: S311
    lines = [damaged(chance, chance.choice((K, R, b'command="x y" ' + K))) for _ in range(60)]
    mine = [line.key.fingerprint if line.key else None for raw in lines for line in parse(raw + b"\n")]
    theirs = [keygen(tmp_path / "keys", raw) for raw in lines]
    assert mine == [found[0] if found else None for found in theirs]
    assert 10 < sum(found is not None for found in theirs) < 50


def damaged(chance: Random, raw: bytes) -> bytes:
    at = chance.randrange(len(raw))
    piece = chance.choice((b"", b"A", b"/", b"=", b" ", b'"', b"\\", b"+", b"z"))
    return raw[:at] + piece + raw[at + chance.randint(0, 1) :]


def keygen(file: Path, raw: bytes) -> tuple[str, int] | None:
    """Return fingerprint and bits of the one line, by ssh-keygen."""
    file.write_bytes(raw + b"\n")
    done = subprocess.run(["ssh-keygen", "-l", "-f", file], capture_output=True, check=False)  # noqa: S607
    if done.returncode:
        return None
    size, fingerprint, *_comment = done.stdout.decode(errors="replace").split()
    return fingerprint, int(size)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (b"", ()),
        (b"restrict,pty", ("restrict", "pty")),
        (b'FROM="a,b",No-PTY,command="x,\\"y,restrict"', ("from", "no-pty", "command")),
        (b'tunnel="0",token="hunter2",cert-authority', ("tunnel", "?", "cert-authority")),
    ],
    ids=["none", "two", "quotes", "an unknown one"],
)
def test_options_are_told_by_name_only(options: bytes, names: tuple[str, ...]) -> None:
    (line,) = parse(options + b" " + K)
    assert (line.kind, option_names(line)) == (KEY, names)


@pytest.mark.parametrize(
    ("key", "size"),
    [(OLD, 256), (RSA, 2048), (rsa(1024), 1024), (EC, 256), (SK, 256), (DSA, 1024), (PublicKey(kind="x", blob=b""), 0)],
    ids=["ed25519", "rsa", "small rsa", "ecdsa", "sk", "dsa", "no key"],
)
def test_a_keys_bits_are_counted(key: PublicKey, size: int) -> None:
    assert bits(key) == size


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A file before, with the new key beside the old ones, and then without the old ones."""

    name: str
    before: bytes
    both: bytes
    after: bytes


EDITS = (
    Edit(name="no old key", before=X + b"\n", both=X + b"\n", after=X + b"\n"),
    Edit(name="nothing", before=b"", both=b"", after=b""),
    Edit(
        name="between others",
        before=b"# a\n" + X + b"\n" + K + b" o\n\n" + R + b"\n",
        both=b"# a\n" + X + b"\n" + K + b" o\n" + N + b" n\n\n" + R + b"\n",
        after=b"# a\n" + X + b"\n" + N + b" n\n\n" + R + b"\n",
    ),
    Edit(name="no ending", before=X + b"\n" + K, both=X + b"\n" + N + b" n\n" + K, after=X + b"\n" + N + b" n\n"),
    Edit(name="CRLF", before=K + b"\r\n" + X, both=K + b"\r\n" + N + b" n\r\n" + X, after=N + b" n\r\n" + X),
    Edit(
        name="CRLF, and the last without an ending",
        before=X + b"\r\n" + K,
        both=X + b"\r\n" + N + b" n\r\n" + K,
        after=X + b"\r\n" + N + b" n\r\n",
    ),
    Edit(
        name="twice, under different options",
        before=b'from="a b" ' + K + b"\n" + X + b"\nrestrict " + K + b"\n",
        both=b'from="a b" '
        + K
        + b'\nfrom="a b" '
        + N
        + b" n\n"
        + X
        + b"\nrestrict "
        + K
        + b"\nrestrict "
        + N
        + b" n\n",
        after=b'from="a b" ' + N + b" n\n" + X + b"\nrestrict " + N + b" n\n",
    ),
    Edit(
        name="two old keys under the same options",
        before=K + b"\n" + OLDER.line.encode() + b"\n",
        both=K + b"\n" + N + b" n\n" + OLDER.line.encode() + b"\n",
        after=N + b" n\n",
    ),
    Edit(
        name="an authority with the old key stays alone",
        before=b"cert-authority " + K + b"\n",
        both=b"cert-authority " + K + b"\n",
        after=b"cert-authority " + K + b"\n",
    ),
    Edit(
        name="the new key stands there already",
        before=N + b" someone\n" + K + b"\n",
        both=N + b" someone\n" + K + b"\n",
        after=N + b" someone\n",
    ),
    Edit(
        name="a commented-out old key stays",
        before=b"#" + K + b"\n" + K + b"\n",
        both=b"#" + K + b"\n" + K + b"\n" + N + b" n\n",
        after=b"#" + K + b"\n" + N + b" n\n",
    ),
)


@pytest.mark.parametrize("edit", EDITS, ids=[edit.name for edit in EDITS])
def test_the_new_key_comes_beside_the_old_one_and_the_old_one_goes(edit: Edit) -> None:
    both = with_beside(edit.before, old=(OLD, OLDER), new=NEW, comment="n")
    again = with_beside(both, old=(OLD, OLDER), new=NEW, comment="other")
    assert (both, again, without(both, (OLD, OLDER))) == (edit.both, edit.both, edit.after)


def test_a_comment_is_one_line() -> None:
    with pytest.raises(ValueError, match="one line"):
        with_beside(K, old=(OLD,), new=NEW, comment=f"a\n{OTHER.line}")


def test_a_diff_tells_keys_and_names_of_options_and_nothing_else() -> None:
    before = b'# ana\ncommand="secret" ' + K + b" ana@home\n" + X + b" bia\nrubbish\n"
    both = with_beside(before, old=(OLD,), new=NEW, comment="n")
    assert diff(before, before) == ()
    assert diff(before, both) == (f"+ 3 ssh-ed25519 {NEW.fingerprint} [command]",)
    assert diff(both, without(both, (OLD,))) == (f"- 2 ssh-ed25519 {OLD.fingerprint} [command]",)
    assert diff(before, X + b"\n\n") == (
        "- 1 comment",
        f"- 2 ssh-ed25519 {OLD.fingerprint} [command]",
        f"- 3 ssh-ed25519 {OTHER.fingerprint}",
        "- 4 unparsable",
        f"+ 1 ssh-ed25519 {OTHER.fingerprint}",
        "+ 2 blank",
    )


PIECES = (
    *(
        b"\n",
        b"\r\n",
        b"\0",
        b" ",
        b"\t",
        b'"',
        b"\\",
        b'\\"',
        b",",
        b"#",
        b"\xef\xbb\xbf",
        b"\xff",
        b"restrict ",
        b"x",
    ),
    *(b'command="a b" ', b"cert-authority ", K, K, OLDER.line.encode(), X, R, K + b"\n", X + b" c\r\n", b"# k\n"),
)


def files(seed: int, count: int) -> Sequence[bytes]:
    chance = Random(seed)  # noqa: S311
    mixed = [b"".join(chance.choices(PIECES, k=chance.randint(0, 12))) for _ in range(count)]
    return [*mixed, *(chance.randbytes(chance.randint(0, 300)) for _ in range(count // 10))]


def test_whatever_a_file_holds_other_lines_stay_and_edits_can_be_taken_back() -> None:
    touched = 0
    for content in files(1, 4000):
        lines = parse(content)
        assert b"".join(line.raw for line in lines) == content
        both = with_beside(content, old=(OLD, OLDER), new=NEW, comment="n")
        assert without(both, (NEW,)) == content
        assert with_beside(both, old=(OLD, OLDER), new=NEW, comment="n") == both
        opened = {
            line.options for line in lines if line.key in (OLD, OLDER) and "cert-authority" not in option_names(line)
        }
        assert {line.options for line in parse(both) if line.key == NEW} == opened
        after = without(both, (OLD, OLDER))
        assert [line.raw for line in parse(after) if line.key != NEW] == [
            line.raw for line in lines if line.key not in (OLD, OLDER) or "cert-authority" in option_names(line)
        ]
        assert without(after, (OLD, OLDER)) == after
        touched += bool(opened)
    assert touched > 500


def test_a_thousand_keys_on_a_long_file_are_edited_in_a_moment() -> None:
    content = b"".join(ed25519(seed).line.encode() + b" c\n" for seed in range(10, 3010)) + K
    both = with_beside(content, old=(OLD,), new=NEW, comment="n")
    assert diff(content, both) == (f"+ 3001 ssh-ed25519 {NEW.fingerprint}",)
