"""Where a phone finds the page: this computer's addresses, and the one to scan as a QR code."""

import socket

# Half blocks, in fixed colours: two modules a letter, black on white on a dark terminal as on a light one.
_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
_BLACK_ON_WHITE, _AS_BEFORE = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
# A reader wants four light modules around; two are enough for phones and fit 80 columns.
QUIET_MODULES = 2


def urls(host: str, port: int, token: str, *, scheme: str = "http") -> list[str]:
    """The page's addresses, the one to scan first; ``host`` 0.0.0.0 stands for every address of this computer."""
    return [f"{scheme}://{f'[{one}]' if ':' in one else one}:{port}/{token}/" for one in hosts_of(host)]


def hosts_of(host: str) -> list[str]:
    """The names and addresses that ``host`` stands for."""
    return local_addresses() if host in ("0.0.0.0", "::", "") else [host]


def local_addresses() -> list[str]:
    """This computer's IPv4 addresses that others reach, that of the way out first; the loopback one if it has none."""
    import psutil

    found = [
        address.address
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.") and _is_up(name)
    ]
    found.sort(key=lambda address: address != _way_out())
    return found or ["127.0.0.1"]


def _is_up(interface: str) -> bool:
    import psutil

    stats = psutil.net_if_stats().get(interface)
    return stats is not None and stats.isup


def _way_out() -> str | None:
    """The address from which this computer reaches others. Nothing is sent: a UDP socket only looks up its route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address that is nobody's (RFC 5737)
        except OSError:
            return None
        return probe.getsockname()[0]


def qr_lines(text: str) -> list[str]:
    """The QR code of ``text`` for a terminal, a line of two rows each."""
    import segno

    rows = [[bool(cell) for cell in row] for row in segno.make_qr(text, error="l").matrix_iter(border=QUIET_MODULES)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    pairs = [zip(upper, lower, strict=True) for upper, lower in zip(rows[::2], rows[1::2], strict=True)]
    return [f"{_BLACK_ON_WHITE}{''.join(_BLOCKS[pair] for pair in line)}{_AS_BEFORE}" for line in pairs]
