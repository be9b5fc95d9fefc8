"""qemu's tools: qemu-img and qemu-io, a client that others wrote from the specification."""

import json
import re

from harness.context import Skip, equal
from harness.rawnbd import Negotiation, listen_for_options
from harness.registry import BOTH_TRANSPORTS, case

MIB = 1 << 20
GIB = 1 << 30


def io(t, server, *commands, transport="unix", volume="v", options=()):
    """Runs qemu-io commands on a volume; fails when one reports an error."""
    words = [word for command in commands for word in ("-c", command)]
    text = t.sh("qemu-io", *options, "--image-opts", server.qemu_options(volume, transport), *words)
    for sign in ("failed", "error", "Pattern verification"):
        assert sign not in text, f"qemu-io: {text}"
    return text


def sparse_image(t, size):
    """A raw image with data at the start, in the middle and in its last sectors."""
    path = t.path("source.raw")
    with open(path, "wb") as file:
        file.truncate(size)
        for offset, length in ((0, 3 * MIB), (size // 2, 5 * MIB), (size - 65536, 65536)):
            file.seek(offset)
            file.write(t.random.randbytes(length))
    return path


def data_ranges(t, *where):
    """What `qemu-img map` says is data, as (start, length), neighbours joined."""
    result = []
    for extent in json.loads(t.sh("qemu-img", "map", "--output=json", *where)):
        if extent["zero"]:
            continue
        start, length = extent["start"], extent["length"]
        if result and sum(result[-1]) == start:
            start, length = result[-1][0], result.pop()[1] + length
        result.append((start, length))
    return result


@case(each=BOTH_TRANSPORTS)
def qemu_img_converts_a_raw_image_in_and_out(t, transport):
    server = t.server()
    source = sparse_image(t, 64 * MIB)
    server.create_volume("v", 64 * MIB)
    uri = server.uri("v", transport)
    t.sh("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source, uri)
    t.sh("qemu-img", "compare", "-f", "raw", "-F", "raw", source, uri)
    t.sh("qemu-img", "convert", "-f", "raw", "-O", "raw", uri, t.path("back.raw"))
    t.sh("cmp", source, t.path("back.raw"))
    t.sh("qemu-img", "convert", "-n", "-W", "-m", "16", "-f", "raw", "-O", "raw", source, uri)
    t.sh("qemu-img", "compare", "-s", "-f", "raw", "-F", "raw", source, uri, status=None)
    t.sh("qemu-img", "compare", "-f", "raw", "-F", "raw", source, uri)


@case(each=BOTH_TRANSPORTS)
def qemu_img_converts_qcow2_in_and_out(t, transport):
    server = t.server()
    source = sparse_image(t, 64 * MIB)
    t.sh("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", source, t.path("source.qcow2"))
    server.create_volume("v", 64 * MIB)
    uri = server.uri("v", transport)
    t.sh("qemu-img", "convert", "-n", "-f", "qcow2", "-O", "raw", t.path("source.qcow2"), uri)
    t.sh("qemu-img", "convert", "-f", "raw", "-O", "qcow2", uri, t.path("back.qcow2"))
    t.sh("qemu-img", "check", t.path("back.qcow2"))
    t.sh("qemu-img", "compare", t.path("back.qcow2"), t.path("source.qcow2"))
    t.sh("qemu-img", "compare", "-f", "raw", "-F", "qcow2", uri, t.path("source.qcow2"))


@case(each=BOTH_TRANSPORTS)
def a_qcow2_image_lives_inside_a_volume(t, transport):
    server = t.server()
    server.create_volume("v", 64 * MIB)
    uri = server.uri("v", transport)
    t.sh("qemu-img", "create", "-f", "qcow2", uri, "48M")
    t.sh("qemu-io", "-f", "qcow2", uri, "-c", "write -P 7 1M 4M", "-c", "discard 2M 1M",
         "-c", "write -P 8 40M 64k", "-c", "flush")
    server.restart()
    text = t.sh("qemu-io", "-f", "qcow2", uri, "-c", "read -P 7 1M 1M", "-c", "read -P 0 2M 1M",
                "-c", "read -P 8 40M 64k")
    assert "failed" not in text, text
    t.sh("qemu-img", "check", "-f", "qcow2", uri)


@case(each=BOTH_TRANSPORTS)
def qemu_img_map_shows_holes_as_holes(t, transport):
    server = t.server()
    source = sparse_image(t, 64 * MIB)
    server.create_volume("v", 64 * MIB)
    uri = server.uri("v", transport)
    equal(data_ranges(t, "-f", "raw", uri), [], "an empty volume")
    t.sh("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source, uri)
    expected = [(0, 3 * MIB), (32 * MIB, 5 * MIB), (64 * MIB - 65536, 65536)]
    equal(data_ranges(t, "-f", "raw", uri), expected, "after convert")
    io(t, server, "discard 1M 1M", "write -z -u 33M 2M", transport=transport)
    expected = [(0, MIB), (2 * MIB, MIB), (32 * MIB, MIB), (35 * MIB, 2 * MIB), expected[2]]
    equal(data_ranges(t, "-f", "raw", uri), expected, "after discard and write zeroes")


@case(each=BOTH_TRANSPORTS)
def qemu_io_reads_back_its_patterns_at_any_alignment(t, transport):
    server = t.server()
    server.create_volume("v", 16 * MIB)
    io(t, server,
       "write -P 1 0 16M", "write -P 2 4096 4096", "write -P 3 5000 3", "write -P 4 8191 2",
       "write -P 5 1048000 1500", "write -P 6 2097151 1048578", "flush",
       "read -P 1 0 4096", "read -P 2 4096 904", "read -P 3 5000 3", "read -P 2 5003 3188",
       "read -P 4 8191 2", "read -P 1 8193 1039807", "read -P 5 1048000 1500",
       "read -P 1 1049500 1047651", "read -P 6 2097151 1048578", "read -P 1 3145729 1000",
       transport=transport)
    server.restart()
    io(t, server, "read -P 3 5000 3", "read -P 4 8191 2", "read -P 5 1048000 1500",
       "read -P 6 2097151 1048578", "read -P 1 3145729 13631487", transport=transport)


@case(each=BOTH_TRANSPORTS)
def qemu_io_zeroes_with_and_without_unmap(t, transport):
    server = t.server()
    server.create_volume("v", 16 * MIB)
    io(t, server,
       "write -P 1 0 16M", "write -z 1M 1M", "write -z -u 3M 1M", "write -z 5242881 70000",
       "write -z -u 6291457 70001", "write -z -f 8M 4096",
       "read -P 1 0 1M", "read -P 0 1M 1M", "read -P 1 2M 1M", "read -P 0 3M 1M",
       "read -P 1 5242880 1", "read -P 0 5242881 70000", "read -P 1 5312881 1000",
       "read -P 1 6291456 1", "read -P 0 6291457 70001", "read -P 1 6361458 1000",
       "read -P 0 8M 4096", transport=transport)


@case(each=BOTH_TRANSPORTS)
def qemu_io_fast_zero_is_done_or_refused_but_never_wrong(t, transport):
    server = t.server()
    server.create_volume("v", 16 * MIB)
    io(t, server, "write -P 9 0 16M", transport=transport)
    text = t.sh("qemu-io", "--image-opts", server.qemu_options("v", transport),
                "-c", "write -z -n 4M 4M", status=None)
    done = "not supported" not in text and "failed" not in text
    io(t, server, f"read -P {0 if done else 9} 4M 4M", "read -P 9 0 4M", "read -P 9 8M 8M",
       transport=transport)


@case(each=BOTH_TRANSPORTS)
def qemu_io_discards_read_back_as_zeroes(t, transport):
    server = t.server()
    server.create_volume("v", 16 * MIB)
    io(t, server, "write -P 1 0 16M", "discard 0 1M", "discard 4M 4M", "discard 12589056 8192",
       "flush", "read -P 0 0 1M", "read -P 1 1M 3M", "read -P 0 4M 4M", "read -P 1 8M 4M",
       transport=transport)
    server.restart()
    io(t, server, "read -P 0 0 1M", "read -P 1 1M 3M", "read -P 0 4M 4M", transport=transport)


@case(each=BOTH_TRANSPORTS)
def qemu_io_keeps_many_vectored_requests_in_flight(t, transport):
    server = t.server()
    server.create_volume("v", 64 * MIB)
    writes = [f"aio_write -P {number + 1} {number}M 512 4096 65536 978432" for number in range(48)]
    reads = [f"aio_read -P {number + 1} {number}M 4096 512 978432 65536" for number in range(48)]
    io(t, server, *writes, "aio_flush", *reads, "aio_flush",
       "writev -P 99 50M 4096 4096 8192", "readv -P 99 50M 512 15872", transport=transport)


@case(each=BOTH_TRANSPORTS)
def qemu_io_sees_the_cached_and_the_uncached_way_alike(t, transport):
    server = t.server()
    server.create_volume("v", 4 * MIB)
    for cache in ("none", "writethrough", "writeback", "directsync", "unsafe"):
        io(t, server, "write -P 5 0 1M", "read -P 5 0 1M", "write -P 6 -f 1M 4096",
           "read -P 6 1M 4096", transport=transport, options=("-t", cache))


@case()
def zeroing_five_gigabytes_leaves_one_hole(t):
    server = t.server()
    server.create_volume("v", 16 * GIB)
    zeroes = [f"write -z -u {number}G 1G" for number in range(5)]
    io(t, server, "write -P 1 0 1M", "write -P 2 4G 1M", "write -P 3 5368709120 1M", *zeroes,
       "read -P 0 0 1M", "read -P 0 4G 1M", "read -P 3 5368709120 1M")
    equal(data_ranges(t, "-f", "raw", server.uri("v")), [(5 * GIB, MIB)], "map")


@case()
def qemu_works_whether_or_not_extended_headers_are_agreed(t):
    offers = listen_for_options(t.path("probe.sock"), lambda path: t.run(
        "qemu-img", "info", f"nbd+unix:///?socket={path}", status=None, timeout=20))
    if Negotiation.EXTENDED_HEADERS not in offers:
        raise Skip("this qemu does not ask for extended headers")
    server = t.server()
    server.create_volume("v", 16 * GIB)
    trace = t.run("qemu-io", "--trace", "nbd_*", "--image-opts", server.qemu_options("v"),
                  "-c", "write -P 4 15G 1M", "-c", "discard 0 2000M", "-c", "write -z -u 15G 64k",
                  "-c", "read -P 4 16106192896 64k", "-c", "read -P 0 15G 64k").stderr
    agreed = re.search(r"option reply 11 \(extended headers\), type 1 ", trace) is not None
    print("extended headers agreed:", agreed)
    equal(data_ranges(t, "-f", "raw", server.uri("v")), [(15 * GIB + 65536, MIB - 65536)], "map")
