"""Ports of this machine: whether we could listen there."""

import socket


def problem(host: str, port: int) -> str | None:
    """A sentence when we could not listen there."""
    held = hold(host, port)
    if isinstance(held, str):
        return held
    held.close()
    return None


def hold(host: str, port: int) -> socket.socket | str:
    """The port, kept from others without listening on it; or a sentence why that cannot be."""
    held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((host, port))
    except OSError as error:
        held.close()
        reason = error.strerror or str(error)
        return f"Port {port} on {host} cannot be used ({reason}): stop what uses it, or give another --port."
    return held
