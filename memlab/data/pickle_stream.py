"""A reader of pickles that builds plain data only: texts, numbers, lists, tuples, dictionaries.

It is not `pickle`: there is no way to run code, and each length, memo index and number is compared
with the file before memory is taken. Names, and calls of what they name, go to the caller's two
functions. The operations are those that Python 2 and 3 write for batches of arrays.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable
from typing import Any

#: CIFAR-100's larger file has 200,000 operations.
MOST_OPERATIONS = 1_000_000
LONGEST_INTEGER = 16
LONGEST_LINE = 1 << 16


class RefusedPickle(ValueError):
    """A pickle of more than plain data; the text says of what, such as "the name os.system"."""


class DamagedPickle(ValueError):
    """What is no pickle, or ends too early."""


class PickleStream:
    """One pickle in `data`.

    `named(module, name)` gives what stands for a name, `called(function, arguments)` what a call
    makes, `filled(object, state)` gives an object its state; each raises RefusedPickle.
    """

    def __init__(
        self,
        data: bytes,
        named: Callable[[str, str], object],
        called: Callable[[object, tuple[object, ...]], object],
        filled: Callable[[object, object], None],
    ) -> None:
        self._data = data
        self._at = 0
        self._named, self._called, self._filled = named, called, filled
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, object] = {}

    def load(self) -> object:
        """The object that the pickle describes.

        Raises:
            RefusedPickle, DamagedPickle: if it is more than plain data, or damaged.
        """
        try:
            for _ in range(MOST_OPERATIONS):
                code = self._data[self._at]
                self._at += 1
                if code == _STOP:
                    return self._stack.pop()
                operation = _OPERATIONS.get(code)
                if operation is None:
                    raise RefusedPickle(f"the operation 0x{code:02x}")
                operation(self)
        except (IndexError, KeyError, AttributeError, TypeError, UnicodeError) as error:
            raise DamagedPickle("it is no whole pickle") from error
        raise RefusedPickle(f"more than {MOST_OPERATIONS:,} operations")

    def _take(self, count: int) -> bytes:
        """The next bytes; where there are fewer, nothing is taken."""
        if count > len(self._data) - self._at:
            raise DamagedPickle("it ends too early")
        found = self._data[self._at : self._at + count]
        self._at += count
        return found

    def _count(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def _line(self) -> bytes:
        end = self._data.find(b"\n", self._at, self._at + LONGEST_LINE)
        if end < 0:
            raise DamagedPickle("a line does not end")
        found = self._data[self._at : end]
        self._at = end + 1
        return found

    def _marked(self) -> list[Any]:
        """What was put since the last mark."""
        found = self._stack
        self._stack = self._below.pop()
        return found

    def _mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _tuple(self, count: int) -> None:
        found = tuple(self._stack[-count:])
        if len(found) != count:
            raise DamagedPickle("a tuple without its items")
        del self._stack[-count:]
        self._push(found)

    def _integer(self, width: int) -> None:
        if width > LONGEST_INTEGER:
            raise RefusedPickle(f"an integer of {width:,} bytes")
        self._push(int.from_bytes(self._take(width), "little", signed=True))

    def _written_integer(self) -> None:
        line = self._line().rstrip(b"L")
        if len(line) > 2 * LONGEST_INTEGER:
            raise RefusedPickle(f"an integer of {len(line):,} digits")
        try:
            self._push(line == b"01" if line in (b"00", b"01") else int(line))
        except ValueError as error:
            raise DamagedPickle("a number is none") from error

    def _real(self) -> None:
        self._push(struct.unpack(">d", self._take(8))[0])

    def _quoted(self) -> None:
        line = self._line().strip()
        if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in b"'\"":
            raise DamagedPickle("a text without quotes")
        try:
            self._push(codecs.escape_decode(line[1:-1])[0].decode("latin1"))
        except ValueError as error:
            raise DamagedPickle("a text is none") from error

    def _list_or_dictionary(self, kind: type[list[Any]] | type[dict[Any, Any]]) -> None:
        found = self._marked()
        self._push(found if kind is list else {})
        if kind is dict:
            self._set(found)

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise RefusedPickle("items of something other than a list")
        target.extend(items)

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise RefusedPickle("entries of something other than a dictionary")
        for key in items[::2]:
            # Others take as long to hash as their maker wants.
            if type(key) not in (str, bytes):
                raise RefusedPickle("a key that is no text")
        target.update(zip(items[::2], items[1::2], strict=True))

    def _last(self, count: int) -> list[Any]:
        found = self._stack[-count:]
        del self._stack[-count:]
        return found

    def _name(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise DamagedPickle("a name is no text")
        self._push(self._named(module, name))

    def _stacked_name(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._name(module, name)

    def _call(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if type(arguments) is not tuple:
            raise DamagedPickle("a call without arguments")
        self._push(self._called(function, arguments))

    def _fill(self) -> None:
        state = self._stack.pop()
        self._filled(self._stack[-1], state)

    def _remember(self, index: int) -> None:
        self._memo[index] = self._stack[-1]


Operation = Callable[[PickleStream], object]
_STOP = ord(".")


def _number(line: bytes) -> int:
    if len(line) > 12:
        raise DamagedPickle("an index is none")
    try:
        return int(line)
    except ValueError as error:
        raise DamagedPickle("an index is none") from error


def _written_real(stream: PickleStream) -> None:
    try:
        stream._push(float(stream._line()[:40]))
    except ValueError as error:
        raise DamagedPickle("a number is none") from error


# Codes and meanings as in the table of Python's `pickletools`.
_OPERATIONS: dict[int, Operation] = {
    0x80: lambda s: s._take(1),  # the protocol's number
    0x95: lambda s: s._take(8),  # a frame's length, which only helps readers of streams
    ord("("): PickleStream._mark,
    ord("0"): lambda s: s._stack.pop(),
    ord("N"): lambda s: s._push(None),
    0x88: lambda s: s._push(True),
    0x89: lambda s: s._push(False),
    ord("I"): PickleStream._written_integer,
    ord("L"): PickleStream._written_integer,
    ord("J"): lambda s: s._integer(4),
    ord("K"): lambda s: s._push(s._count(1)),
    ord("M"): lambda s: s._push(s._count(2)),
    0x8A: lambda s: s._integer(s._count(1)),
    0x8B: lambda s: s._integer(s._count(4)),
    ord("F"): _written_real,
    ord("G"): PickleStream._real,
    ord("S"): PickleStream._quoted,
    ord("T"): lambda s: s._push(s._take(s._count(4)).decode("latin1")),
    ord("U"): lambda s: s._push(s._take(s._count(1)).decode("latin1")),
    ord("V"): lambda s: s._push(s._line().decode("raw-unicode-escape")),
    ord("X"): lambda s: s._push(s._take(s._count(4)).decode("utf-8", "surrogatepass")),
    0x8C: lambda s: s._push(s._take(s._count(1)).decode("utf-8", "surrogatepass")),
    0x8D: lambda s: s._push(s._take(s._count(8)).decode("utf-8", "surrogatepass")),
    ord("B"): lambda s: s._push(s._take(s._count(4))),
    ord("C"): lambda s: s._push(s._take(s._count(1))),
    0x8E: lambda s: s._push(s._take(s._count(8))),
    ord("]"): lambda s: s._push([]),
    ord("}"): lambda s: s._push({}),
    ord(")"): lambda s: s._push(()),
    ord("l"): lambda s: s._list_or_dictionary(list),
    ord("d"): lambda s: s._list_or_dictionary(dict),
    ord("t"): lambda s: s._push(tuple(s._marked())),
    0x85: lambda s: s._tuple(1),
    0x86: lambda s: s._tuple(2),
    0x87: lambda s: s._tuple(3),
    ord("a"): lambda s: s._append(s._last(1)),
    ord("e"): lambda s: s._append(s._marked()),
    ord("s"): lambda s: s._set(s._last(2)),
    ord("u"): lambda s: s._set(s._marked()),
    ord("p"): lambda s: s._remember(_number(s._line())),
    ord("q"): lambda s: s._remember(s._count(1)),
    ord("r"): lambda s: s._remember(s._count(4)),
    0x94: lambda s: s._remember(len(s._memo)),
    ord("g"): lambda s: s._push(s._memo[_number(s._line())]),
    ord("h"): lambda s: s._push(s._memo[s._count(1)]),
    ord("j"): lambda s: s._push(s._memo[s._count(4)]),
    ord("c"): lambda s: s._name(s._line().decode(), s._line().decode()),
    0x93: PickleStream._stacked_name,
    ord("R"): PickleStream._call,
    ord("b"): PickleStream._fill,
}
