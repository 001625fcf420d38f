"""What can happen to a cluster. A fault begins, lasts, and is mended; which, to whom and for how long is drawn from a seed."""

import contextlib
import os
import shutil
import signal
import struct

import cluster
import instance
import network

CLONE_NEWNS = 0x00020000
ROOM = 600  # MB of each instance's volume
STEPPED_CLOCK = os.path.join(instance.BUILD, "tests", "chaos", "libstepped_clock.so")
STEPS = (-86400.0, -60.0, -1.5, 1.5, 60.0, 86400.0)  # seconds


class Disks:
    """Each volume is a small file system of its own, within a mount namespace that goes with this process."""

    def __init__(self):
        if network.LIBC.unshare(CLONE_NEWNS) != 0:
            raise network.Impossible("no mount namespace")
        network.run("mount", "--make-rprivate", "/")
        self._mounted = []

    def give(self, members):
        for it in members:
            os.makedirs(it.volume, exist_ok=True)
            network.run("mount", "-t", "tmpfs", "-o", f"size={ROOM}m,mode=0700", "tmpfs", it.volume)
            self._mounted.append(it.volume)
            it._give(it.volume)

    def close(self):
        for volume in self._mounted:
            network.run("umount", "--lazy", volume)


def filler(member):
    return f"{member.volume}/nobody-needs-this"


def fill(member):
    room = os.statvfs(member.volume)
    with open(filler(member), "wb") as file, contextlib.suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, max(1, room.f_bavail * room.f_frsize))


class Clocks:
    """Each instance's and controller's time of day, which can be stepped: a library that is loaded into its processes
    (stepped_clock.cpp) adds what a file says."""

    def __init__(self, cluster):
        for it in cluster.members:
            it.environment |= self._environment(cluster, it)
        for it in cluster.controllers:
            it.popen["env"] = os.environ | self._environment(cluster, it)

    def _environment(self, cluster, it):
        it.clock = f"{cluster.directory}/{it.name}.clock"
        step(it, 0.0)
        os.chmod(it.clock, 0o644)
        # A sanitizer wants to be the first library, which does not matter to these functions.
        sanitizer = ":".join([*filter(None, [os.environ.get("ASAN_OPTIONS")]), "verify_asan_link_order=0"])
        return {"LD_PRELOAD": os.path.abspath(STEPPED_CLOCK), "PGBOSUN_STEPPED_CLOCK": it.clock,
                "ASAN_OPTIONS": sanitizer}


def step(it, seconds):
    descriptor = os.open(it.clock, os.O_WRONLY | os.O_CREAT, 0o644)
    os.pwrite(descriptor, struct.pack("=q", int(seconds * 1e9)), 0)
    os.close(descriptor)


def processes(member):
    return sorted(instance.descendants(member.process.pid)) if member.runs else []


class Faults:
    """The faults by name; each takes what it is to happen to and returns how it is mended."""

    def __init__(self, cluster, randomness):
        self.cluster = cluster
        self.network = cluster.network
        self.random = randomness

    # Drawing

    def names(self):
        return sorted(name.removeprefix("do_") for name in dir(self) if name.startswith("do_"))

    def draw(self):
        """(name of the fault, what it happens to)"""
        name = self.random.choice(self.names())
        if name.startswith("controller"):
            return name, self.random.choice(self.cluster.controllers)
        if name.startswith("etcd"):
            return name, self.cluster.etcd
        # Half of all faults are the primary's, as far as there is one.
        primary = self.cluster.primary()
        member = primary if primary and self.random.random() < 0.5 else self.random.choice(self.cluster.members)
        return name, member

    def begin(self, name, it):
        return getattr(self, f"do_{name}")(it) or (lambda: None)

    # Of an instance

    def do_machine_killed(self, member):
        member.kill()
        return member.start

    def do_volume_lost(self, member):
        """Another machine takes its place, with an empty volume. While all hold all: two that are lost may have been the only
        ones with a commit."""
        if self.cluster.lacks():
            print(f"           the volume of {member.name} stays: not all hold all", flush=True)
            return None
        member.kill()
        for entry in os.scandir(member.volume):
            shutil.rmtree(entry) if entry.is_dir(follow_symlinks=False) else os.unlink(entry)
        return member.start

    def do_machine_frozen(self, member):
        frozen = processes(member)
        for pid in frozen:
            instance.send(pid, signal.SIGSTOP)
        return lambda: [instance.send(pid, signal.SIGCONT) for pid in reversed(frozen)]

    def do_agent_frozen(self, member):
        if member.runs:
            member.freeze()
            return lambda: member.runs and member.thaw()
        return None

    def do_postmaster_killed(self, member):
        if member.runs and member.postmaster():
            instance.send(member.postmaster(), signal.SIGKILL)

    def do_postmaster_frozen(self, member):
        pid = member.postmaster() if member.runs else None
        if pid:
            instance.send(pid, signal.SIGSTOP)
            return lambda: instance.send(pid, signal.SIGCONT)
        return None

    def do_some_process_killed(self, member):
        """Any but PID 1: guard, archiver, file worker, one of postgres."""
        found = [pid for pid in processes(member) if pid != member.pid]
        if found:
            instance.send(self.random.choice(found), signal.SIGKILL)

    def do_some_process_frozen(self, member):
        found = [pid for pid in processes(member) if pid != member.pid]
        if found:
            pid = self.random.choice(found)
            instance.send(pid, signal.SIGSTOP)
            return lambda: instance.send(pid, signal.SIGCONT)
        return None

    def do_disk_full(self, member):
        fill(member)
        return lambda: os.unlink(filler(member))

    def do_clock_stepped(self, member):
        step(member, self.random.choice(STEPS))
        return lambda: step(member, 0.0)

    # Of the network

    def do_cut(self, member):
        ways = self.random.choice((("from", "to"), ("from",), ("to",)))
        return self.network.isolate(member.name, ways)

    def do_cut_from_another(self, member):
        other = self.random.choice([it for it in self.cluster.members if it is not member])
        return self.network.cut(member.name, [other.name])

    def do_cut_from_controllers(self, member):
        return self.network.cut(member.name, [it.name for it in self.cluster.controllers])

    def do_slow(self, member):
        return self.network.slow(member.name, ways=self.random.choice((("from", "to"), ("from",), ("to",))))

    # Of controllers and etcd

    def do_controller_killed(self, controller):
        controller.kill()
        return controller.start

    def do_controller_frozen(self, controller):
        controller.send_signal(signal.SIGSTOP)
        return lambda: controller.send_signal(signal.SIGCONT)

    def do_controller_clock_stepped(self, controller):
        step(controller, self.random.choice(STEPS))
        return lambda: step(controller, 0.0)

    def do_controller_cut(self, controller):
        return self.network.isolate(controller.name)

    def do_etcd_killed(self, etcd):
        etcd.kill()
        return etcd.start

    def do_etcd_frozen(self, etcd):
        etcd.send_signal(signal.SIGSTOP)
        return lambda: etcd.send_signal(signal.SIGCONT)

    # Of an operator

    def do_switchover(self, _):
        controller = self.random.choice(self.cluster.controllers)
        asking = cluster.Program("switchover", self.cluster.asking(controller, "switchover"), self.cluster.directory).start()
        return asking.kill

    # All of it

    def mend(self):
        """Whatever is broken still."""
        self.network.heal()
        for it in [*self.cluster.members, *self.cluster.controllers]:
            step(it, 0.0)
        for program in self.cluster.programs:
            program.send_signal(signal.SIGCONT)
            if not program.runs:
                program.start()
        for member in self.cluster.members:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(filler(member))
            for pid in processes(member):
                instance.send(pid, signal.SIGCONT)
            if not member.runs:
                member.start()
