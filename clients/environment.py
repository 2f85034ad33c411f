"""Lays out what the clients are made and tested with: a Python environment and Node's packages, below target/clients."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

CLIENTS = pathlib.Path(__file__).resolve().parent
ROOT = CLIENTS.parent
OPENAPI = ROOT / "crates" / "server" / "openapi.json"
PYTHON = CLIENTS / "python"
TYPESCRIPT = CLIENTS / "typescript"
TARGET = ROOT / "target" / "clients"
OLDEST_PYTHON = (3, 10)
OLDEST_NODE = 20


def run(*command, cwd=ROOT, **more):
    """A program that must succeed; its words are shown when it doesn't."""
    ended = subprocess.run([str(it) for it in command], cwd=cwd, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if ended.returncode != 0:
        sys.exit(f"{ended.stdout}\nclients: `{' '.join(str(it) for it in command)}` ended with {ended.returncode}")
    return ended.stdout


def stamped(folder, inputs, make):
    """Makes a folder anew unless it was made from the same files."""
    digest = hashlib.sha256(sys.version.encode() + b"".join(it.read_bytes() for it in inputs)).hexdigest()
    stamp = folder / ".made-from"
    if stamp.exists() and stamp.read_text() == digest:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make()
    stamp.write_text(digest)


def python_tools():
    """The folder of the programs that requirements.txt names."""
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"clients: Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer is needed")
    folder = TARGET / "python"
    wanted = PYTHON / "requirements.txt"

    def make():
        run(sys.executable, "-m", "venv", folder)
        run(folder / "bin" / "pip", "install", "--quiet", "--requirement", wanted)

    stamped(folder, [wanted], make)
    return folder / "bin"


def node_tools():
    """The folder of the programs that package-lock.json names."""
    if not shutil.which("npm"):
        sys.exit("clients: Node and npm are missing")
    if int(run("node", "--version").strip().lstrip("v").split(".")[0]) < OLDEST_NODE:
        sys.exit(f"clients: Node {OLDEST_NODE} or newer is needed")
    folder = TARGET / "node"
    wanted = [TYPESCRIPT / "package.json", TYPESCRIPT / "package-lock.json", TYPESCRIPT / ".npmrc"]

    def make():
        for it in wanted:
            shutil.copy(it, folder)
        run("npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)

    stamped(folder, wanted, make)
    return folder / "node_modules" / ".bin"


# How packages are reached: the demonstration installs pytest, as any repository would.
KEPT = ("PATH", "LANG", "TERM", "TMPDIR")
KEPT_PREFIXES = ("PIP_", "UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_")


def closed(home):
    """The environment of a program that shall see nothing else of whoever runs the tests."""
    kept = {name: it for name, it in os.environ.items() if name in KEPT or name.upper().startswith(KEPT_PREFIXES)}
    return {**kept, "HOME": str(home)}
