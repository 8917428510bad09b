"""How long a busy machine keeps threads waiting, which makes what the host times late."""

import threading
import time

_TURNS = 4  # of who makes, sends, receives and stamps a record
_TICK_S = 0.005


class KeptWaiting:
    """Measures in a thread how long threads of this process wait for their turn."""

    def __init__(self):
        self.longest_ns = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    @property
    def late_ns(self):
        """Return how late a record may be that has waited for each of its turns."""
        return _TURNS * self.longest_ns

    def _measure(self):
        while not self._over.is_set():
            before_ns = time.monotonic_ns()
            self._over.wait(_TICK_S)
            late_ns = time.monotonic_ns() - before_ns - round(1e9 * _TICK_S)
            self.longest_ns = max(self.longest_ns, late_ns)
