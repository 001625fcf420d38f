"""The backlog to S3 over TLS (s3rver): zstd 1, two workers; pgBackRest asynchronous beside it.

s3rver is the program that PGBOSUN_S3RVER names, or comes from npm into the temporary directory."""

import os
import subprocess

import backlog
import support

KEY = SECRET = "S3RVER"


class S3rver:
    """An empty store; ends with who archives to it."""

    def __init__(self, bench):
        program = os.environ.get("PGBOSUN_S3RVER") or installed(bench)
        certificate = certificate_of(bench)
        place = bench.place("s3")
        self.ca = certificate + "/cert.pem"
        self.port = support.free_port()
        self.log = open(os.path.join(bench.directory, "s3rver.log"), "ab")
        # Its continuation tokens are made with DES, which OpenSSL 3 has in the legacy provider only.
        self.process = subprocess.Popen(
            [program, "--directory", place, "--address", "127.0.0.1", "--port", str(self.port), "--silent",
             "--no-vhost-buckets", "--key", certificate + "/key.pem", "--cert", self.ca, "--configure-bucket", "bucket"],
            env=os.environ | {"NODE_OPTIONS": "--openssl-legacy-provider"}, stdout=self.log, stderr=self.log)
        support.wait_until(self.listens, "s3rver", between=0.05)

    def listens(self):
        with open("/proc/net/tcp") as file:
            return any(f":{self.port:04X} 00000000:0000 0A" in line for line in file)

    def stop(self):
        self.process.terminate()
        self.process.wait(support.PATIENCE)
        self.log.close()


def installed(bench):
    support.need("npm", "npm")
    place = os.path.join(bench.directory, "npm")
    if not os.path.exists(place):
        subprocess.run(["npm", "install", "--no-fund", "--no-audit", "--prefix", place,
                        "--cache", place + "/cache", "s3rver@3.7.1"], check=True, stdout=subprocess.DEVNULL)
    return place + "/node_modules/.bin/s3rver"


def certificate_of(bench):
    place = os.path.join(bench.directory, "certificate")
    if not os.path.exists(place):
        support.need("openssl", "openssl")
        os.mkdir(place, 0o755)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", place + "/key.pem", "-out", place + "/cert.pem"], check=True,
                       stderr=subprocess.DEVNULL)
        os.chmod(place + "/cert.pem", 0o644)
    return place


class With:
    """Who archives, and the store that it archives to."""

    def __init__(self, store, who):
        self.store, self.who, self.drain = store, who, who.drain

    def stop(self):
        self.who.stop()
        self.store.stop()


def repository(store):
    """pgBackRest's words for it."""
    return {"repo1-type": "s3", "repo1-path": "/archive", "repo1-s3-bucket": "bucket", "repo1-s3-region": "us-east-1",
            "repo1-s3-endpoint": "localhost", "repo1-s3-uri-style": "path", "repo1-storage-host": "localhost",
            "repo1-storage-port": store.port, "repo1-storage-ca-file": store.ca, "repo1-s3-key": KEY,
            "repo1-s3-key-secret": SECRET}


def measure(bench):
    server = backlog.server_of(bench)

    def ours():
        store = S3rver(bench)
        os.environ |= {"BENCH_ID": KEY, "BENCH_KEY": SECRET}
        archive = {"destination": "s3://bucket/archive", "endpoint_url": f"https://localhost:{store.port}",
                   "endpoint_ca": store.ca,
                   "credentials": {"access_key_id_env": "BENCH_ID", "secret_access_key_env": "BENCH_KEY"}}
        return With(store, backlog.Archiver(bench, server, archive))

    def peer():
        store = S3rver(bench)
        return With(store, backlog.PgBackRest(bench, server, repository(store)))

    rates = backlog.compare(server, {"pgbosun": ours, "pgBackRest": peer})
    ratio = rates["pgbosun"] / rates["pgBackRest"]
    yield support.Row(f"{backlog.SEGMENTS} segments to S3 over TLS, zstd 1, 2 workers",
                      f"pgBackRest {rates['pgBackRest']:.1f}/s", f"{rates['pgbosun']:.1f}/s", f"{ratio:.2f} >= 2",
                      ratio >= 2)
