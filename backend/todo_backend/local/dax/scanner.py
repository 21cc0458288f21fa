"""Where CBOR values end in a stream, found without decoding them. No I/O.

Source: the DAX protocol notes, section 1.
"""

from .cbor import MAX_DEPTH, MAX_ELEMENTS
from .errors import MalformedError


class Scanner:
    """Finds the ends of values in bytes that arrive piecemeal, looking at each header once.

    Decoding anew for each fragment would cost time with the square of the request's size; this remembers where it was.
    """

    def __init__(self) -> None:
        self.position = 0
        self.completed = 0
        self._open: list[int] = []  # values still missing per level; negative for an indefinite one
        self._elements = 0

    def advance(self, data: bytes | bytearray, values: int) -> bool:
        """Go on until so many values are complete; False if the bytes end before."""
        while self.completed < values:
            if not self._step(data):
                return False
        return True

    def _step(self, data: bytes | bytearray) -> bool:
        position = self.position
        if position >= len(data):
            return False
        major, info = data[position] >> 5, data[position] & 31
        if info == 31:
            return self._indefinite(major)
        size = 0 if info < 24 else 1 << (info - 24)
        if info > 27:
            raise MalformedError("reserved length")
        end = position + 1 + size
        if end > len(data):
            return False
        argument = info if info < 24 else int.from_bytes(data[position + 1 : end], "big")
        if major in (2, 3):
            end += argument
            if end > len(data):
                return False
        self.position = end
        self._count(major, argument)
        return True

    def _indefinite(self, major: int) -> bool:
        if major == 7:
            if not self._open or self._open[-1] >= 0:
                raise MalformedError("a break outside an indefinite value")
            self._open.pop()
            self.position += 1
            self._finish()
            return True
        if major not in (4, 5):
            raise MalformedError("only arrays and maps may be indefinite")
        self.position += 1
        self._enter(-1)
        return True

    def _count(self, major: int, argument: int) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise MalformedError("too many elements")
        inside = {4: argument, 5: 2 * argument, 6: 1}.get(major, 0)
        if inside:
            self._enter(inside)
        else:
            self._finish()

    def _enter(self, values: int) -> None:
        self._open.append(values)
        if len(self._open) > MAX_DEPTH:
            raise MalformedError("nested too deeply")

    def _finish(self) -> None:
        while self._open and self._open[-1] > 0:
            self._open[-1] -= 1
            if self._open[-1]:
                return
            self._open.pop()
        if not self._open:
            self.completed += 1
