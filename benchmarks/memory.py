"""Memory of PID 1 while postgres runs, after minutes of probes (one a second) and scrapes (each 5 s)."""

import os
import time

import support

SETTLED_S = 60


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def measure(bench, minutes="10"):
    instance = support.Instance(bench)
    instance.start()
    instance.wait_ready()
    support.note(f"memory: {minutes} minutes of probes and scrapes")
    begin = time.monotonic()
    second = 0
    while second < float(minutes) * 60:
        instance.status_of(("/livez", "/readyz")[second % 2])
        if second % 5 == 0 and instance.status_of("/metrics") != 200:
            raise RuntimeError("/metrics does not answer with 200")
        second += 1
        if second == SETTLED_S:
            early = support.rollup_kb(instance.process.pid)["Rss"], descriptors(instance.process.pid)
        time.sleep(max(0, begin + second - time.monotonic()))
    ours = support.rollup_kb(instance.process.pid)
    after = f"PID 1 after {minutes} min of probes and scrapes"
    # Peers are not measured here: these figures are of other programs on another machine.
    for field, peer, limit in (("Pss", "quoted: Patroni 36 MB", 8), ("Anonymous", "", 4),
                               ("Rss", "quoted: Go 66, Patroni 51", 14)):
        yield support.at_most(f"{field.upper() if field != 'Anonymous' else 'anonymous'} of {after}", peer,
                              ours[field] / 1024, limit, "MB")
    if second > SETTLED_S:
        grown = (ours["Rss"] - early[0]) / 1024
        yield support.at_most("  growth of its RSS since the first minute", "", grown, 0.5, "MB")
        now = descriptors(instance.process.pid)
        yield support.Row("  its descriptors then and now", "", f"{early[1]}, {now}", "equal", now == early[1])
    for pid, command in sorted(instance.children().items()):
        if support.program_of(pid) == "postgres":
            continue
        child = support.rollup_kb(pid)
        yield support.Row(f"  its child {command.split('/')[-1][:46]}", "", f"PSS {child['Pss'] / 1024:.2g} MB",
                          f"anon {child['Anonymous'] / 1024:.2g} MB", None)
    instance.stop()
