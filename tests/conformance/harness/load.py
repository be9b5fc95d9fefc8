"""A writer on several connections that keeps a ledger, for cases that kill the server."""

import select

import nbd

from .ledger import SECTOR

DEPTH = 12


class Load:
    """Random writes, trims, zeroes and flushes through libnbd handles, all in flight at once."""

    def __init__(self, ledger, random, handles):
        self.ledger = ledger
        self.random = random
        self.handles = handles
        self.unanswered = {}
        self.flushes = 0
        self.refused = 0

    def run(self, acknowledgements):
        """Keeps all connections busy until so many more changes are acknowledged."""
        goal = self.ledger.acknowledged + acknowledgements
        while self.ledger.acknowledged < goal:
            for handle in self.handles:
                while handle.aio_in_flight() < DEPTH:
                    self._send(handle)
            self._poll()

    def burst(self, requests, kill):
        """Sends prepared requests as fast as it can and calls `kill` somewhere in their middle."""
        prepared = [self._prepare() for _ in range(requests)]
        last = self.random.randrange(requests // 4, requests)
        for number, send in enumerate(prepared):
            try:
                send(self.handles[number % len(self.handles)])
            except nbd.Error as error:
                print(f"not sent: {error}", flush=True)
            if number == last:
                kill()

    def drain(self):
        """Reads what the server still answered, until every connection is at its end."""
        while any(self._alive(handle) for handle in self.handles):
            self._poll()

    def settle(self):
        """Waits until everything in flight is answered."""
        while any(handle.aio_in_flight() for handle in self.handles):
            self._poll()

    @staticmethod
    def _alive(handle):
        return not (handle.aio_is_dead() or handle.aio_is_closed())

    def _poll(self):
        poller = select.poll()
        by_descriptor = {}
        for handle in self.handles:
            if not self._alive(handle):
                continue
            direction = handle.aio_get_direction()
            events = select.POLLIN if direction & nbd.AIO_DIRECTION_READ else 0
            events |= select.POLLOUT if direction & nbd.AIO_DIRECTION_WRITE else 0
            by_descriptor[handle.aio_get_fd()] = handle
            poller.register(handle.aio_get_fd(), events)
        ready = poller.poll(30_000)
        assert ready or not by_descriptor, "no answer for 30 s"
        for descriptor, events in ready:
            handle = by_descriptor[descriptor]
            try:
                if events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                    handle.aio_notify_read()
                elif events & select.POLLOUT:
                    handle.aio_notify_write()
            except nbd.Error as error:
                if self._alive(handle):
                    raise
                print(f"connection ended: {error}", flush=True)

    def _send(self, handle):
        self._prepare()(handle)

    def _prepare(self):
        """A function that sends the next request over the handle it is given."""
        if self.random.random() < 0.03:
            return lambda handle: handle.aio_flush(completion=self._flushed)
        operation = None
        while operation is None:
            operation = self.ledger.begin(*self._choose())
        self.unanswered[id(operation)] = operation
        offset, length = operation.first * SECTOR, operation.count * SECTOR
        options = {"completion": lambda error: self._answered(operation, error.value),
                   "flags": nbd.CMD_FLAG_FUA if self.random.random() < 0.1 else 0}
        if operation.kind == "write":
            buffer = nbd.Buffer.from_bytearray(operation.payload())
            return lambda handle: handle.aio_pwrite(buffer, offset, **options)
        if operation.kind == "trim":
            return lambda handle: handle.aio_trim(length, offset, **options)
        return lambda handle: handle.aio_zero(length, offset, **options)

    def _answered(self, operation, error):
        if error == 0:
            del self.unanswered[id(operation)]
            self.ledger.acknowledge(operation)
        else:
            self.refused += 1
        return 1

    def _flushed(self, error):
        self.flushes += error.value == 0
        return 1

    def _choose(self):
        """Kind, first sector and number of sectors of the next operation."""
        draw = self.random.random()
        blocks = self.ledger.sectors // 8
        if draw < 0.30:
            count = self.random.randrange(1, 8)
            return "write", self.random.randrange(self.ledger.sectors - count), count
        if draw < 0.80:
            count = self.random.randrange(1, 17)
            return "write", self.random.randrange(blocks - count) * 8, count * 8
        if draw < 0.86:
            count = self.random.randrange(64, 257)
            return "write", self.random.randrange(blocks - count) * 8, count * 8
        if draw < 0.87:
            return "write", self.random.randrange(self.ledger.sectors - 5001), 5000
        count = self.random.randrange(1, 65)
        if draw < 0.94:
            return "trim", self.random.randrange(blocks - count) * 8, count * 8
        return "zero", self.random.randrange(self.ledger.sectors - count), count
