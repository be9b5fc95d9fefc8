"""Object clients that break off, and what stays of what they began."""

import json
import socket

from harness.context import equal, wait_until
from harness.raws3 import RawObjects
from harness.registry import case

MIB = 1 << 20
# Of segments that are written in the background, and of the case's own small objects.
SLACK = MIB


def world(t):
    """A server with the bucket `box`, and its objects."""
    server = t.server()
    server.run("bucket", "create", "box")
    return server, RawObjects(server)


def live(server):
    """Bytes of live data, as `trefoil status` says it."""
    return json.loads(server.run("status", "--json").stdout)["live_data"]


def show(server):
    """`trefoil bucket show box`."""
    return json.loads(server.run("bucket", "show", "box", "--json").stdout)


def create_upload(objects, key):
    """Begins an upload in parts; its id."""
    made = objects.ask("POST", f"/box/{key}", "uploads=")
    equal(made.status, 200, "CreateMultipartUpload")
    return made.element("UploadId")


@case(each=["PutObject", "UploadPart"], trefoil_only=True)
def a_connection_that_is_cut_publishes_nothing_and_its_bytes_come_back(t, operation):
    server, objects = world(t)
    upload = create_upload(objects, "key")
    query = f"partNumber=1&uploadId={upload}" if operation == "UploadPart" else ""
    before = live(server)
    body = t.random.randbytes(48 * MIB)
    for how in ("closed", "reset"):
        stream = objects.begin("PUT", "/box/key", query, body, 40 * MIB)
        wait_until("bytes are staged", lambda: live(server) > before + 16 * MIB)
        if how == "reset":
            linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        stream.close()
        wait_until(f"the bytes of a connection that was {how} are back",
                   lambda: live(server) <= before + SLACK, 5)
        equal(objects.ask("GET", "/box/key").status, 404, "GET")
        parts = objects.ask("GET", "/box/key", f"uploadId={upload}")
        equal(parts.element("PartNumber"), "", "parts")
    equal((show(server)["objects"], show(server)["staged_bytes"]), (0, 0), "what is left")


@case(each=["stop", "kill"], trefoil_only=True)
def uploads_that_are_not_completed_stay_and_count_after_a(t, end):
    server, objects = world(t)
    before = live(server)
    parts = {number: t.random.randbytes(5 * MIB + number) for number in (1, 2, 10_000)}
    uploads = {key: create_upload(objects, key) for key in ("a", "b")}
    tags = {}
    for number, body in parts.items():
        query = f"partNumber={number}&uploadId={uploads['a']}"
        equal(objects.ask("PUT", "/box/a", query, body).status, 200, "UploadPart")
        listed = objects.ask("GET", "/box/a", f"uploadId={uploads['a']}").body.decode()
        tags[number] = listed.rpartition("<ETag>")[2].partition("</ETag>")[0]
    body = t.random.randbytes(20 * MIB)
    query = f"partNumber=3&uploadId={uploads['a']}"
    unfinished = objects.begin("PUT", "/box/a", query, body, len(body) - 1)
    wait_until("bytes are staged", lambda: live(server) > before + 25 * MIB)
    if end == "kill":
        server.kill()
        unfinished.close()
    else:
        unfinished.close()
        server.stop()
    server.start()
    total = sum(map(len, parts.values()))
    shown = show(server)
    equal((shown["uploads"], shown["staged_bytes"]), (2, total), "uploads, and their bytes")
    wait_until("only the parts are left", lambda: live(server) <= before + total + SLACK, 5)
    assert live(server) >= before + total, "the parts are not counted"
    listed = objects.ask("GET", "/box", "uploads=").body.decode()
    for key, upload in uploads.items():
        assert f"<Key>{key}</Key>" in listed and upload in listed, listed
    chosen = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{tags[number]}</ETag></Part>"
        for number in parts)
    document = f"<CompleteMultipartUpload>{chosen}</CompleteMultipartUpload>".encode()
    done = objects.ask("POST", "/box/a", f"uploadId={uploads['a']}", document)
    equal(done.status, 200, "CompleteMultipartUpload")
    equal(objects.ask("GET", "/box/a").body, b"".join(parts.values()), "the object")
    equal(objects.ask("DELETE", "/box/b", f"uploadId={uploads['b']}").status, 204, "abort")
    equal(objects.ask("DELETE", "/box/a").status, 204, "delete")
    wait_until("all of it is back", lambda: live(server) <= before + SLACK, 5)


@case(trefoil_only=True)
def a_body_that_does_not_match_publishes_nothing_and_its_bytes_come_back(t):
    server, objects = world(t)
    before = live(server)
    body = t.random.randbytes(20 * MIB)
    for name, value, code in (
        ("content_md5", "1B2M2Y8AsgTpgAmY7PhCfg==", "BadDigest"),
        ("x_amz_checksum_crc32", "AAAAAA==", "BadDigest"),
        ("x_amz_checksum_sha256", "AAAA", "InvalidRequest"),
    ):
        # The last one is refused before all of the body is read.
        refused = objects.ask("PUT", "/box/key", "", body[:4096] if value == "AAAA" else body,
                              **{name: value})
        equal((refused.status, refused.element("Code")), (400, code), name)
        equal(objects.ask("HEAD", "/box/key").status, 404, "HEAD")
        wait_until("its bytes are back", lambda: live(server) <= before + SLACK, 5)


@case(trefoil_only=True)
def a_mounted_bucket_is_not_deleted_by_any_command(t):
    server, objects = world(t)
    path = server.mount("box", "mnt")
    refused = objects.ask("DELETE", "/box")
    equal((refused.status, refused.element("Code")), (409, "BucketInUse"), "DeleteBucket")
    server.run("bucket", "delete", "box", status=1)
    server.run("bucket", "delete", "box", "--force", status=1)
    (t.dir / "mnt/still").write_bytes(b"there")
    equal(objects.ask("GET", "/box/still").body, b"there", "through the other door")
    (t.dir / "mnt/still").unlink()
    # Without a word to the server.
    t.sh("umount", path)
    wait_until("it is deleted", lambda: objects.ask("DELETE", "/box").status == 204)
    equal(objects.ask("HEAD", "/box").status, 404, "HEAD")
