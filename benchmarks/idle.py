"""What PID 1 and its own children burn while nobody asks for anything."""

import time

import support

SECONDS = 60
SETTLING = 10


def measure(bench):
    instance = support.Instance(bench)
    instance.start()
    instance.wait_ready()
    time.sleep(SETTLING)
    names = {instance.process.pid: "PID 1"}
    for pid, command in instance.children().items():
        if support.program_of(pid) != "postgres":
            names[pid] = command.split("/")[-1][:40]
    support.note(f"idle: {SECONDS} s")
    before = {pid: support.cpu_ns(pid) for pid in names}
    time.sleep(SECONDS)
    used = {pid: (support.cpu_ns(pid) - before[pid]) / SECONDS / 1e7 for pid in names}
    yield support.at_most("idle CPU of PID 1 and its helper processes together", "", sum(used.values()), 0.2, "% of a core")
    for pid, name in names.items():
        yield support.Row(f"  {name}", "", f"{used[pid]:.3f} %", "", None)
    instance.stop()
