"""A pool without space: it says so, keeps all it acknowledged, and recovers when space is freed."""

import errno
import json
import random

import nbd

from harness.context import equal
from harness.registry import case

MIB = 1 << 20
CAPACITY = 256 * MIB
SIZE = 2048 * MIB
CHUNK = MIB
TRIES = 400


class Chunks:
    """A volume written in chunks of 1 MiB; what each must hold."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.seeds = {}
        self.open()

    def open(self):
        """Connects, again after a restart."""
        self.handle = nbd.NBD()
        self.handle.connect_uri(self.server.uri(self.name))

    @staticmethod
    def content(seed):
        return random.Random(seed).randbytes(CHUNK)

    def write(self, number, seed):
        """Writes one chunk; False when the pool has no space for it."""
        try:
            self.handle.pwrite(self.content(seed), number * CHUNK)
        except nbd.Error as error:
            equal(error.errnum, errno.ENOSPC, f"error of a write: {error}")
            return False
        self.seeds[number] = seed
        return True

    def trim(self, number):
        """Gives one chunk back."""
        self.handle.trim(CHUNK, number * CHUNK)
        self.seeds.pop(number, None)

    def check(self):
        """Reads everything that was acknowledged."""
        for number, seed in self.seeds.items():
            data = self.handle.pread(CHUNK, number * CHUNK)
            assert data == self.content(seed), f"{self.name}: chunk {number} is wrong"

    def free_numbers(self):
        """Chunks that hold nothing."""
        return (n for n in range(SIZE // CHUNK) if n not in self.seeds)


def status(server):
    """`trefoil status --json`."""
    return json.loads(server.run("status", "--json").stdout)


def fill(volume):
    """Writes until a write is refused for want of space, whatever the pool frees meanwhile.

    Returns how many chunks it took. A refusal counts when the next tries are refused too: a
    checkpoint may be about to give space back.
    """
    written, refused = 0, 0
    for number in volume.free_numbers():
        while not volume.write(number, seed=number * 7 + written):
            refused += 1
            if refused == 3:
                return written
        written, refused = written + 1, 0
    raise AssertionError(f"{volume.name} never filled the pool")


def write_when_space_is_back(server, volume, number):
    """Writes a chunk, trying again while the pool gives space back; returns the tries."""
    for tries in range(1, TRIES + 1):
        if volume.write(number, seed=number * 31):
            return tries
        status(server)
    raise AssertionError(f"no space after {TRIES} tries: {status(server)}")


def stays_whole_after_a_stop(server, volume):
    """Stops in good order, checks the pool, starts and reads everything."""
    server.stop()
    server.run("check")
    server.start()
    volume.open()
    volume.check()


def full(t):
    """A server whose pool is full, with one volume `a`."""
    server = t.server(options=["--capacity", str(CAPACITY)], allow=["(?i)space|full"])
    server.create_volume("a", SIZE)
    volume = Chunks(server, "a")
    written = fill(volume) * CHUNK
    print(f"{written} of {CAPACITY} bytes hold data", flush=True)
    assert written >= CAPACITY // 2, f"full at {written} of {CAPACITY} bytes"
    return server, volume


@case(trefoil_only=True)
def a_full_pool_refuses_writes_and_serves_everything_else(t):
    server, a = full(t)
    a.check()
    a.handle.flush()
    kept = dict(a.seeds)
    for number in list(kept)[:20]:
        # An overwrite may find room or not; refused, it must leave the old bytes.
        a.write(number, seed=kept[number])
    a.check()
    assert any(row["name"] == "a" for row in
               json.loads(server.run("volume", "list", "--json").stdout))
    report = status(server)
    equal([device["failed"] for device in report["devices"]], [None], "failed devices")
    equal(report["live_data"], len(a.seeds) * CHUNK, "live data")
    assert report["available"] < CHUNK * 4, report


@case(trefoil_only=True)
def a_full_pool_starts_again_after_a_stop_and_after_a_kill(t):
    server, a = full(t)
    server.restart()
    a.open()
    a.check()
    fill(a)
    server.kill()
    server.start()
    a.open()
    a.check()
    stays_whole_after_a_stop(server, a)


@case(trefoil_only=True)
def trimming_a_full_pool_makes_room(t):
    server, a = full(t)
    # Runs that are longer than a segment: what is scattered more finely takes longer to come back.
    victims = [number for number in sorted(a.seeds) if number // 32 % 2 == 0]
    for number in victims:
        a.trim(number)
    tries = write_when_space_is_back(server, a, victims[0])
    print(f"space was back after {tries} tries", flush=True)
    for number in victims[1:len(victims) * 6 // 10]:
        write_when_space_is_back(server, a, number)
    a.check()
    server.restart()
    a.open()
    a.check()


@case(trefoil_only=True)
def trimming_everything_gives_a_full_pool_all_of_its_space(t):
    server, a = full(t)
    first = len(a.seeds)
    a.handle.trim(SIZE, 0)
    a.seeds.clear()
    write_when_space_is_back(server, a, 0)
    for number in range(1, first * 9 // 10):
        write_when_space_is_back(server, a, number)
    a.check()


@case(trefoil_only=True)
def deleting_a_volume_of_a_full_pool_makes_room(t):
    server = t.server(options=["--capacity", str(CAPACITY)], allow=["(?i)space|full"])
    server.create_volume("a", SIZE)
    server.create_volume("b", SIZE)
    a, b = Chunks(server, "a"), Chunks(server, "b")
    for number in range(CAPACITY // CHUNK // 4):
        assert b.write(number, seed=number), "b is small"
    fill(a)
    a.check()
    b.check()
    b.handle.shutdown()
    server.delete_volume("b")
    numbers = a.free_numbers()
    for _ in range(CAPACITY // CHUNK // 8):
        write_when_space_is_back(server, a, next(numbers))
    a.check()
    server.kill()
    server.start()
    a.open()
    a.check()


@case(trefoil_only=True)
def overwriting_a_small_volume_for_ever_never_fills_the_pool(t):
    server = t.server(options=["--capacity", str(CAPACITY)], allow=["(?i)space|full"])
    server.create_volume("a", SIZE)
    a = Chunks(server, "a")
    chunks = CAPACITY // CHUNK // 4
    for turn in range(8):
        for number in range(chunks):
            write_when_space_is_back(server, a, number)
            if turn % 2:
                a.handle.flush()
    a.check()
    stays_whole_after_a_stop(server, a)


def trim_half(t, volume):
    """Gives half of the chunks back, here and there."""
    for number in t.random.sample(list(volume.seeds), len(volume.seeds) // 2):
        volume.trim(number)


def drop_snapshots(server, names):
    """Deletes the snapshot `full` of each volume."""
    for name in names:
        server.run("snapshot", "delete", f"volume/{name}@full")


def rounds_on_a_full_pool(t, rounds):
    """Each round: a volume more, a snapshot, full, SIGKILL, start; then, on the full pool, a trim,
    the end of the snapshot and of the volume in any order. Nothing of it may be refused."""
    server = t.server(options=["--capacity", str(CAPACITY)], allow=["(?i)space|full"])
    server.create_volume("a", SIZE)
    a = Chunks(server, "a")
    for number in range(rounds):
        name = f"b{number}"
        server.create_volume(name, SIZE)
        b = Chunks(server, name)
        for chunk in range(t.random.randrange(1, 16)):
            write_when_space_is_back(server, b, chunk)
        server.run("snapshot", "create", "full", "volume/a", f"volume/{name}")
        kept = dict(a.seeds)
        for chunk in t.random.sample(list(kept), len(kept) // 8):
            # What is written over stays in use by the snapshot.
            a.write(chunk, seed=number)
        written = fill(a)
        server.kill()
        server.start()
        for volume in (a, b):
            volume.open()
            volume.check()
        steps = [lambda: trim_half(t, a), lambda: drop_snapshots(server, ("a", name))]
        t.random.shuffle(steps)
        for step in steps:
            step()
            a.check()
            b.check()
        b.handle.shutdown()
        server.delete_volume(name)
        a.check()
        print(f"round {number}: {written} chunks filled it, {len(a.seeds)} stay", flush=True)
    stays_whole_after_a_stop(server, a)


@case(trefoil_only=True)
def rounds_of_filling_killing_and_freeing(t):
    rounds_on_a_full_pool(t, 3)


@case(trefoil_only=True, long=True, timeout_seconds=1800)
def fifty_rounds_of_filling_killing_and_freeing(t):
    rounds_on_a_full_pool(t, 50)
