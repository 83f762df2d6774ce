"""A link that can be cut: relays TCP from one loopback port to another and counts the bytes."""
import selectors
import socket
import threading


class Relay:
    """Listens on a port of its own. cut() drops every connection and refuses new ones; restore() ends that."""

    def __init__(self, target):
        self.target = target
        self.bytes_forward = 0
        self.bytes_back = 0
        self._up = True
        self._stop = False
        self._lock = threading.Lock()
        self._pairs = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        with self._lock:
            self._up = False
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def restore(self):
        with self._lock:
            self._up = True

    def close(self):
        self._stop = True
        self.cut()
        self._listener.close()

    def _accept(self):
        while not self._stop:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                up = self._up
            if not up:
                near.close()
                continue
            try:
                far = socket.create_connection(self.target, timeout=5)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._pairs.append((near, far))
            threading.Thread(target=self._pump, args=(near, far), daemon=True).start()

    def _pump(self, near, far):
        with selectors.DefaultSelector() as both:
            both.register(near, selectors.EVENT_READ, far)
            both.register(far, selectors.EVENT_READ, near)
            try:
                while True:
                    for key, _ in both.select(timeout=1):
                        data = key.fileobj.recv(65536)
                        if not data:
                            return
                        key.data.sendall(data)
                        if key.fileobj is near:
                            self.bytes_forward += len(data)
                        else:
                            self.bytes_back += len(data)
            except OSError:
                pass
            finally:
                near.close()
                far.close()
