"""Which names this program answers to.

A page of a foreign site can point its own name at 127.0.0.1 (DNS rebinding) and then read whatever
a local program answers. So only requests that are addressed to a name of ours are served.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterable

import psutil

LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  compared with, not bound to


class AllowedHosts:
    """The names and addresses of ours; more may be allowed while the program runs."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {normal_name(name) for name in names}
        self._lock = threading.Lock()

    def allow(self, name: str) -> None:
        """Answer to this name too, as for a share link."""
        with self._lock:
            self._names = self._names | {normal_name(name)}

    def __contains__(self, name: str) -> bool:
        return normal_name(name) in self._names


def served_hosts(bound: str, further: Iterable[str]) -> AllowedHosts:
    """What a program bound to this address answers to."""
    names = [*LOOPBACK, *further]
    if bound in EVERY_ADDRESS:
        names += [*own_addresses(), socket.gethostname(), socket.gethostname() + ".local"]
    else:
        names.append(bound)
    return AllowedHosts(names)


def own_addresses() -> list[str]:
    """The addresses of this machine's network interfaces."""
    families = (socket.AF_INET, socket.AF_INET6)
    interfaces = psutil.net_if_addrs().values()
    return [
        entry.address for entries in interfaces for entry in entries if entry.family in families
    ]


def split_host(header: str) -> tuple[str, int | None] | None:
    """Name and port of a Host header or of an origin's last part; None when it is malformed."""
    name, bracket, rest = header.rpartition("]")
    if bracket:
        name, rest = name.lstrip("["), rest.removeprefix(":")
    else:
        name, _, rest = header.partition(":")
    if not name or (rest and not (rest.isascii() and rest.isdigit())):
        return None
    return normal_name(name), int(rest) if rest else None


def normal_name(name: str) -> str:
    """One spelling for each name: lower case, no final dot, no zone, addresses in short form."""
    bare = name.strip().strip("[]").split("%")[0].rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return bare
