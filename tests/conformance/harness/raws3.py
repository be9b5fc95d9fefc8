"""S3 by hand: a client of a few lines that signs requests, and can also break off in them."""

import dataclasses
import functools
import hashlib
import hmac
import re
import socket
import time
import urllib.parse

SERVICE = "us-east-1/s3/aws4_request"


@dataclasses.dataclass
class Answer:
    """What the server said."""

    status: int
    body: bytes

    def element(self, name):
        """The content of the first XML element of that name; "" if there is none."""
        found = re.search(f"<{name}>(.*?)</{name}>", self.body.decode(errors="replace"), re.S)
        return found.group(1).replace("&quot;", '"') if found else ""


class RawObjects:
    """The objects of a server as one key sees them."""

    def __init__(self, server, *key_options):
        self.server = server
        self.id, self.secret = server.key(*key_options)

    def head(self, method, path, query="", body=b"", **headers):
        """The signed head of a request; `path` and `query` as they stand in its line."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        payload = hashlib.sha256(body).hexdigest()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers |= {"host": f"127.0.0.1:{self.server.s3}", "x-amz-date": moment,
                    "x-amz-content-sha256": payload}
        pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
        canonical = "&".join(f"{_quote(name)}={_quote(value)}" for name, value in pairs)
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        request = f"{method}\n{path}\n{canonical}\n{lines}\n{names}\n{payload}"
        scope = f"{moment[:8]}/{SERVICE}"
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
        signature = _mac(_signing_key(self.secret, moment[:8]), text).hex()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.id}/{scope}, SignedHeaders={names}, "
            f"Signature={signature}")
        headers["content-length"] = str(len(body))
        target = f"{path}?{query}" if query else path
        rest = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {target} HTTP/1.1\r\n{rest}\r\n".encode()

    def ask(self, method, path, query="", body=b"", **headers):
        """Sends a request on a connection of its own; the answer."""
        with self.connect() as stream:
            stream.sendall(self.head(method, path, query, body, **headers) + body)
            with stream.makefile("rb") as reader:
                return _read(reader, method)

    def connect(self):
        """A connection on which nothing was sent yet."""
        return socket.create_connection(("127.0.0.1", self.server.s3), timeout=60)

    def begin(self, method, path, query, body, send):
        """Sends the first `send` bytes of a body; the connection."""
        stream = self.connect()
        stream.sendall(self.head(method, path, query, body) + body[:send])
        return stream


def _quote(text):
    return urllib.parse.quote(text, safe="-._~")


@functools.lru_cache(maxsize=8)
def _signing_key(secret, day):
    key = f"AWS4{secret}".encode()
    for word in (day, *SERVICE.split("/")):
        key = _mac(key, word)
    return key


def _mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _read(reader, method):
    status = int(reader.readline().split()[1])
    length = 0
    while line := reader.readline().strip():
        name, _, value = line.partition(b": ")
        if name.lower() == b"content-length":
            length = int(value)
    return Answer(status, b"" if method == "HEAD" else reader.read(length))
