"""python-libnbd: what the protocol promises, request by request."""

import errno

import nbd

from harness.context import equal
from harness.registry import BOTH_TRANSPORTS, case

KIB = 1 << 10
MIB = 1 << 20
HOLE_AND_ZERO = nbd.STATE_HOLE | nbd.STATE_ZERO


def connect(server, transport="unix", volume="v", contexts=(), strict=True, before=None):
    """A libnbd handle on a volume; `before(handle)` changes it before it connects."""
    handle = nbd.NBD()
    for name in contexts:
        handle.add_meta_context(name)
    if not strict:
        handle.set_strict_mode(0)
    if before:
        before(handle)
    handle.connect_uri(server.uri(volume, transport))
    return handle


def volume(t, size=16 * MIB, name="v"):
    """A fresh server with one volume."""
    server = t.server()
    server.create_volume(name, size)
    return server


def refused(call, *arguments, errors):
    """Checks that the call fails with one of the error numbers."""
    try:
        call(*arguments)
    except nbd.Error as error:
        names = [errno.errorcode[number] for number in errors]
        assert error.errnum in errors, f"{error}: expected {' or '.join(names)}"
        return error.errnum
    raise AssertionError(f"{call.__name__}{arguments[1:]} succeeded")


def extents(handle, length, offset):
    """Block status of a range as (length, state), neighbours joined."""
    result = []
    end = offset + length
    while offset < end:
        entries = []
        handle.block_status(end - offset, offset,
                            lambda context, at, found, error: entries.extend(found))
        assert entries, "block status without an extent"
        for size, state in zip(entries[::2], entries[1::2]):
            size = min(size, end - offset)
            offset += size
            if result and result[-1][1] == state:
                size += result.pop()[0]
            result.append((size, state))
    return result


@case(each=BOTH_TRANSPORTS)
def structured_replies_and_the_allocation_context_are_negotiated(t, transport):
    h = connect(volume(t), transport, contexts=["base:allocation"])
    equal(h.get_protocol(), "newstyle-fixed", "protocol")
    assert h.get_structured_replies_negotiated()
    assert h.can_meta_context("base:allocation")
    assert h.can_df() and h.can_fua() and h.can_multi_conn() and h.can_zero() and h.can_trim()
    equal(h.get_size(), 16 * MIB, "size")
    h.shutdown()


@case(each=BOTH_TRANSPORTS)
def a_client_without_structured_replies_works_too(t, transport):
    server = volume(t)
    h = connect(server, transport, before=lambda h: h.set_request_structured_replies(False))
    assert not h.get_structured_replies_negotiated()
    data = t.random.randbytes(MIB)
    h.pwrite(data, 4096)
    equal(h.pread(MIB, 4096), data, "data")
    equal(h.pread(4096, 0), bytes(4096), "unwritten")
    h.flush()
    h.shutdown()


@case(each=BOTH_TRANSPORTS)
def block_status_follows_writes_trims_and_zeroes(t, transport):
    h = connect(volume(t), transport, contexts=["base:allocation"])
    equal(extents(h, 16 * MIB, 0), [(16 * MIB, HOLE_AND_ZERO)], "an empty volume")
    h.pwrite(t.random.randbytes(4 * MIB), 4 * MIB)
    expected = [(4 * MIB, HOLE_AND_ZERO), (4 * MIB, 0), (8 * MIB, HOLE_AND_ZERO)]
    equal(extents(h, 16 * MIB, 0), expected, "after a write")
    h.trim(MIB, 5 * MIB)
    h.zero(MIB, 7 * MIB)
    expected = [(MIB, 0), (MIB, HOLE_AND_ZERO), (MIB, 0)]
    equal(extents(h, 3 * MIB, 4 * MIB), expected, "after a trim")
    ((size, state),) = extents(h, MIB, 7 * MIB)
    assert size == MIB and state & nbd.STATE_ZERO, f"after write zeroes: {state}"
    h.shutdown()


@case()
def block_status_can_be_asked_for_one_extent_and_for_any_offset(t):
    h = connect(volume(t), contexts=["base:allocation"])
    for number in range(8):
        h.pwrite(bytes([number + 1]) * 4096, number * 8192)
    found = []
    h.block_status(65536, 0, lambda context, at, entries, error: found.extend(entries),
                   nbd.CMD_FLAG_REQ_ONE)
    equal(found, [4096, 0], "one extent")
    expected = [(4096, 0), (4096, HOLE_AND_ZERO)] * 7
    equal(extents(h, 57344, 0), expected, "all extents")
    equal(extents(h, 2048, 2048), [(2048, 0)], "the second half of a block")
    h.shutdown()


@case(each=BOTH_TRANSPORTS)
def trim_and_zero_with_all_flags_read_back_as_zeroes(t, transport):
    h = connect(volume(t), transport)
    full = t.random.randbytes(MIB)
    zero_flags = [0, nbd.CMD_FLAG_FUA, nbd.CMD_FLAG_NO_HOLE,
                  nbd.CMD_FLAG_FUA | nbd.CMD_FLAG_NO_HOLE]
    ways = [lambda n, at, f=f: h.zero(n, at, f) for f in zero_flags]
    ways += [lambda n, at, f=f: h.trim(n, at, f) for f in (0, nbd.CMD_FLAG_FUA)]
    if h.can_fast_zero():
        def fast(n, at):
            try:
                h.zero(n, at, nbd.CMD_FLAG_FAST_ZERO)
            except nbd.Error as error:
                equal(error.errnum, errno.ENOTSUP, "fast zero")
                h.zero(n, at)
        ways.append(fast)
    for way in ways:
        for offset, length in ((0, MIB), (4096, 4096), (512, 512), (3584, 1024), (4608, 70144)):
            h.pwrite(full, 0)
            way(length, offset)
            expected = full[:offset] + bytes(length) + full[offset + length:]
            found = h.pread(MIB, 0)
            equal(found[:offset], expected[:offset], f"before {offset}")
            # A trim need not zero what is less than a block; a zeroing must.
            equal(found[offset + length:], expected[offset + length:], f"after {offset + length}")
            inner = -(-offset // 4096) * 4096
            outer = (offset + length) // 4096 * 4096
            if inner < outer:
                equal(found[inner:outer], bytes(outer - inner), f"whole blocks of {offset}")
    for flags in zero_flags:
        h.pwrite(full, 0)
        h.zero(1024, 3584, flags)
        equal(h.pread(MIB, 0), full[:3584] + bytes(1024) + full[4608:], "zeroing parts of blocks")
    h.shutdown()


@case(each=BOTH_TRANSPORTS)
def fua_and_flush_survive_the_death_of_the_server(t, transport):
    server = volume(t)
    h = connect(server, transport)
    data = t.random.randbytes(3 * MIB)
    h.pwrite(data[:MIB], 0, nbd.CMD_FLAG_FUA)
    h.pwrite(data[MIB:], MIB)
    h.flush()
    h.pwrite(data[:MIB], 8 * MIB)
    h.zero(4096, 4096, nbd.CMD_FLAG_FUA)
    server.kill()
    server.start()
    h = connect(server, transport)
    equal(h.pread(3 * MIB, 0), data[:4096] + bytes(4096) + data[8192:], "what was flushed")
    equal(h.pread(MIB, 8 * MIB), data[:MIB], "what was only acknowledged")
    h.shutdown()


@case(each=BOTH_TRANSPORTS)
def a_write_on_one_connection_is_read_on_all_others(t, transport):
    server = volume(t)
    handles = [connect(server, transport) for _ in range(8)]
    for number in range(200):
        writer = handles[number % 8]
        offset = t.random.randrange(0, 16 * MIB - 64 * KIB)
        data = t.random.randbytes(t.random.randrange(1, 64 * KIB))
        writer.pwrite(data, offset)
        reader = handles[t.random.randrange(8)]
        equal(reader.pread(len(data), offset), data, f"round {number}")
    for h in handles:
        h.shutdown()


@case()
def a_flush_on_one_connection_covers_the_writes_of_another(t):
    server = volume(t)
    tcp, unix = connect(server, "tcp"), connect(server, "unix")
    assert tcp.can_multi_conn() and unix.can_multi_conn()
    data = t.random.randbytes(4 * MIB)
    tcp.pwrite(data, MIB)
    unix.flush()
    equal(unix.pread(4 * MIB, MIB), data, "on the other transport")
    server.kill()
    server.start()
    equal(connect(server).pread(4 * MIB, MIB), data, "after the death of the server")


@case(each=BOTH_TRANSPORTS)
def one_chunk_is_enough_when_the_client_asks_for_it(t, transport):
    h = connect(volume(t), transport)
    data = t.random.randbytes(4096)
    for block in range(0, 16, 2):
        h.pwrite(data, block * 4096)
    expected = (data + bytes(4096)) * 8
    for flags in (0, nbd.CMD_FLAG_DF):
        chunks = []
        found = h.pread_structured(
            65536, 0, lambda part, at, status, error: chunks.append((at, len(part))), flags)
        equal(found, expected, "data")
        if flags:
            equal(chunks, [(0, 65536)], "chunks with DF")
    h.shutdown()


@case(each=BOTH_TRANSPORTS)
def requests_of_32_mib_are_served_whole(t, transport):
    h = connect(volume(t, 80 * MIB), transport)
    largest = h.get_block_size(nbd.SIZE_MAXIMUM)
    assert largest == 0 or largest >= 32 * MIB, largest
    data = t.random.randbytes(32 * MIB)
    h.pwrite(data, 4096)
    equal(h.pread(32 * MIB, 4096) == data, True, "32 MiB read back")
    h.pwrite(data, 33 * MIB + 512, nbd.CMD_FLAG_FUA)
    equal(h.pread(32 * MIB, 33 * MIB + 512) == data, True, "32 MiB at an odd sector")
    equal(h.pread(MIB, 32 * MIB)[:4096], data[-4096:], "the end of the first")
    h.zero(64 * MIB, 0)
    h.trim(80 * MIB, 0)
    equal(h.pread(32 * MIB, 4096) == bytes(32 * MIB), True, "zeroes")
    h.shutdown()


@case(each=BOTH_TRANSPORTS)
def odd_offsets_and_lengths_follow_the_block_sizes(t, transport):
    h = connect(volume(t, MIB), transport, strict=False)
    smallest = h.get_block_size(nbd.SIZE_MINIMUM) or 1
    assert smallest in (1, 512), f"minimum block size {smallest}"
    equal(h.get_block_size(nbd.SIZE_PREFERRED) in (0, 4096), True, "preferred block size")
    shadow = bytearray(MIB)
    for _ in range(400):
        offset = t.random.randrange(0, MIB - 1, smallest)
        length = min(t.random.choice([1, 3, 511, 512, 4095, 4097, 20000]), MIB - offset)
        length = -(-length // smallest) * smallest
        data = t.random.randbytes(length)
        h.pwrite(data, offset)
        shadow[offset:offset + length] = data
    equal(h.pread(MIB, 0) == bytes(shadow), True, "the whole volume")
    for _ in range(100):
        offset = t.random.randrange(0, MIB - 1, smallest)
        length = t.random.randrange(smallest, MIB - offset + 1, smallest)
        equal(h.pread(length, offset) == bytes(shadow[offset:offset + length]), True,
              f"{length} bytes at {offset}")
    if smallest > 1:
        refused(h.pwrite, b"x", 1, errors=[errno.EINVAL])
        equal(h.pread(512, 0), bytes(shadow[:512]), "after a refused write")
    h.shutdown()


@case(each=BOTH_TRANSPORTS)
def requests_past_the_end_are_refused_and_change_nothing(t, transport):
    h = connect(volume(t, MIB), transport, contexts=["base:allocation"], strict=False)
    tail = t.random.randbytes(4096)
    h.pwrite(tail, MIB - 4096)
    nothing = lambda *_: 0  # noqa: E731
    for offset in (MIB - 512, MIB, MIB + 4096, (1 << 62)):
        refused(h.pwrite, bytes(1024), offset, errors=[errno.ENOSPC, errno.EINVAL])
        refused(h.pread, 1024, offset, errors=[errno.EINVAL])
        refused(h.zero, 1024, offset, errors=[errno.ENOSPC, errno.EINVAL])
        refused(h.trim, 1024, offset, errors=[errno.EINVAL, errno.ENOSPC])
        refused(h.block_status, 1024, offset, nothing, errors=[errno.EINVAL])
    equal(h.pread(4096, MIB - 4096), tail, "the last block")
    equal(h.get_size(), MIB, "size")
    h.shutdown()


@case()
def unknown_flags_are_refused_and_the_connection_goes_on(t):
    h = connect(volume(t, MIB), strict=False)
    refused(h.pread, 512, 0, nbd.CMD_FLAG_REQ_ONE, errors=[errno.EINVAL])
    refused(h.pwrite, bytes(512), 0, nbd.CMD_FLAG_NO_HOLE, errors=[errno.EINVAL])
    refused(h.trim, 512, 0, nbd.CMD_FLAG_FAST_ZERO, errors=[errno.EINVAL])
    h.pwrite(b"y" * 512, 0)
    equal(h.pread(512, 0), b"y" * 512, "afterwards")
    h.shutdown()


@case(each=BOTH_TRANSPORTS)
def two_hundred_volumes_are_listed(t, transport):
    server = t.server()
    names = sorted(f"volume-{number:03}" for number in range(200))
    for name in names:
        server.create_volume(name, MIB)
    h = nbd.NBD()
    h.set_opt_mode(True)
    h.connect_uri(server.uri("", transport))
    found = []
    equal(h.opt_list(lambda name, description: found.append(name)), 200, "number of exports")
    equal(sorted(found), names, "names")
    h.set_export_name("volume-117")
    h.opt_go()
    equal(h.get_size(), MIB, "size")
    h.shutdown()


@case(each=BOTH_TRANSPORTS)
def names_with_spaces_and_umlauts_are_names(t, transport):
    server = t.server()
    umlauts, kanji = "Gr\u00f6\u00dfe-\u00df", "\u540d\u524d"
    names = ["with two spaces", umlauts, kanji, "plus+percent%41", "dots.and_under-score"]
    for number, name in enumerate(names):
        server.create_volume(name, (number + 1) * MIB)
    for number, name in enumerate(names):
        h = connect(server, transport, volume=name)
        equal(h.get_size(), (number + 1) * MIB, name)
        h.pwrite(name.encode(), 0)
        h.shutdown()
    server.restart()
    for name in names:
        h = connect(server, transport, volume=name)
        equal(h.pread(len(name.encode()), 0), name.encode(), name)
        h.shutdown()


@case(each=BOTH_TRANSPORTS)
def an_old_client_opens_by_export_name(t, transport):
    server = volume(t)
    for flags in (0, nbd.HANDSHAKE_FLAG_NO_ZEROES):
        h = connect(server, transport, before=lambda h: h.set_handshake_flags(flags))
        equal(h.get_protocol(), "newstyle", "protocol")
        h.pwrite(b"old" * 100, 3)
        equal(h.pread(300, 3), b"old" * 100, "data")
        h.flush()
        h.shutdown()


@case(each=BOTH_TRANSPORTS)
def info_can_be_asked_before_a_volume_is_chosen(t, transport):
    server = volume(t)
    server.create_volume("w", 2 * MIB)
    h = nbd.NBD()
    h.set_opt_mode(True)
    h.add_meta_context("base:allocation")
    h.connect_uri(server.uri("w", transport))
    h.opt_info()
    equal(h.get_size(), 2 * MIB, "size of w")
    h.set_export_name("absent")
    refused(h.opt_info, errors=[errno.ENOENT])
    contexts = []
    h.set_export_name("v")
    h.opt_list_meta_context(lambda name: contexts.append(name))
    equal(contexts, ["base:allocation"], "contexts")
    h.opt_go()
    equal(h.get_size(), 16 * MIB, "size of v")
    h.shutdown()
    refused(connect, server, transport, "absent", errors=[errno.ENOENT])


@case(each=BOTH_TRANSPORTS)
def many_requests_in_flight_are_answered_each_with_its_own_data(t, transport):
    server = volume(t, 64 * MIB)
    handles = [connect(server, transport) for _ in range(3)]
    done = []
    buffers = {}
    for number in range(600):
        data = bytes([number % 251 + 1]) * t.random.choice([512, 4096, 65536])
        h = handles[number % 3]
        h.aio_pwrite(nbd.Buffer.from_bytearray(bytearray(data)), number * 65536,
                     completion=lambda error, n=number: done.append((n, error.value)) or 1)
        buffers[number] = data
    drain(handles)
    equal(sorted(done), [(number, 0) for number in range(600)], "writes")
    reads = {number: nbd.Buffer(len(data)) for number, data in buffers.items()}
    for number, buffer in reads.items():
        handles[(number + 1) % 3].aio_pread(buffer, number * 65536,
                                            completion=lambda error: 1)
    drain(handles)
    for number, buffer in reads.items():
        equal(bytes(buffer.to_bytearray()) == buffers[number], True, f"read {number}")
    for h in handles:
        h.shutdown()


def drain(handles):
    """Polls until nothing is in flight on any of the handles."""
    for h in handles:
        while h.aio_in_flight() > 0:
            h.poll(-1)
