"""Data that many processes of one machine hold once: large read-only arrays lie in a file that each of them maps.

The file has no name: it is gone with the last process that has it open, however that ends.
"""

from __future__ import annotations

import mmap
import pickle
import tempfile
from dataclasses import dataclass
from typing import IO, Any

LEAST_BYTES = 1 << 16
"""Smaller arrays travel with the rest."""

ALIGNMENT = 64
"""Bytes: where arrays begin in the file, so that they suit every dtype and the vector units."""


@dataclass(frozen=True)
class Layout:
    """What a process needs beside the file.

    Attributes:
        rest: The data, pickled without the arrays that lie in the file.
        places: Where each of these begins, and how many bytes it has.
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
        descriptor: Of the open file, in this process.
        layout: Its layout. It is unpickled: take it from a coordinator alone.
    """
    import cloudpickle

    whole = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)) if layout.places else memoryview(b"")
    return cloudpickle.loads(layout.rest, buffers=[whole[start : start + size] for start, size in layout.places])
