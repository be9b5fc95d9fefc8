"""Encrypted volumes: the same bytes for every client, and none of them on the disk."""

import mmap
import os
import pathlib

from harness.context import equal
from harness.launcher import Trefoil
from harness.registry import case

from .cli import fails, rows
from .fio import VERIFY, fio
from .qemu import sparse_image

MIB = 1 << 20
SECRET = b"what nobody finds on the disk, 0123456789"


def key_file(t, name):
    """A new master key."""
    t.run(Trefoil.binary, "master-key", "create", t.path(name))
    return t.path(name)


def holds(top, needle):
    """Whether a file below `top` has these bytes."""
    for directory, _, names in os.walk(top):
        for name in names:
            path = pathlib.Path(directory) / name
            if path.is_file() and path.stat().st_size:
                with open(path, "rb") as file, \
                        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    if content.find(needle) >= 0:
                        return True
    return False


@case(trefoil_only=True)
def qemu_img_finds_an_image_again_and_nobody_finds_it_on_the_disk(t):
    server = t.server(options=["--key-file", key_file(t, "pool.key")])
    source = sparse_image(t, 64 * MIB)
    with open(source, "r+b") as file:
        file.seek(8 * MIB)
        file.write(SECRET * (4 * MIB // len(SECRET)))
    for name, options in (("v", ("--encrypt",)), ("w", ("--encrypt", "--compression", "lz4"))):
        server.run("volume", "create", name, str(64 * MIB), *options)
        uri = server.uri(name, "unix")
        t.sh("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source, uri)
        t.sh("qemu-img", "compare", "-f", "raw", "-F", "raw", source, uri)
    server.restart()
    for name in ("v", "w"):
        t.sh("qemu-img", "compare", "-f", "raw", "-F", "raw", source, server.uri(name, "unix"))
    assert not holds(server.data, SECRET[:16]), "an encrypted volume lies in the clear"
    server.run("volume", "create", "plain", str(64 * MIB))
    t.sh("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source,
         server.uri("plain", "unix"))
    server.stop()
    assert holds(server.data, SECRET[:16]), "the search finds what is there"
    server.run("check")


@case(trefoil_only=True)
def fio_verifies_what_it_wrote_to_an_encrypted_volume(t):
    server = t.server(options=["--key-file", key_file(t, "pool.key")])
    server.run("volume", "create", "v", str(64 * MIB), "--encrypt")
    for _ in range(2):
        fio(t, server, "unix", "--rw=randrw", "--rwmixread=30", "--bsrange=512-256k",
            "--blockalign=512", "--size=16m", "--offset_increment=16m", "--numjobs=4",
            "--iodepth=8", *VERIFY)
        server.restart()
    server.stop()
    server.run("check")


@case(trefoil_only=True)
def a_locked_volume_is_refused_alone(t):
    server = t.server(options=["--key-file", key_file(t, "pool.key")])
    server.run("volume", "create", "v", "64M", "--encrypt")
    server.run("volume", "create", "w", "64M")
    server.options = []
    server.restart()
    assert "locked_by" in rows(server)["v"] and "locked_by" not in rows(server)["w"], rows(server)
    refused = t.run("qemu-img", "info", server.uri("v", "unix"), status=1).stderr
    assert "its key is not here" in refused, refused
    t.sh("qemu-img", "info", server.uri("w", "unix"))
    assert "master key" in fails(server, "volume", "export", "v", t.path("out"))
    server.options = ["--key-file", t.path("pool.key")]
    server.restart()
    new = key_file(t, "new.key")
    server.run("master-key", "rotate", new)
    server.options = ["--key-file", new]
    server.restart()
    t.sh("qemu-img", "info", server.uri("v", "unix"))
    equal(rows(server)["v"]["encryption"], "aes-256-gcm", "encryption")
