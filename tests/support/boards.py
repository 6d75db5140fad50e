"""Boards to reach by ssh: two servers of this machine with keys made for the test, and three that cannot be used."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SSHD = Path("/usr/sbin/sshd")
REPOSITORY = Path(__file__).parents[2]
# How cnnedge starts on a board: this checkout, without its folder being the current one.
CNNEDGE = f"env PYTHONPATH={REPOSITORY} PYTHONDONTWRITEBYTECODE=1 {sys.executable} -m cnnedge"


def why_not() -> str | None:
    """Why no server can be started here."""
    if not (SSHD.exists() and shutil.which("ssh") and shutil.which("ssh-keygen")):
        return "OpenSSH's server or client is not installed (apt install openssh-server openssh-client)"
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where the server, as root, locks its unprivileged half in
    return None


@dataclass(frozen=True)
class Boards:
    """``ssh`` reaches ``one`` and ``two``; ``stranger`` has an unknown host key, ``changed`` another than the known,
    nothing listens at ``away``, and ``shut`` takes no key."""

    ssh: str
    ports: dict[str, int]


@contextlib.contextmanager
def boards(folder: Path) -> Iterator[Boards]:
    """Start the servers, with all their files in ``folder``."""
    key = _key(folder / "user")
    servers = {name: _Server(folder / name, key) for name in ("one", "two", "stranger", "changed", "shut")}
    (folder / "shut" / "authorized_keys").write_text("")
    ports = {name: server.port for name, server in servers.items()} | {"away": _free_port()}
    known = [f"{name} {server.host_key}" for name, server in servers.items() if name not in ("stranger", "changed")]
    known.append(f"changed {servers['one'].host_key}")
    (folder / "known_hosts").write_text("\n".join(known) + "\n")
    hosts = "".join(f"Host {name}\n  Port {port}\n  HostKeyAlias {name}\n" for name, port in ports.items())
    common = (
        f"Host *\n  HostName 127.0.0.1\n  IdentityFile {key}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {folder}/known_hosts\n  GlobalKnownHostsFile /dev/null\n"
    )
    (folder / "config").write_text(hosts + common)
    try:
        for server in servers.values():
            server.wait()
        yield Boards(f"ssh -F {folder}/config", ports)
    finally:
        for server in servers.values():
            server.end()


class _Server:
    def __init__(self, folder: Path, user_key: Path) -> None:
        folder.mkdir()
        key, self.port = _key(folder / "host"), _free_port()
        self.host_key = key.with_suffix(".pub").read_text().strip()
        (folder / "authorized_keys").write_text(user_key.with_suffix(".pub").read_text())
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {key}\nPidFile none\nUsePAM no\nStrictModes no\n"
            f"AuthorizedKeysFile {folder}/authorized_keys\nPasswordAuthentication no\nPermitRootLogin yes\n"
            "KbdInteractiveAuthentication no\n"
        )
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=log)

    def wait(self) -> None:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise RuntimeError(f"sshd does not listen on port {self.port}")

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()


def _key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]
