"""libnbd's command line tools: nbdinfo, nbdcopy, nbddump."""

import json

from harness.context import equal
from harness.registry import BOTH_TRANSPORTS, case

MIB = 1 << 20


@case(each=BOTH_TRANSPORTS)
def nbdinfo_lists_every_volume_with_its_size(t, transport):
    server = t.server()
    sizes = {"alpha": 64 * MIB, "beta": 1 << 40, "gamma": 4096}
    for name, size in sizes.items():
        server.create_volume(name, size)
    report = json.loads(t.sh("nbdinfo", "--json", "--list", server.uri("", transport)))
    equal(report["protocol"], "newstyle-fixed", "protocol")
    found = {export["export-name"]: export["export-size"] for export in report["exports"]}
    equal(found, sizes, "exports")
    for name, size in sizes.items():
        equal(int(t.sh("nbdinfo", "--size", server.uri(name, transport))), size, name)


@case(each=BOTH_TRANSPORTS)
def nbdinfo_finds_every_feature_that_clients_ask_for(t, transport):
    server = t.server()
    server.create_volume("v", MIB)
    uri = server.uri("v", transport)
    wanted = ["connect", "write", "flush", "fua", "trim", "zero", "multi-conn", "df",
              "structured-reply"]
    for feature in wanted:
        t.sh("nbdinfo", "--can", feature, uri)
    t.sh("nbdinfo", "--is", "readonly", uri, status=2)
    t.sh("nbdinfo", "--is", "rotational", uri, status=2)
    report = json.loads(t.sh("nbdinfo", "--json", uri))
    (export,) = report["exports"]
    assert "base:allocation" in export["contexts"], export
    t.sh("nbdinfo", "--size", server.uri("absent", transport), status=1)


@case()
def nbdinfo_maps_holes_and_data(t):
    server = t.server()
    server.create_volume("v", 8 * MIB)
    uri = server.uri("v")
    (empty,) = json.loads(t.sh("nbdinfo", "--map", "--json", uri))
    equal((empty["offset"], empty["length"], empty["type"]), (0, 8 * MIB, 3), "an empty volume")
    source = t.path("source")
    with open(source, "wb") as file:
        file.truncate(8 * MIB)
        file.seek(2 * MIB)
        file.write(t.random.randbytes(MIB))
    t.sh("nbdcopy", source, uri)
    extents = json.loads(t.sh("nbdinfo", "--map", "--json", uri))
    equal(merged(extents), [(0, 2 * MIB, 3), (2 * MIB, MIB, 0), (3 * MIB, 5 * MIB, 3)], "map")
    totals = t.sh("nbdinfo", "--map", "--totals", uri)
    assert str(MIB) in totals and str(7 * MIB) in totals, totals


def merged(extents):
    """Extents as (offset, length, type), neighbours of one type joined."""
    result = []
    for extent in extents:
        if result and result[-1][2] == extent["type"]:
            offset, length, kind = result.pop()
            result.append((offset, length + extent["length"], kind))
        else:
            result.append((extent["offset"], extent["length"], extent["type"]))
    return result


@case(each=BOTH_TRANSPORTS)
def nbdcopy_brings_a_file_in_and_out_unchanged(t, transport):
    server = t.server()
    source = t.random_file("source", 48 * MIB)
    server.create_volume("v", 48 * MIB)
    t.sh("nbdcopy", "--flush", source, server.uri("v", transport))
    t.sh("nbdcopy", server.uri("v", transport), t.path("back"))
    t.sh("cmp", source, t.path("back"))
    t.sh("nbdcopy", "--synchronous", server.uri("v", transport), t.path("again"))
    t.sh("cmp", source, t.path("again"))


@case(each=BOTH_TRANSPORTS)
def nbdcopy_copies_one_volume_to_another(t, transport):
    server = t.server()
    source = t.random_file("source", 16 * MIB)
    with open(source, "r+b") as file:
        file.truncate(40 * MIB)
    server.create_volume("a", 40 * MIB)
    server.create_volume("b", 40 * MIB)
    t.sh("nbdcopy", source, server.uri("a", transport))
    t.sh("nbdcopy", "--connections=4", "--requests=16", server.uri("a", transport),
         server.uri("b", transport))
    t.sh("nbdcopy", server.uri("b", transport), t.path("back"))
    t.sh("cmp", source, t.path("back"))


@case()
def nbdcopy_over_old_data_leaves_none_of_it(t):
    server = t.server()
    server.create_volume("v", 16 * MIB)
    t.sh("nbdcopy", t.random_file("old", 16 * MIB), server.uri("v"))
    sparse = t.random_file("new", 3 * MIB)
    with open(sparse, "r+b") as file:
        file.truncate(16 * MIB)
    t.sh("nbdcopy", sparse, server.uri("v"))
    t.sh("nbdcopy", server.uri("v"), t.path("back"))
    t.sh("cmp", sparse, t.path("back"))


@case(each=BOTH_TRANSPORTS)
def nbddump_shows_what_was_written(t, transport):
    server = t.server()
    server.create_volume("v", MIB)
    source = t.path("source")
    with open(source, "wb") as file:
        file.write(b"Trefoil" + bytes(MIB - 14) + b"lioferT")
    t.sh("nbdcopy", source, server.uri("v", transport))
    text = t.sh("nbddump", server.uri("v", transport))
    assert "Trefoil" in text and "liofer" in text, text
