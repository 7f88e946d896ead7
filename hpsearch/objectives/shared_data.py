"""Data that many processes of one machine share: large read-only arrays are in a file that each of them maps.

The file has no name: it disappears with the last process that has it open, however that ends.
"""

from __future__ import annotations

import mmap
import pickle
import tempfile
from dataclasses import dataclass
from typing import IO, Any

LEAST_BYTES = 1 << 16
"""Bytes from which on an array is put into the file; smaller ones are pickled with the other data."""

ALIGNMENT = 64
"""Arrays begin at multiples of so many bytes in the file, so that they are aligned for every dtype and vector unit."""


@dataclass(frozen=True)
class Layout:
    """What a process needs beside the file.

    Attributes:
        rest: The data, pickled without the arrays that are in the file.
        places: (offset, bytes) of each of these arrays in the file.
    """

    rest: bytes
    places: tuple[tuple[int, int], ...]


def share(data: Any) -> tuple[IO[bytes], Layout]:
    """Return an open file that holds the large arrays of some data, and the layout that goes with it.

    Arrays that may be written to are copied for each process, as each process has copies of its own in any case.

    Args:
        data: Anything that can be pickled.

    Raises:
        OSError: There is no room for the file.
    """
    import cloudpickle

    arrays: list[pickle.PickleBuffer] = []

    def beside(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        inside = not view.readonly or view.nbytes < LEAST_BYTES
        if not inside:
            arrays.append(buffer)
        return inside

    rest = cloudpickle.dumps(data, protocol=5, buffer_callback=beside)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it is handed to other processes
    places = []
    for array in arrays:
        view = array.raw()
        file.seek(-file.tell() % ALIGNMENT, 1)
        places.append((file.tell(), view.nbytes))
        file.write(view)
    file.flush()
    return file, Layout(rest, tuple(places))


def mapped(descriptor: int, layout: Layout) -> Any:
    """Return the data of :func:`share`, whose large arrays are views of the file.

    Args:
        descriptor: The descriptor of the open file in this process.
        layout: Its layout. It is unpickled: take it from a coordinator alone.
    """
    import cloudpickle

    file_bytes = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)) if layout.places else memoryview(b"")
    return cloudpickle.loads(layout.rest, buffers=[file_bytes[start : start + size] for start, size in layout.places])
