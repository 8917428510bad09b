"""How the codes best go into the file: h5py's writes or whole chunks, and with which compression.

Only the codes are written, without summaries, with a flush every 50 million pairs; into the page
cache.

Run: python benchmarks/bench_codes.py [FOLDER]
"""

import itertools
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
from bench_record import codes_of

from monitor.errors import RecordingError
from monitor.recording.compression import options

N_PAIRS = 200_000_000
BLOCK = 1_000_000
CHUNK = 65_536
FLUSH = 50_000_000


def signals() -> dict[str, np.ndarray]:
    """Return codes of a voltage and a current, as an instrument has them."""
    codes = codes_of(4_000_000)
    clean = codes_of(4_000_000, noise=8.0)
    return {
        "16 bits, noise of 200 codes": codes,
        "12 of 16 bits, noise of half a code": clean >> 4 << 4,
    }


def by_h5py(data: h5py.Dataset, blocks: Iterable[np.ndarray]) -> None:
    """Append block after block, as a recording does."""
    n = 0
    for block in blocks:
        data.resize(n + BLOCK, axis=1)
        data[:, n:] = block
        n += BLOCK
        if n % FLUSH == 0:
            data.flush()


def by_chunk(data: h5py.Dataset, blocks: Iterable[np.ndarray]) -> None:
    """Gather whole chunks, and write them past the library's cache; the rest as above."""
    n, held = 0, np.empty((2, 0), np.int16)
    for k, block in enumerate(blocks, start=1):
        held = np.concatenate((held, block), axis=1)
        whole = held.shape[1] // CHUNK * CHUNK
        data.resize(n + whole, axis=1)
        for first, channel in itertools.product(range(0, whole, CHUNK), (0, 1)):
            data.id.write_direct_chunk((channel, n + first), held[channel, first : first + CHUNK])
        n, held = n + whole, held[:, whole:]
        if k * BLOCK % FLUSH == 0:
            data.flush()
    data.resize(n + held.shape[1], axis=1)
    data[:, n:] = held


def main() -> None:
    """Print the rate and the size of every way."""
    ways = (
        ("h5py, none", by_h5py, "none"), ("whole chunks, none", by_chunk, "none"),
        ("h5py, lzf", by_h5py, "lzf"), ("h5py, bitshuffle-lz4", by_h5py, "bitshuffle-lz4"),
        ("h5py, gzip", by_h5py, "gzip"),
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        for (what, codes), (way, write, compression) in itertools.product(signals().items(), ways):
            n = N_PAIRS if compression == "none" else N_PAIRS // 10
            cut = [codes[:, k : k + BLOCK] for k in range(0, codes.shape[1], BLOCK)]
            path = Path(folder) / "codes.h5"
            try:
                how = options(compression)
            except RecordingError as error:
                print(f"{way}: {error}")
                continue
            begin = time.perf_counter()
            with h5py.File(path, "w", libver="latest") as file:
                data = file.create_dataset(
                    "codes", (2, 0), np.int16, maxshape=(2, None), chunks=(1, CHUNK), **how
                )
                file.swmr_mode = True
                write(data, itertools.islice(itertools.cycle(cut), n // BLOCK))
            took = time.perf_counter() - begin
            print(f"{what}: {way}: {n / took / 1e6:.0f} million pairs/s,"
                  f" {path.stat().st_size / n:.2f} bytes a pair", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
