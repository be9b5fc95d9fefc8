"""Many clients of one object at once, each on a connection that stays open, without an SDK: so that
the server, not the client, is what thousands of conditional requests wait for."""

import asyncio
import copy
import multiprocessing
import random
import types

#: Processes over which the clients are spread.
PROCESSES = 2
#: Seconds that a client waits after a lost swap: at most so long after the first, and at most.
WAIT, WAIT_MOST = 0.002, 0.5
#: What an answer to a condition that does not hold may be.
LOST = (409, 412)
#: The answer of a server that has enough requests on their way.
SLOW_DOWN = 503


class Client:
    """A connection, and what was answered last."""

    def __init__(self, objects):
        self.objects = objects

    async def open(self):
        """Connects."""
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.objects.server.s3)
        return self

    async def ask(self, method, path, body=b"", **headers):
        """Sends a request until the server is not too busy for it, as SDKs do; status, headers and
        body of the answer."""
        while True:
            answer = await self._ask(method, path, body, **headers)
            if answer[0] != SLOW_DOWN:
                return answer
            # Such an answer may end the connection.
            self.writer.close()
            await asyncio.sleep(random.uniform(0, WAIT_MOST))
            await self.open()

    async def _ask(self, method, path, body, **headers):
        self.writer.write(self.objects.head(method, path, body=body, **headers) + body)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        content = await self.reader.readexactly(int(fields.get("content-length", 0)))
        return int(lines[0].split()[1]), fields, content


def spread(work, objects, clients, *arguments):
    """Runs `work` in processes, with `clients` connections in all; what each process returned."""
    objects = copy.copy(objects)
    # All of the server that goes to another process.
    objects.server = types.SimpleNamespace(s3=objects.server.s3)
    shares = [clients // PROCESSES + (index < clients % PROCESSES) for index in range(PROCESSES)]
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        jobs = [(work, objects, share, index, *arguments) for index, share in enumerate(shares)]
        return pool.starmap(_process, jobs)


def _process(work, objects, clients, index, *arguments):
    return asyncio.run(work(objects, clients, index, *arguments))


async def create(objects, clients, index, path):
    """Each client tries to create the object; the contents of those that did."""
    connected = await asyncio.gather(*(Client(objects).open() for _ in range(clients)))
    bodies = [f"{index}-{number}".encode() for number in range(clients)]

    async def race(client, body):
        status, _, _ = await client.ask("PUT", path, body, if_none_match="*")
        assert status == 200 or status in LOST, status
        return status == 200

    won = await asyncio.gather(*map(race, connected, bodies))
    return [body for body, has_won in zip(bodies, won) if has_won]


async def increment(objects, clients, index, path, increments, seed):
    """Each client adds one to the number in the object, so often; swaps that were lost."""
    chance = random.Random(f"{seed}-{index}")

    async def add(client):
        lost, wait = 0, WAIT
        for _ in range(increments):
            while True:
                status, headers, body = await client.ask("GET", path)
                assert status == 200, status
                status, _, _ = await client.ask(
                    "PUT", path, b"%d" % (int(body) + 1), if_match=headers["etag"])
                if status == 200:
                    wait = max(WAIT, wait * 0.9)
                    break
                assert status in LOST, status
                lost += 1
                wait = min(WAIT_MOST, wait * 1.3)
                await asyncio.sleep(chance.uniform(0, wait))
        return lost

    connected = await asyncio.gather(*(Client(objects).open() for _ in range(clients)))
    return sum(await asyncio.gather(*map(add, connected)))
