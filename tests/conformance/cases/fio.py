"""fio's nbd engine, with a checksum in every block that it reads back."""

import json

from harness.context import equal
from harness.registry import BOTH_TRANSPORTS, case

MIB = 1 << 20
VERIFY = ["--verify=crc32c", "--verify_fatal=1", "--verify_dump=0", "--serialize_overlap=1"]


def fio(t, server, transport, *options, status=0, timeout=110):
    """Runs fio on the volume `v` with one job per thread; the jobs of its report."""
    report = t.dir / "fio.json"
    t.run(
        "fio", "--name=job", "--ioengine=nbd", "--thread", f"--uri={server.uri('v', transport)}",
        f"--randseed={t.seed}", "--group_reporting=0", "--output-format=json",
        f"--output={report}", *options, status=status, timeout=timeout,
    )
    text = report.read_text(encoding="utf-8")
    # fio writes notes, such as verification errors, before the report.
    print(text[:text.index("{")])
    jobs = json.loads(text[text.index("{"):])["jobs"]
    if status == 0:
        for job in jobs:
            equal(job["error"], 0, f"error of {job['jobname']}")
    return jobs


@case(each=BOTH_TRANSPORTS)
def four_jobs_of_mixed_sizes_verify_what_they_wrote(t, transport):
    server = t.server()
    server.create_volume("v", 256 * MIB)
    jobs = fio(t, server, transport, "--rw=randrw", "--rwmixread=30", "--bsrange=512-256k",
               "--blockalign=512", "--size=64m", "--offset_increment=64m", "--numjobs=4",
               "--iodepth=16", *VERIFY)
    equal(len(jobs), 4, "jobs")
    assert all(job["write"]["io_bytes"] > 16 * MIB for job in jobs)


@case(each=BOTH_TRANSPORTS)
def blocks_written_twice_hold_the_second_write(t, transport):
    server = t.server()
    server.create_volume("v", 64 * MIB)
    fio(t, server, transport, "--rw=randwrite", "--bs=4k", "--size=16m", "--offset_increment=16m",
        "--numjobs=4", "--iodepth=32", "--norandommap", "--io_size=48m", *VERIFY)


@case(each=BOTH_TRANSPORTS)
def trims_and_writes_of_the_same_blocks_keep_their_order(t, transport):
    server = t.server()
    server.create_volume("v", 64 * MIB)
    jobs = fio(t, server, transport, "--rw=trimwrite", "--bsrange=4k-64k", "--blockalign=4k",
               "--size=16m", "--offset_increment=16m", "--numjobs=4", "--iodepth=1", *VERIFY)
    assert all(job["trim"]["total_ios"] > 0 for job in jobs)


@case(each=BOTH_TRANSPORTS)
def trims_beside_writes_touch_nothing_but_their_own_range(t, transport):
    server = t.server()
    server.create_volume("v", 128 * MIB)
    t.sh("fio", "--ioengine=nbd", "--thread", f"--uri={server.uri('v', transport)}",
         f"--randseed={t.seed}", "--size=32m",
         "--name=writer", "--rw=randwrite", "--bsrange=512-128k", "--blockalign=512",
         "--iodepth=8", *VERIFY,
         "--name=trimmer", "--rw=randtrim", "--offset=32m", "--bsrange=512-128k",
         "--blockalign=512", "--iodepth=8", "--verify=null",
         "--name=rewriter", "--rw=randwrite", "--offset=64m", "--bs=512", "--size=4m",
         "--iodepth=32", *VERIFY,
         "--name=zeroed", "--rw=randtrim", "--offset=96m", "--bs=64k", "--iodepth=4",
         "--verify=null")


@case(each=BOTH_TRANSPORTS)
def a_flush_after_every_write_changes_nothing_but_the_time(t, transport):
    server = t.server()
    server.create_volume("v", 64 * MIB)
    jobs = fio(t, server, transport, "--rw=randwrite", "--bs=4k", "--size=2m",
               "--offset_increment=16m", "--numjobs=4", "--iodepth=4", "--fsync=1", *VERIFY)
    assert all(job["sync"]["total_ios"] > 0 for job in jobs)


@case()
def what_fio_wrote_verifies_after_a_restart(t):
    server = t.server()
    server.create_volume("v", 128 * MIB)
    options = ["--rw=randwrite", "--bsrange=512-128k", "--blockalign=512", "--size=32m",
               "--offset_increment=32m", "--numjobs=4", "--iodepth=16", *VERIFY]
    fio(t, server, "tcp", *options, "--do_verify=0")
    server.restart()
    fio(t, server, "unix", *options, "--verify_only=1")
    server.kill()
    server.start()
    fio(t, server, "tcp", *options, "--verify_only=1")


@case(each=BOTH_TRANSPORTS, long=True, timeout_seconds=900)
def half_a_gigabyte_verifies_after_each_of_eight_overwrites(t, transport):
    server = t.server()
    server.create_volume("v", 1024 * MIB)
    for number in range(8):
        fio(t, server, transport, "--rw=randwrite", "--bsrange=512-1m", "--blockalign=512",
            "--size=128m", "--offset_increment=256m", "--numjobs=4", "--iodepth=32",
            f"--fsync={16 << number}", f"--randseed={t.seed + number}", *VERIFY, timeout=400)
        server.restart()
