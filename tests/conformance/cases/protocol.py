"""Clients that break the protocol: each costs one line of log and nobody else anything."""

import contextlib
import os
import struct

from harness.context import Skip, equal, wait_until
from harness.rawnbd import (
    OPTION_MAGIC, Client, Command, Errno, Negotiation, closed_by_peer, receive,
)
from harness.registry import BOTH_TRANSPORTS, case

from .libnbd import connect

KIB = 1 << 10
MIB = 1 << 20
CONTENT = b"\xa5" * 4096


class Bystander:
    """A client that behaves, connected all the time; its work must go on."""

    def __init__(self, t, transport):
        self.t = t
        self.server = t.server(allow=[r"\bWARN\b"])
        self.server.create_volume("v", 8 * MIB)
        self.transport = transport
        self.handle = connect(self.server, transport)
        self.handle.pwrite(CONTENT, 0)
        self.rounds = 0

    def raw(self):
        """A fresh connection without any handshake."""
        return Client(self.server.connect(self.transport))

    def works(self):
        """The connection that was there before works, and so does a new one."""
        self.rounds += 1
        stamp = struct.pack(">Q", self.rounds) * 512
        self.handle.pwrite(stamp, 4 * MIB)
        fresh = connect(self.server, self.transport)
        equal(fresh.pread(4096, 4 * MIB), stamp, "a new connection")
        equal(fresh.pread(4096, 0), CONTENT, "what nobody wrote to")
        fresh.shutdown()

    @contextlib.contextmanager
    def complaints(self, exactly=None, at_most=None):
        """Checks how many WARN lines the block costs, and that others go on."""
        before = len(self.server.complaints())
        count = lambda: len(self.server.complaints()) - before  # noqa: E731
        yield
        if exactly and self.server.is_trefoil:
            wait_until(f"{exactly} WARN lines", lambda: count() >= exactly, 10)
        self.works()
        if self.server.is_trefoil:
            limit = exactly if exactly is not None else at_most
            assert count() <= limit, f"{count()} WARN lines: {self.server.complaints()[before:]}"


def unread(client):
    """Closes our side for sending; what the server does is read until it closes too."""
    with contextlib.suppress(OSError):
        client.raw.shutdown(1)
    closed_by_peer(client.raw)
    client.raw.close()


@case(each=BOTH_TRANSPORTS)
def random_bytes_instead_of_a_handshake(t, transport):
    b = Bystander(t, transport)
    for length in (4, 64, 4096, 65536):
        with b.complaints(exactly=1):
            client = b.raw()
            receive(client.raw, 18)
            with contextlib.suppress(ConnectionError):
                client.raw.sendall(b"\xff" + t.random.randbytes(length - 1))
            unread(client)


@case(each=BOTH_TRANSPORTS)
def options_that_are_no_options(t, transport):
    b = Bystander(t, transport)
    with b.complaints(exactly=1):
        client = b.raw()
        client.greet()
        client.send_option(Negotiation.LIST, magic=OPTION_MAGIC ^ 1)
        unread(client)
    with b.complaints(exactly=1):
        client = b.raw()
        client.greet()
        client.send_option(Negotiation.GO, length=0xFFFFFFFF)
        unread(client)
    with b.complaints(exactly=1):
        client = b.raw()
        client.greet()
        client.raw.sendall(struct.pack(">QI", OPTION_MAGIC, Negotiation.GO))
        unread(client)
    with b.complaints(exactly=1):
        client = b.raw()
        client.greet()
        client.send_option(Negotiation.GO, b"\0\0", length=100)
        unread(client)


@case(each=BOTH_TRANSPORTS)
def options_that_make_no_sense_are_refused_and_the_handshake_goes_on(t, transport):
    b = Bystander(t, transport)
    with b.complaints(at_most=1):
        client = b.raw()
        client.greet()
        for option, data in (
            (Negotiation.GO, b""),
            (Negotiation.GO, struct.pack(">I", 0x7FFFFFFF) + b"v\0\0"),
            (Negotiation.GO, struct.pack(">I", 1) + b"v" + struct.pack(">H", 9)),
            (Negotiation.INFO, b"\0\0\0\1\xff\0\0"),
            (Negotiation.LIST, b"unasked"),
            (Negotiation.STRUCTURED_REPLY, b"unasked"),
            (Negotiation.LIST_META, b"\0"),
            (Negotiation.STARTTLS, b""),
            (4711, b"nobody knows"),
        ):
            (kind, _), *rest = client.option(option, data)
            assert kind & Negotiation.ERROR and not rest, (option, hex(kind))
        equal(client.go("v"), Negotiation.REP_ACK, "the export afterwards")
        equal(client.do(Command.READ, 0, 4096), (0, CONTENT), "reading afterwards")
        client.disconnect()


@case(each=BOTH_TRANSPORTS)
def an_option_abort_ends_the_session_politely(t, transport):
    b = Bystander(t, transport)
    with b.complaints(exactly=0):
        client = b.raw()
        client.greet()
        equal(client.option(Negotiation.ABORT)[-1][0], Negotiation.REP_ACK, "reply to abort")
        equal(closed_by_peer(client.raw), b"", "after abort")
        client.raw.close()


@case(each=BOTH_TRANSPORTS)
def requests_with_a_wrong_magic_or_of_random_bytes(t, transport):
    b = Bystander(t, transport)
    with b.complaints(exactly=1):
        client = b.raw().open("v")
        client.request(Command.READ, 0, 4096, magic=0x25609514)
        unread(client)
    for length in (28, 1000, 100_000):
        with b.complaints(exactly=1):
            client = b.raw().open("v")
            with contextlib.suppress(ConnectionError):
                client.raw.sendall(b"\0" + t.random.randbytes(length - 1))
            unread(client)


@case(each=BOTH_TRANSPORTS)
def half_a_request_and_then_nothing(t, transport):
    b = Bystander(t, transport)
    with b.complaints(exactly=1):
        client = b.raw().open("v")
        client.raw.sendall(struct.pack(">IHH", 0x25609513, 0, Command.READ))
        client.raw.close()
    for length, sent in ((4096, 100), (4 * MIB, MIB + 17), (32 * MIB, 0)):
        with b.complaints(exactly=1):
            client = b.raw().open("v")
            client.request(Command.WRITE, 0, length, b"\xee" * sent)
            client.raw.close()


@case(each=BOTH_TRANSPORTS)
def huge_lengths_are_refused_or_end_the_connection(t, transport):
    b = Bystander(t, transport)
    for command in (Command.READ, Command.TRIM, Command.WRITE_ZEROES, Command.CACHE,
                    Command.BLOCK_STATUS):
        with b.complaints(at_most=1):
            client = b.raw().open("v")
            error, _ = client.do(command, 4096, 0xFFFFFFFF)
            assert error in (Errno.EINVAL, Errno.EOVERFLOW, Errno.ENOSPC), (command, error)
            error, _ = client.do(command, (1 << 64) - 1, 2)
            assert error in (Errno.EINVAL, Errno.EOVERFLOW, Errno.ENOSPC), (command, error)
            equal(client.do(Command.READ, 0, 4096), (0, CONTENT), "reading afterwards")
            client.disconnect()
    with b.complaints(exactly=1):
        client = b.raw().open("v")
        client.request(Command.WRITE, 0, 0xFFFFFFFF, b"\xee" * 4096)
        unread(client)


@case(each=BOTH_TRANSPORTS)
def unknown_commands_and_flags_are_refused(t, transport):
    b = Bystander(t, transport)
    with b.complaints(at_most=3):
        client = b.raw().open("v")
        equal(client.do(4711)[0], Errno.EINVAL, "an unknown command")
        equal(client.do(Command.READ, 0, 512, flags=1 << 14)[0], Errno.EINVAL, "an unknown flag")
        equal(client.do(Command.BLOCK_STATUS, 0, 512)[0], Errno.EINVAL,
              "block status without a context")
        equal(client.do(Command.WRITE, 0, 512, b"\xee" * 512, flags=1 << 14)[0], Errno.EINVAL,
              "a write with an unknown flag")
        equal(client.do(Command.READ, 0, 4096), (0, CONTENT), "reading afterwards")
        client.disconnect()


@case(each=BOTH_TRANSPORTS)
def clients_that_go_away_without_a_word(t, transport):
    b = Bystander(t, transport)
    with b.complaints(at_most=1):
        b.raw().open("v").raw.close()
    with b.complaints(at_most=1):
        client = b.raw().open("v")
        for number in range(64):
            client.request(Command.READ, 0, MIB, cookie=number)
        client.raw.close()
    with b.complaints(at_most=1):
        client = b.raw().open("v")
        for number in range(64):
            client.request(Command.WRITE, 5 * MIB, 64 * KIB, bytes(64 * KIB), cookie=number)
        client.raw.close()


@case(each=BOTH_TRANSPORTS)
def a_hundred_silent_clients_keep_nobody_out_and_leave_nothing_behind(t, transport):
    b = Bystander(t, transport)
    (pid, *_) = b.server.pids()
    opened = lambda: len(os.listdir(f"/proc/{pid}/fd"))  # noqa: E731
    before = opened()
    clients = [b.raw() for _ in range(50)] + [b.raw().open("v") for _ in range(50)]
    b.works()
    for client in clients:
        client.raw.close()
    b.works()
    if b.server.is_trefoil:
        wait_until("their descriptors are closed", lambda: opened() <= before + 2)
        assert len(b.server.complaints()) <= 100, "more than one line for each"


@case(each=BOTH_TRANSPORTS)
def an_unknown_export_is_refused_with_and_without_an_answer(t, transport):
    b = Bystander(t, transport)
    with b.complaints(at_most=1):
        client = b.raw()
        client.greet()
        kind = client.go("absent")
        equal(hex(kind), hex(Negotiation.ERR_UNKNOWN), "reply to GO")
        kind = client.go("x" * 4096)
        assert kind & Negotiation.ERROR, hex(kind)
        equal(client.go("v"), Negotiation.REP_ACK, "the export afterwards")
        client.disconnect()
    with b.complaints(at_most=1):
        client = b.raw()
        client.greet()
        client.send_option(Negotiation.EXPORT_NAME, b"absent")
        equal(closed_by_peer(client.raw), b"", "after an unknown EXPORT_NAME")
        client.raw.close()


@case(each=BOTH_TRANSPORTS)
def two_hundred_mutated_conversations_leave_the_server_standing(t, transport):
    b = Bystander(t, transport)
    option = struct.pack(">QII", OPTION_MAGIC, Negotiation.GO, 7) + b"\0\0\0\1v\0\0"
    request = struct.pack(">IHHQQI", 0x25609513, 0, 1, 5, 6 * MIB, 512) + bytes(512)
    talk = struct.pack(">I", 3) + option + request * 4
    for _ in range(200):
        mutated = bytearray(talk)
        for _ in range(t.random.randrange(1, 6)):
            mutated[t.random.randrange(len(mutated))] = t.random.randrange(256)
        client = b.raw()
        with contextlib.suppress(ConnectionError):
            client.raw.sendall(mutated[:t.random.randrange(1, len(mutated) + 1)])
            client.raw.shutdown(1)
        closed_by_peer(client.raw)
        client.raw.close()
    fresh = connect(b.server, transport)
    fresh.pwrite(CONTENT, 0)
    fresh.shutdown()
    b.works()


@case(each=BOTH_TRANSPORTS)
def extended_headers_carry_lengths_of_64_bits(t, transport):
    b = Bystander(t, transport)
    b.server.create_volume("big", 1 << 40)
    client = b.raw()
    client.greet()
    (kind, _), = client.option(Negotiation.EXTENDED_HEADERS)
    if kind == Negotiation.ERR_UNSUP:
        raise Skip("the server does not offer extended headers")
    equal(kind, Negotiation.REP_ACK, "reply to extended headers")
    name = struct.pack(">I", 3) + b"big" + struct.pack(">I", 1)
    query = struct.pack(">I", 15) + b"base:allocation"
    replies = client.option(Negotiation.SET_META, name + query)
    equal([kind for kind, _ in replies], [Negotiation.REP_META, Negotiation.REP_ACK], "contexts")
    equal(client.go("big"), Negotiation.REP_ACK, "GO")
    client.extended_request(Command.WRITE, 1 << 39, 4096, CONTENT, flags=1 << 5, cookie=1)
    equal(client.extended_reply()[1:4], (0, 1, 1 << 39), "reply to a write")
    client.extended_request(Command.WRITE_ZEROES, 0, 1 << 39, cookie=2)
    equal(client.extended_reply()[1:3], (0, 2), "reply to half a terabyte of zeroes")
    client.extended_request(Command.BLOCK_STATUS, 0, 1 << 40, cookie=3)
    flags, kind, cookie, _, data = client.extended_reply()
    equal((flags & 1, kind, cookie), (1, 6, 3), "reply to block status")
    equal(struct.unpack(">II", data[:8])[1] >= 1, True, "extents")
    equal(struct.unpack(">QQ", data[8:24]), (1 << 39, 3), "half a terabyte of hole")
    client.extended_request(Command.READ, 1 << 39, 4096, cookie=4)
    flags, kind, cookie, _, data = client.extended_reply()
    equal((flags & 1, kind, cookie, data[8:]), (1, 1, 4, CONTENT), "reply to a read")
    client.raw.close()
