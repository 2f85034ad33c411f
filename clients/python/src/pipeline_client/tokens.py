"""The token of a server on this machine."""

from __future__ import annotations

import os

_TOKEN_BYTES_MAX = 4096


def read_token(path: str | os.PathLike[str]) -> str:
    """The token in a file, such as the one that `pipeline serve` names when it starts."""
    with open(path, encoding="ascii") as file:
        token = file.read(_TOKEN_BYTES_MAX).strip()
    if not token or any(it.isspace() for it in token):
        raise ValueError(f"there is no token in {os.fspath(path)}")
    return token
