"""A proxy that breaks connections: each of the first ones after so many bytes of what the server says, the rest never."""

import random
import socket
import struct
import threading

PLACES = 20


class CuttingProxy:
    """Listens on a port of its own until it is closed."""

    def __init__(self, server, bytes_of_each, seed):
        self.server = server
        self.left = list(bytes_of_each)
        self.cut = 0
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listening.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with self._lock:
                most = self.left.pop(0) if self.left else None
                hard = self._random.random() < 0.5
            threading.Thread(target=self._carry, args=(client, most, hard), daemon=True).start()

    def _carry(self, client, most, hard):
        hard = hard and most is not None
        server = socket.create_connection(self.server)
        asking = threading.Thread(target=_pour, args=(client, server), daemon=True)
        asking.start()
        carried = 0
        try:
            while chunk := server.recv(16384):
                if most is not None and most <= carried + len(chunk):
                    client.sendall(chunk[: most - carried])
                    with self._lock:
                        self.cut += 1
                    if hard:
                        # Reset, and not a decent end.
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        _shut(client, socket.SHUT_RD)
                    break
                client.sendall(chunk)
                carried += len(chunk)
            else:
                hard = False
        except OSError:
            hard = False
        if not hard:
            _shut(client)
        _shut(server)
        # A socket is closed once nobody reads it any more.
        asking.join()
        client.close()
        server.close()


def _pour(client, server):
    try:
        while chunk := client.recv(16384):
            server.sendall(chunk)
    except OSError:
        pass
    _shut(server)


def _shut(it, how=socket.SHUT_RDWR):
    try:
        it.shutdown(how)
    except OSError:
        pass


def places_in(bytes_total, head_bytes, seed):
    """How many bytes each connection carries so that the breaks are spread at random over so many bytes."""
    places = sorted(random.Random(seed).sample(range(1, bytes_total), PLACES))
    return [place - before + head_bytes for before, place in zip([0, *places], places, strict=False)]


def small(bytes_max, seed):
    """Connections that carry at random up to so many bytes; the first loses its whole answer."""
    choose = random.Random(seed)
    return [0, *(choose.randrange(bytes_max) for _ in range(PLACES - 1))]
