"""A registry for real: Debian's docker-registry on the loopback, by TLS, with a password."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.loopback import free_port

CONFIG = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}
http: {{addr: "{host}", tls: {{certificate: {folder}/cert.pem, key: {folder}/key.pem}}}}
auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}
"""


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@dataclass
class Registry:
    """A registry in `folder`; `with` starts and ends it.

    Attributes:
        folder: its files.
        host: address and port.
        variables: with these, skopeo, podman and cosign trust it and know the password.
    """

    folder: Path
    user: str = "ci"
    password: str = "open sesame"
    host: str = field(init=False)
    variables: dict[str, str] = field(init=False)
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.host = f"127.0.0.1:{free_port()}"
        _run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "7",
             "-keyout", str(self.folder / "key.pem"), "-out", str(self.folder / "cert.pem"),
             "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")  # fmt: skip
        _run("htpasswd", "-Bbc", str(self.folder / "htpasswd"), self.user, self.password)
        config = CONFIG.format(folder=self.folder, host=self.host)
        (self.folder / "config.yml").write_text(config)
        # Beside what this machine trusts, since packages come from elsewhere.
        trusted = Path(
            ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
        )
        bundle = self.folder / "trusted.pem"
        bundle.write_bytes(trusted.read_bytes() + (self.folder / "cert.pem").read_bytes())
        self.variables = {
            "SSL_CERT_FILE": str(bundle),
            "REGISTRY_AUTH_FILE": str(self._login("auth.json", self.password)),
            "DOCKER_CONFIG": str(self.folder),  # where there is no config.json
        }

    def _login(self, name: str, password: str) -> Path:
        auth = base64.b64encode(f"{self.user}:{password}".encode()).decode()
        path = self.folder / name
        path.write_text(json.dumps({"auths": {self.host: {"auth": auth}}}))
        return path

    def stranger(self, password: str | None) -> str:
        """REGISTRY_AUTH_FILE of somebody who has a wrong password, or none."""
        path = self._login("wrong.json", password) if password else self.folder / "none.json"
        return str(path)

    def blob(self, digest: str) -> Path:
        """Where the registry keeps the bytes of a digest."""
        name = digest.removeprefix("sha256:")
        return self.folder / "data/docker/registry/v2/blobs/sha256" / name[:2] / name / "data"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["docker-registry", "serve", str(self.folder / "config.yml")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        address, port = self.host.split(":")
        trusted = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        end = time.monotonic() + 30
        while True:
            try:
                with socket.create_connection((address, int(port)), timeout=5) as plain:
                    trusted.wrap_socket(plain, server_hostname=address).close()
                return self
            except OSError:
                assert time.monotonic() < end, "the registry does not answer"
                time.sleep(0.1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()
