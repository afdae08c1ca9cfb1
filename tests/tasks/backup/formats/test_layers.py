"""Layers recognised by content and taken off, against what gzip, zstd, tar and age really write."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from itertools import repeat
from random import Random

import pyrage  # type: ignore[import-untyped]
import pytest
import zstandard

from tasks.adapters import age
from tasks.backup.formats.faulty import Faulty
from tasks.backup.formats.layers import BLOCK_BYTES, HEAD_BYTES, peel, recognise
from tasks.backup.formats.tar import Member
from tasks.backup.model.found import Fault, Form, Layer
from tasks.core.secret import Secret

CHANCE = Random(4)  # noqa: S311 - the same bytes every time
IDENTITY = pyrage.x25519.Identity.generate()
CUSTOM = b"PGDMP\x01\x0e\x00\x04\x08\x01" + CHANCE.randbytes(300_000) + bytes(300_000)
TOC = b"PGDMP\x01\x0e\x00\x04\x08\x03" + CHANCE.randbytes(900)
PLAIN = b"--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n" + b"SELECT 1;\n" * 1000
DIRECTORY = {"toc.dat": TOC, "3021.dat.gz": CHANCE.randbytes(70_000), "blobs.toc": b"", "blob_16400.dat": b"x" * 512}
CLUSTER = b"--\n-- PostgreSQL database cluster dump\n--\n\nSET default_transaction_read_only = off;\n"

Core = tuple[Form | Fault, dict[str, bytes]]


def zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(body)


def sealed(body: bytes) -> bytes:
    encrypted: bytes = pyrage.encrypt(body, [IDENTITY.to_public()])
    return encrypted


def tar(files: dict[str, bytes], *, style: int = tarfile.GNU_FORMAT, **header: object) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=style) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for field, value in header.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def blocks(body: bytes, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def opened(encrypted: Iterator[bytes]) -> Iterator[bytes]:
    return age.decrypt(encrypted, Secret(str(IDENTITY)))


def peeled(body: bytes, size: int = BLOCK_BYTES) -> tuple[tuple[Layer, ...], Core]:
    layers = list[Layer]()
    core = peel(blocks(body, size), opened, layers)
    files, name = dict[str, bytes](), ""
    for item in core.files:
        if isinstance(item, Member):
            name = item.name
            files[name] = b""
        else:
            files[name] += item
    return tuple(layers), (core.what, files)


def fault(body: bytes) -> Fault:
    with pytest.raises(Faulty) as caught:
        peeled(body)
    return caught.value.fault


def flipped(body: bytes, at: int) -> bytes:
    changed = bytearray(body)
    changed[at] ^= 0x10
    return bytes(changed)


KNOWN: dict[str, tuple[bytes, Layer | Form | Fault]] = {
    "nothing": (b"", Fault.EMPTY),
    "custom format": (CUSTOM, Form.CUSTOM),
    "a directory's table of contents": (TOC, Form.DIRECTORY),
    "an archive of no format": (b"PGDMP\x01\x0e\x00\x04\x08\x09", Fault.CORRUPT),
    "half a header": (b"PGDMP\x01\x0e", Fault.TRUNCATED),
    "two bytes of a header": (b"PG", Fault.TRUNCATED),
    "plain SQL": (PLAIN, Form.PLAIN),
    "plain SQL from Windows": (PLAIN.replace(b"\n", b"\r\n"), Form.PLAIN),
    "plain SQL behind a line of somebody's": (b"SET client_encoding = 'UTF8';\n" + PLAIN, Form.PLAIN),
    "the beginning of plain SQL": (PLAIN[:20], Fault.TRUNCATED),
    "roles": (CLUSTER, Fault.OTHER_FORMAT),
    "a whole server": (CLUSTER + PLAIN, Fault.OTHER_FORMAT),
    "a word that begins alike": (b"PGDATA is missing", Fault.NOT_AN_ARCHIVE),
    "an error message": (b"pg_dump: error: connection to server failed", Fault.NOT_AN_ARCHIVE),
    "a picture": (b"\x89PNG\r\n\x1a\n", Fault.NOT_AN_ARCHIVE),
    "zeros": (bytes(4096), Fault.NOT_AN_ARCHIVE),
    "gzip": (gzip.compress(b""), Layer.GZIP),
    "zstd": (zstd(b""), Layer.ZSTD),
    "zstd behind a frame to skip": (b"\x50\x2a\x4d\x18\x04\0\0\0pzst" + zstd(b""), Layer.ZSTD),
    "half of zstd's magic": (b"\x28\xb5", Fault.TRUNCATED),
    "age": (sealed(b""), Layer.AGE),
    "age, armored": (b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl", Layer.AGE),
    "age to come": (b"age-encryption.org/v2\n", Fault.OTHER_FORMAT),
    "tar": (tar({"toc.dat": TOC}), Layer.TAR),
    "xz": (b"\xfd7zXZ\0\0\4", Fault.OTHER_FORMAT),
    "bzip2": (b"BZh91AY&SY", Fault.OTHER_FORMAT),
    "lz4": (b"\x04\x22\x4d\x18\x64", Fault.OTHER_FORMAT),
    "zip": (b"PK\x03\x04\x14", Fault.OTHER_FORMAT),
    "PGP, armored": (b"-----BEGIN PGP MESSAGE-----\n", Fault.OTHER_FORMAT),
    "PGP to a key": (b"\x85\x01\x0c\x03" + bytes(300), Fault.OTHER_FORMAT),
    "PGP with a passphrase": (b"\x8c\x0d\x04\x09\x03\x02", Fault.OTHER_FORMAT),
    "openssl": (b"Salted__12345678", Fault.OTHER_FORMAT),
}


@pytest.mark.parametrize(("head", "what"), KNOWN.values(), ids=KNOWN)
def test_it_is_what_its_first_bytes_say(head: bytes, what: Layer | Form | Fault) -> None:
    assert recognise(head[:HEAD_BYTES]) is what


@pytest.mark.parametrize("size", [1021, BLOCK_BYTES], ids=["in small blocks", "in large blocks"])
@pytest.mark.parametrize(
    ("body", "layers", "core"),
    [
        pytest.param(CUSTOM, (), (Form.CUSTOM, {"": CUSTOM}), id="bare"),
        pytest.param(PLAIN, (), (Form.PLAIN, {"": PLAIN}), id="plain SQL"),
        pytest.param(gzip.compress(PLAIN), (Layer.GZIP,), (Form.PLAIN, {"": PLAIN}), id="gzip"),
        pytest.param(
            gzip.compress(CUSTOM[:100]) + gzip.compress(b"") + gzip.compress(CUSTOM[100:]) + bytes(1024),
            (Layer.GZIP,),
            (Form.CUSTOM, {"": CUSTOM}),
            id="gzip in three members and padding",
        ),
        pytest.param(zstd(CUSTOM), (Layer.ZSTD,), (Form.CUSTOM, {"": CUSTOM}), id="zstd"),
        pytest.param(
            zstd(CUSTOM[:5]) + zstd(CUSTOM[5:]), (Layer.ZSTD,), (Form.CUSTOM, {"": CUSTOM}), id="zstd in two frames"
        ),
        pytest.param(sealed(CUSTOM), (Layer.AGE,), (Form.CUSTOM, {"": CUSTOM}), id="age"),
        pytest.param(
            sealed(zstd(gzip.compress(sealed(PLAIN)))),
            (Layer.AGE, Layer.ZSTD, Layer.GZIP, Layer.AGE),
            (Form.PLAIN, {"": PLAIN}),
            id="four layers",
        ),
        pytest.param(
            tar({f"./assist.dir/{name}": body for name, body in DIRECTORY.items()}),
            (Layer.TAR,),
            (Form.DIRECTORY, DIRECTORY),
            id="tar of a directory",
        ),
        pytest.param(
            tar({f"{'x' * 150}/{name}": body for name, body in DIRECTORY.items()}),
            (Layer.TAR,),
            (Form.DIRECTORY, DIRECTORY),
            id="tar with GNU's long names",
        ),
        pytest.param(
            tar({f"{'ç' * 150}/{name}": body for name, body in DIRECTORY.items()}, style=tarfile.PAX_FORMAT),
            (Layer.TAR,),
            (Form.DIRECTORY, DIRECTORY),
            id="tar with the long names of pax",
        ),
        pytest.param(
            tar({f"{'x' * 90}/{'y' * 60}/{name}": b for name, b in DIRECTORY.items()}, style=tarfile.USTAR_FORMAT),
            (Layer.TAR,),
            (Form.DIRECTORY, DIRECTORY),
            id="tar with the prefixes of ustar",
        ),
        pytest.param(
            gzip.compress(tar({"toc.dat": TOC, "restore.sql": b"COPY"})),
            (Layer.GZIP, Layer.TAR),
            (Form.DIRECTORY, {"toc.dat": TOC}),
            id="pg_dump's own tar, whose script is left out",
        ),
        pytest.param(
            tar({"var/backups/assist.sql.gz": gzip.compress(PLAIN)}),
            (Layer.TAR, Layer.GZIP),
            (Form.PLAIN, {"": PLAIN}),
            id="tar of one file",
        ),
    ],
)
def test_layers_are_taken_off_whatever_their_order(
    body: bytes, layers: tuple[Layer, ...], core: Core, size: int
) -> None:
    assert peeled(body, size) == (layers, core)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        pytest.param(b"", Fault.EMPTY, id="nothing"),
        pytest.param(gzip.compress(b""), Fault.EMPTY, id="nothing, packed"),
        pytest.param(TOC, Fault.INCOMPLETE, id="a table of contents alone"),
        pytest.param(tar({}), Fault.NOT_AN_ARCHIVE, id="a tar of nothing"),
        pytest.param(gzip.compress(b"ERROR 403"), Fault.NOT_AN_ARCHIVE, id="an error message, packed"),
        pytest.param(zstd(zstd(zstd(zstd(zstd(PLAIN))))), Fault.OTHER_FORMAT, id="five layers"),
        pytest.param(gzip.compress(CLUSTER), Fault.OTHER_FORMAT, id="a whole server, packed"),
    ],
)
def test_what_is_inside_all_layers_can_be_no_dump(body: bytes, what: Fault) -> None:
    assert peeled(body)[1][0] is what


TAR, GZIP, ZSTD, AGE = tar({"toc.dat": TOC}), gzip.compress(CUSTOM), zstd(CUSTOM), sealed(CUSTOM)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        pytest.param(GZIP[:-1], Fault.TRUNCATED, id="gzip without its last byte"),
        pytest.param(GZIP[:200_000], Fault.TRUNCATED, id="gzip cut"),
        pytest.param(GZIP[:12], Fault.TRUNCATED, id="gzip cut after its header"),
        pytest.param(GZIP + GZIP[:5], Fault.TRUNCATED, id="gzip cut in its second member"),
        pytest.param(flipped(GZIP, 150_000), Fault.CORRUPT, id="gzip, a bit flipped"),
        pytest.param(flipped(GZIP, len(GZIP) - 6), Fault.CORRUPT, id="gzip, a bit of its sum flipped"),
        pytest.param(GZIP + b"rubbish", Fault.CORRUPT, id="gzip and rubbish"),
        pytest.param(ZSTD[:-1], Fault.TRUNCATED, id="zstd without its last byte"),
        pytest.param(ZSTD[:-4], Fault.TRUNCATED, id="zstd without its sum"),
        pytest.param(ZSTD[:200_000], Fault.TRUNCATED, id="zstd cut"),
        pytest.param(ZSTD[:6], Fault.TRUNCATED, id="zstd cut in its header"),
        pytest.param(ZSTD + ZSTD[:9], Fault.TRUNCATED, id="zstd cut in its second frame"),
        pytest.param(flipped(ZSTD, 150_000), Fault.CORRUPT, id="zstd, a bit flipped"),
        pytest.param(ZSTD + b"rubbish of some length", Fault.CORRUPT, id="zstd and rubbish"),
        pytest.param(TAR[:1000], Fault.TRUNCATED, id="tar cut in a file"),
        pytest.param(TAR[:1536], Fault.TRUNCATED, id="tar cut between two files"),
        pytest.param(TAR[:2048], Fault.TRUNCATED, id="tar with half its end"),
        pytest.param(flipped(TAR, 130), Fault.CORRUPT, id="tar, a bit of a header flipped"),
        pytest.param(TAR + TAR, Fault.CORRUPT, id="two tars"),
        pytest.param(bytes(257) + b"ustar" + bytes(250) + bytes(1024), Fault.CORRUPT, id="tar without a sum"),
        pytest.param(gzip.compress(TAR)[:-2], Fault.TRUNCATED, id="whole tar in cut gzip"),
    ],
)
def test_what_breaks_off_or_was_changed_is_named_so(body: bytes, what: Fault) -> None:
    assert fault(body) is what


def test_a_layer_within_a_layer_is_blamed_for_itself() -> None:
    assert fault(gzip.compress(ZSTD[:1000])) is Fault.TRUNCATED
    assert fault(zstd(flipped(GZIP, 150_000))) is Fault.CORRUPT


@pytest.mark.parametrize(
    ("body", "what"),
    [
        pytest.param(tar({"toc.dat": TOC, "notas.txt": b"x"}), Fault.OTHER_FORMAT, id="another file"),
        pytest.param(tar({"a/toc.dat": TOC, "b/1.dat": b"x"}), Fault.OTHER_FORMAT, id="of two folders"),
        pytest.param(tar({"toc.dat": TOC, "TOC.DAT": TOC}), Fault.OTHER_FORMAT, id="other letters"),
        pytest.param(tar({"notas.txt": b"x", "foto.png": bytes(9)}), Fault.NOT_AN_ARCHIVE, id="strangers"),
        pytest.param(tar({"a.dump": CUSTOM, "b.dump": CUSTOM}), Fault.OTHER_FORMAT, id="two dumps"),
        pytest.param(tar({"a.sql": PLAIN[:100], "b.dump": CUSTOM}), Fault.OTHER_FORMAT, id="two dumps, one small"),
        pytest.param(tar({"backup_label": b"START WAL LOCATION"}), Fault.OTHER_FORMAT, id="a base backup"),
        pytest.param(tar({"./PG_VERSION": b"15\n"}), Fault.OTHER_FORMAT, id="a data directory"),
        pytest.param(tar({"../toc.dat": TOC}), Fault.HOSTILE, id="a name that climbs"),
        pytest.param(tar({"/tmp/toc.dat": TOC}), Fault.HOSTILE, id="an absolute name"),  # noqa: S108
        pytest.param(tar({"toc.dat": b""}, type=tarfile.SYMTYPE, linkname="/etc/passwd"), Fault.HOSTILE, id="a link"),
        pytest.param(tar({"toc.dat": b""}, type=tarfile.LNKTYPE, linkname="1.dat"), Fault.HOSTILE, id="a hard link"),
        pytest.param(tar({"toc.dat": b""}, type=tarfile.FIFOTYPE), Fault.HOSTILE, id="a pipe"),
        pytest.param(tar({"toc.dat": b""}, type=tarfile.CHRTYPE), Fault.HOSTILE, id="a device"),
        pytest.param(tar({"toc.dat": b""}, type=tarfile.GNUTYPE_SPARSE), Fault.OTHER_FORMAT, id="a sparse file"),
        pytest.param(TAR[:1536] + TAR, Fault.CORRUPT, id="a name twice"),
        pytest.param(tar({"assist.dir": b""}, type=tarfile.DIRTYPE), Fault.EMPTY, id="an empty folder"),
    ],
)
def test_a_tar_holds_one_directory_dump_or_one_file(body: bytes, what: Fault) -> None:
    assert fault(body) is what


PAX = tarfile.PAX_FORMAT


@pytest.mark.parametrize(
    ("body", "what"),
    [
        pytest.param(tar({"toc.dat": b""}, style=PAX, pax_headers={"size": "-512"}), Fault.CORRUPT, id="negative"),
        pytest.param(tar({"toc.dat": b""}, style=PAX, pax_headers={"size": ""}), Fault.CORRUPT, id="none"),
        pytest.param(tar({"toc.dat": b""}, style=PAX, pax_headers={"size": "9" * 5000}), Fault.CORRUPT, id="too long"),
        pytest.param(tar({"toc.dat": b""}, style=PAX, pax_headers={"size": "9" * 30}), Fault.TRUNCATED, id="huge"),
        pytest.param(
            TAR[:1536] + tar({"a": b"of a folder"}, type=tarfile.DIRTYPE), Fault.OTHER_FORMAT, id="a folder's"
        ),
    ],
)
def test_a_size_that_cannot_be_is_no_size(body: bytes, what: Fault) -> None:
    assert fault(body) is what


def test_an_extended_header_of_any_length_is_not_read_into_memory() -> None:
    long = tar({"toc.dat": TOC}, style=tarfile.PAX_FORMAT, pax_headers={"comment": "x" * 1_000_000})
    assert fault(long) is Fault.OTHER_FORMAT


def test_a_window_that_would_take_gigabytes_is_not_opened() -> None:
    options = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=True)
    wide = zstandard.ZstdCompressor(compression_params=options).compressobj()
    assert fault(wide.compress(CUSTOM) + wide.flush()) is Fault.OTHER_FORMAT


@pytest.mark.parametrize("packer", ["gzip", "zstd"])
def test_what_unpacks_without_end_comes_a_block_at_a_time(packer: str) -> None:
    pack = zlib.compressobj(9, wbits=31) if packer == "gzip" else zstandard.ZstdCompressor().compressobj()
    packed = pack.compress(CUSTOM) + b"".join(pack.compress(zeros) for zeros in repeat(bytes(BLOCK_BYTES), 200))
    sizes = [len(item) for item in peel(blocks(packed + pack.flush()), opened, []).files if isinstance(item, bytes)]
    assert max(sizes) <= 2 * BLOCK_BYTES
    assert sum(sizes) == len(CUSTOM) + 200 * BLOCK_BYTES
