"""Compressed volumes and buckets: the same bytes for every client, in less room."""

import json
import pathlib

from harness.clients import ObjectStore
from harness.context import equal
from harness.registry import case

from .cli import fails, rows
from .fio import VERIFY, fio
from .mount_clients import fsx, mounted
from .object_clients import same_trees, tree
from .qemu import sparse_image

MIB = 1 << 20


def text(size):
    """Lines that compress well."""
    line = b"%08d: the same words come again and again\n"
    return b"".join(line % number for number in range(size // 40))[:size]


def shown(server, kind, name):
    """`KIND show NAME --json`."""
    return json.loads(server.run(kind, "show", name, "--json").stdout)


@case(trefoil_only=True)
def qemu_img_finds_an_image_again_on_a_compressed_volume(t):
    server = t.server()
    source = sparse_image(t, 64 * MIB)
    with open(source, "r+b") as file:
        file.seek(8 * MIB)
        file.write(text(8 * MIB))
    server.run("volume", "create", "v", str(64 * MIB), "--compression", "lz4")
    uri = server.uri("v", "unix")
    for _ in range(2):
        t.sh("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source, uri)
        t.sh("qemu-img", "compare", "-f", "raw", "-F", "raw", source, uri)
    row = rows(server)["v"]
    equal(row["compression"], "lz4", "compression")
    assert row["stored"] < row["allocated"] - 4 * MIB, row
    server.restart()
    t.sh("qemu-img", "compare", "-f", "raw", "-F", "raw", source, server.uri("v", "unix"))
    server.stop()
    server.run("check")


@case(trefoil_only=True)
def fio_verifies_what_it_wrote_while_compression_goes_on_and_off(t):
    server = t.server()
    server.run("volume", "create", "v", str(64 * MIB), "--compression", "lz4")
    for value in ("lz4", "none", "lz4"):
        server.run("volume", "set", "v", f"compression={value}")
        fio(t, server, "unix", "--rw=randrw", "--rwmixread=30", "--bsrange=4k-256k",
            "--blockalign=4k", "--size=16m", "--offset_increment=16m", "--numjobs=4",
            "--iodepth=8", "--buffer_compress_percentage=60", "--refill_buffers=1", *VERIFY)
    server.stop()
    server.run("check")


@case(trefoil_only=True, timeout_seconds=300)
def fsx_finds_no_byte_out_of_place_in_a_compressed_bucket(t):
    fsx(t, 20_000, 280, compression="lz4")


@case(trefoil_only=True)
def awscli_syncs_a_tree_to_a_compressed_bucket_and_back(t):
    server, mount = mounted(t, compression="lz4")
    objects = ObjectStore(server)
    top = tree(t, "up")
    (pathlib.Path(top) / "text").write_bytes(text(9 * MIB))
    objects.aws("s3", "sync", "--quiet", top, "s3://box")
    objects.aws("s3", "sync", "--quiet", "s3://box", t.path("down"))
    same_trees(top, t.path("down"))
    equal((mount / "text").read_bytes(), text(9 * MIB), "the text through the mount")
    row = shown(server, "bucket", "box")
    assert row["stored"] < row["allocated"] - 4 * MIB, row


@case(trefoil_only=True)
def the_setting_is_shown_kept_and_refused_in_one_line(t):
    server = t.server()
    server.run("volume", "create", "v", "1G")
    server.run("bucket", "create", "box", "--compression", "lz4")
    equal(shown(server, "volume", "v")["compression"], "none", "of a new volume")
    server.run("volume", "set", "v", "--compression", "lz4")
    server.run("bucket", "set", "box", "compression=none")
    fails(server, "volume", "set", "v", "compression=zip", status=2)
    fails(server, "volume", "set", "missing", "compression=lz4")
    server.restart()
    equal(shown(server, "volume", "v")["compression"], "lz4", "after a restart")
    equal(shown(server, "bucket", "box")["compression"], "none", "after a restart")
