"""From the call that promotes a standby, whose primary has just been killed under load, to the first row it takes: the worst
of 20. Beside it PostgreSQL's own pg_promote on a standby with stock settings, which is what the peers call."""

import os
import re
import signal
import subprocess
import sys
import time

import support

os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
sys.path[:0] = [os.path.join(support.SOURCE, "tests", "cluster"), os.path.join(support.SOURCE, "tests", "integration")]

import libpq  # noqa: E402

PROMOTIONS = 20
LIMIT = 0.25
LOAD = 1.0  # seconds
PASSWORD = "hush-hush"


def connect(port):
    return libpq.Connection(f"host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable "
                            "gssencmode=disable", 5)


def first_write(port, begin):
    """Seconds from `begin` until a row is taken."""
    while True:
        try:
            connection = connect(port)
            try:
                while True:
                    try:
                        connection.execute("insert into promoted values (1)", 5)
                        return time.monotonic() - begin
                    except libpq.Refused:
                        if time.monotonic() > begin + support.PATIENCE:
                            raise RuntimeError("the standby never took a row") from None
                        time.sleep(0.002)
            finally:
                connection.close()
        except libpq.Lost:
            time.sleep(0.002)


class Pgbosun:
    def __init__(self, primary, instance):
        self.instance = instance
        self.standby = instance.Instance({"postgresql": {"pg_hba": ["host all all all trust"]}}, name="pg-2")
        del self.standby.config["bootstrap"]["initdb"]
        secret = self.standby.secret("replication", PASSWORD + "\n")
        self.standby.config["bootstrap"]["join"] = {"primary_conninfo": f"host=127.0.0.1 port={primary.port}",
                                                    "password_file": secret}
        self.standby.config["postgresql"]["replication"] = {"user": "streaming_replica", "password_file": secret}
        self.standby.config["archive"] = primary.config["archive"]
        self.standby.write_config()
        self.volume, self.port = self.standby.volume, self.standby.port
        self.archive = f"{primary.directory}/archive"

    def start(self):
        self.standby.start().up()

    def promote(self):
        answer = self.standby.http("POST", "/v1/promote")
        if answer.status not in (200, 202):
            raise RuntimeError(f"refused: {answer}")

    def stop(self):
        if self.standby.process and self.standby.process.poll() is None:
            self.standby.stop(signal.SIGINT)

    def forget(self):
        """What a promotion has archived: the next copy of this standby would follow that timeline."""
        for place, _, names in os.walk(self.archive):
            for name in names:
                if re.match("[0-9A-F]{8}", name) and not name.startswith("00000001"):
                    os.unlink(os.path.join(place, name))


class Stock:
    def __init__(self, primary, instance):
        self.instance = instance
        self.port = support.free_port()
        self.directory = f"{primary.directory}/stock"
        os.mkdir(self.directory, 0o755)
        primary._give(self.directory)
        self.volume = f"{self.directory}/v"
        subprocess.run([*instance.as_user("postgres"), f"{support.POSTGRES_BIN}/pg_basebackup", "-D", self.volume, "-R",
                        "-c", "fast", "-d", f"host=127.0.0.1 port={primary.port} user=streaming_replica"],
                       check=True, env=os.environ | {"PGPASSWORD": PASSWORD}, cwd="/")
        for name in os.listdir(self.volume):
            if name.endswith(".conf") and "pgbosun" in name:
                os.unlink(f"{self.volume}/{name}")
        with open(f"{self.volume}/postgresql.conf", "w", encoding="ascii") as file:
            file.write("shared_buffers = 16MB\nmax_connections = 50\nmax_wal_senders = 20\nmax_replication_slots = 20\n"
                       "hot_standby = on\n")
        self.process = None

    def start(self):
        with open(f"{self.directory}/log", "ab") as log:
            self.process = subprocess.Popen([*self.instance.as_user("postgres"), f"{support.POSTGRES_BIN}/postgres", "-D",
                                             self.volume, "-p", str(self.port), "-k", self.directory],
                                            stdout=log, stderr=log, cwd="/")
        self.instance._started.add(self.process.pid)
        self.session = None

        def answers():
            try:
                self.session = connect(self.port)
            except libpq.Lost:
                return False
            return True
        support.wait_until(answers, "the stock standby", between=0.05)

    def promote(self):
        self.session.execute("select pg_promote(false)", 5)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(support.PATIENCE)

    def forget(self):
        pass


def primary_of(instance):
    primary = instance.Instance({"postgresql": {"pg_hba": ["host all all all trust"],
                                                "parameters": {"wal_keep_size": "512MB", "max_connections": 50}}})
    secret = primary.secret("replication", PASSWORD + "\n")
    primary.config["postgresql"]["replication"] = {"user": "streaming_replica", "password_file": secret}
    primary.config["archive"] = {"destination": f"file://{primary.directory}/archive"}
    primary.write_config()
    primary.start().up()
    primary.sql("create table promoted(i int)")
    return primary


def promotions(primary, standby):
    """Each starts from the same copy of a standby that streamed."""
    kept = f"{standby.volume}.kept"
    standby.start()
    standby.stop()
    subprocess.run(["cp", "-a", standby.volume, kept], check=True)
    times = []
    for number in range(PROMOTIONS):
        subprocess.run(["rm", "-rf", standby.volume], check=True)
        subprocess.run(["cp", "-a", kept, standby.volume], check=True)
        standby.start()
        streaming = "select count(*) from pg_stat_replication where state = 'streaming'"
        support.wait_until(lambda: primary.sql(streaming) == "1", "the standby to stream", between=0.05)
        load = subprocess.Popen([f"{support.POSTGRES_BIN}/pgbench", "-n", "-c", "4", "-T", "60", "-h", "127.0.0.1", "-p",
                                 str(primary.port), "-U", "postgres", "postgres"], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        time.sleep(LOAD)
        primary.send_signal(signal.SIGKILL)
        primary.wait_exit()
        load.wait()
        begin = time.monotonic()
        standby.promote()
        times.append(first_write(standby.port, begin))
        support.note(f"{type(standby).__name__}, promotion {number + 1} of {PROMOTIONS}: {times[-1] * 1000:.0f} ms")
        standby.stop()
        standby.forget()
        primary.kill_everything()
        primary.start().up()
    return times


def measure(bench):
    os.environ["PGBOSUN_PROGRAMS"] = bench.programs
    import instance
    primary = primary_of(instance)
    worst = {}
    try:
        subprocess.run([f"{support.POSTGRES_BIN}/pgbench", "-i", "-q", "-s", "2", "-h", "127.0.0.1", "-p", str(primary.port),
                        "-U", "postgres", "postgres"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for kind in (Stock, Pgbosun):
            standby = kind(primary, instance)
            try:
                worst[kind] = max(promotions(primary, standby))
            finally:
                standby.stop()
                if kind is Pgbosun:
                    standby.standby.destroy()
    finally:
        primary.destroy()
    yield support.Row(f"promotion under load, call to first write, worst of {PROMOTIONS}",
                      f"pg_promote {worst[Stock]:.2f} s", f"{worst[Pgbosun]:.2f} s",
                      f"<= {LIMIT:g} s, {worst[Stock] / worst[Pgbosun]:.1f}x", worst[Pgbosun] <= LIMIT)
