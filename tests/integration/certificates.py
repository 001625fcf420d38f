"""Certificates of an authority of the test's own, made with openssl."""

import subprocess


def certificate(directory, name, issuer=None, server=True):
    """Makes <name>.crt and .key, signed by <issuer> or by itself."""
    base = f"{directory}/{name}"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{base}.key", "-out", f"{base}.crt"]
    if issuer is None:
        command += ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    else:
        command += ["-CA", f"{directory}/{issuer}.crt", "-CAkey", f"{directory}/{issuer}.key",
                    "-addext", "basicConstraints=critical,CA:FALSE"]
    if server:
        command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return base
