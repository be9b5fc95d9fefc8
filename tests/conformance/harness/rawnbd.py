"""The NBD protocol by hand: a client that can also break it.

Numbers are those of the specification, doc/proto.md of the NetworkBlockDevice project.
"""

import os
import socket
import struct
import threading

NBD_MAGIC = 0x4E42444D41474943
OPTION_MAGIC = 0x49484156454F5054
OPTION_REPLY_MAGIC = 0x0003E889045565A9
REQUEST_MAGIC = 0x25609513
EXTENDED_REQUEST_MAGIC = 0x21E41C71
SIMPLE_REPLY_MAGIC = 0x67446698
STRUCTURED_REPLY_MAGIC = 0x668E33EF
EXTENDED_REPLY_MAGIC = 0x6E8A278C


class Negotiation:
    """Options of the handshake and the replies to them."""

    EXPORT_NAME, ABORT, LIST, STARTTLS, INFO, GO = 1, 2, 3, 5, 6, 7
    STRUCTURED_REPLY, LIST_META, SET_META, EXTENDED_HEADERS = 8, 9, 10, 11
    REP_ACK, REP_SERVER, REP_INFO, REP_META = 1, 2, 3, 4
    ERROR = 1 << 31
    ERR_UNSUP, ERR_POLICY, ERR_INVALID = ERROR + 1, ERROR + 2, ERROR + 3
    ERR_UNKNOWN = ERROR + 6


class Command:
    """Commands of the transmission phase."""

    READ, WRITE, DISCONNECT, FLUSH, TRIM, CACHE, WRITE_ZEROES, BLOCK_STATUS = range(8)


class Errno:
    """Error numbers on the wire."""

    EPERM, EIO, ENOMEM, EINVAL, ENOSPC, EOVERFLOW = 1, 5, 12, 22, 28, 75
    ENOTSUP, ESHUTDOWN = 95, 108


def receive(raw, size):
    """Exactly `size` bytes; EOFError when the peer closes before."""
    data = bytearray()
    while len(data) < size:
        part = raw.recv(size - len(data))
        if not part:
            raise EOFError(f"closed after {len(data)} of {size} bytes")
        data += part
    return bytes(data)


def closed_by_peer(raw, seconds=20):
    """Reads until the peer closes; what came before. A timeout is an error."""
    raw.settimeout(seconds)
    data = bytearray()
    try:
        while part := raw.recv(65536):
            data += part
    except ConnectionError:
        pass
    return bytes(data)


class Client:
    """A connection up to the point that the caller asks for."""

    def __init__(self, raw):
        self.raw = raw
        self.size = None
        self.flags = None
        self.extended = False

    def greet(self, client_flags=3):
        """Reads the greeting and answers with `client_flags` (1: fixed newstyle, 2: no zeroes)."""
        magic, option_magic, flags = struct.unpack(">QQH", receive(self.raw, 18))
        assert (magic, option_magic) == (NBD_MAGIC, OPTION_MAGIC), (hex(magic), hex(option_magic))
        assert flags & 1, "the server is not fixed newstyle"
        self.raw.sendall(struct.pack(">I", client_flags))
        return flags

    def send_option(self, option, data=b"", magic=OPTION_MAGIC, length=None):
        """Sends an option; `length` other than len(data) makes it a lie."""
        size = len(data) if length is None else length
        self.raw.sendall(struct.pack(">QII", magic, option, size) + data)

    def option_replies(self, option):
        """All replies to an option up to its end, as (type, data)."""
        replies = []
        while True:
            magic, echoed, kind, size = struct.unpack(">QIII", receive(self.raw, 20))
            assert magic == OPTION_REPLY_MAGIC and echoed == option, (hex(magic), echoed)
            replies.append((kind, receive(self.raw, size)))
            if kind == Negotiation.REP_ACK or kind & Negotiation.ERROR:
                return replies

    def option(self, option, data=b""):
        """Sends an option and returns its replies."""
        self.send_option(option, data)
        return self.option_replies(option)

    def go(self, name, option=Negotiation.GO):
        """NBD_OPT_GO or INFO; the type of the last reply. Fills in size and flags."""
        encoded = name.encode()
        replies = self.option(option, struct.pack(">I", len(encoded)) + encoded + bytes(2))
        for kind, data in replies:
            if kind == Negotiation.REP_INFO and data[:2] == b"\0\0":
                self.size, self.flags = struct.unpack(">QH", data[2:])
        return replies[-1][0]

    def open(self, name):
        """Greeting and NBD_OPT_GO, with simple replies."""
        self.greet()
        assert self.go(name) == Negotiation.REP_ACK, f"no export {name}"
        return self

    def request(self, command, offset=0, length=0, data=b"", flags=0, cookie=1,
                magic=REQUEST_MAGIC):
        """Sends one request of the compact form."""
        head = struct.pack(">IHHQQI", magic, flags, command, cookie, offset, length)
        self.raw.sendall(head + data)

    def simple_reply(self, read_bytes=0):
        """One simple reply: (error, cookie, data)."""
        magic, error, cookie = struct.unpack(">IIQ", receive(self.raw, 16))
        assert magic == SIMPLE_REPLY_MAGIC, hex(magic)
        return error, cookie, receive(self.raw, read_bytes) if error == 0 else b""

    def do(self, command, offset=0, length=0, data=b"", flags=0):
        """One request and its simple reply: (error, data)."""
        self.request(command, offset, length, data, flags, cookie=77)
        error, cookie, answer = self.simple_reply(length if command == Command.READ else 0)
        assert cookie == 77, cookie
        return error, answer

    def extended_request(self, command, offset, length, data=b"", flags=0, cookie=1):
        """Sends one request of the extended form (64-bit length)."""
        head = struct.pack(">IHHQQQ", EXTENDED_REQUEST_MAGIC, flags, command, cookie, offset,
                           length)
        self.raw.sendall(head + data)

    def extended_reply(self):
        """One chunk of the extended form: (flags, type, cookie, offset, data)."""
        head = struct.unpack(">IHHQQQ", receive(self.raw, 32))
        magic, flags, kind, cookie, offset, length = head
        assert magic == EXTENDED_REPLY_MAGIC, hex(magic)
        return flags, kind, cookie, offset, receive(self.raw, length)

    def disconnect(self):
        """NBD_CMD_DISC and close."""
        self.request(Command.DISCONNECT)
        self.raw.close()


def listen_for_options(path, call):
    """The options that a client asks for: `call(path)` runs it against a server that has none."""
    offers = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(4)
        thread = threading.Thread(target=_refuse_all, args=(listener, offers), daemon=True)
        thread.start()
        call(path)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    os.unlink(path)
    return offers


def _refuse_all(listener, offers):
    try:
        while True:
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(20)
                _refuse(peer, offers)
    except OSError:
        return


def _refuse(peer, offers):
    peer.sendall(struct.pack(">QQH", NBD_MAGIC, OPTION_MAGIC, 3))
    receive(peer, 4)
    try:
        while True:
            _, option, size = struct.unpack(">QII", receive(peer, 16))
            receive(peer, size)
            offers.append(option)
            peer.sendall(struct.pack(">QIII", OPTION_REPLY_MAGIC, option,
                                     Negotiation.ERR_UNSUP, 0))
    except (EOFError, ConnectionError):
        return
