"""Reading a pickle without running it: its instructions build plain values and notes of what it would have made."""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from lstdata.errors import ConfigError

_MOST_STEPS: Final = 1_000_000
_LARGEST_KEY: Final = 2**63
_MARK: Final = object()


@dataclass(frozen=True)
class Name:
    """A class or function by its name; nothing is imported for it."""

    module: str
    name: str

    def __str__(self) -> str:
        return shown(f"{self.module}.{self.name}")


@dataclass(eq=False)
class Noted:
    """What a pickle would have made by a call; nothing was called."""

    what: Name
    args: tuple[Any, ...] = ()
    state: Any = None


class Meanings:
    """What names, calls and states stand for; this one knows no name."""

    def name(self, name: Name) -> None:
        """ConfigError where the name is not one that a codebook needs."""
        raise ConfigError(f"holds `{name}`, which no codebook needs: nothing of the file was run.")

    def call(self, what: Name, args: tuple[Any, ...]) -> Any:
        return Noted(what, args)

    def state(self, value: Noted, data: io.BytesIO) -> Any:
        """The value that has just been given its state; `data` stands behind the instruction."""
        return value

    def persistent(self, id: Any) -> Any:
        raise ConfigError("refers to things outside of itself.")


def run(data: io.BytesIO, meanings: Meanings) -> Any:
    """The value of the pickle that begins where `data` stands; ValueError or IndexError where it is none."""
    machine = _Machine(data, meanings)
    for step, (code, argument, _) in enumerate(pickletools.genops(data)):
        if step > _MOST_STEPS:
            raise ConfigError(f"has more than {_MOST_STEPS} instructions.")
        if code.name == "STOP":
            return machine.pop()
        machine.do(code.name, argument)
    raise ValueError("it has no end")


def shown(text: object) -> str:
    """A name from a file, safe to print on one line."""
    return ascii(str(text)[:100])[1:-1]


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self, data: io.BytesIO, meanings: Meanings) -> None:
        self._data = data
        self._meanings = meanings
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def do(self, code: str, argument: Any) -> None:
        if code in _IGNORED:
            return
        if code in _PUSHED:
            self._stack.append(argument)
        elif code in _CONSTANTS:
            self._stack.append(_CONSTANTS[code])
        elif code in _EMPTY:
            self._stack.append(_EMPTY[code]())
        elif (action := _ACTIONS.get(code)) is not None:
            action(self, argument)
        else:
            raise ConfigError(f"uses the instruction {code}, which no codebook needs.")

    def pop(self) -> Any:
        value = self._stack.pop()
        if value is _MARK:
            raise ValueError("a mark is out of place")
        return value

    def to_mark(self) -> list[Any]:
        """What lies above the last mark, which goes too."""
        values: list[Any] = []
        while (value := self._stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def drop(self, _: Any) -> None:
        self._stack.pop()

    def drop_to_mark(self, _: Any) -> None:
        self.to_mark()

    def again(self, _: Any) -> None:
        value = self.pop()
        self._stack += [value, value]

    def remember(self, place: int | None) -> None:
        value = self.pop()
        self._stack.append(value)
        self._memo[len(self._memo) if place is None else place] = value

    def recall(self, place: int) -> None:
        if place not in self._memo:
            raise ValueError(f"nothing was remembered as {place}")
        self._stack.append(self._memo[place])

    def tuple_of(self, values: list[Any]) -> None:
        self._stack.append(tuple(values))

    def extend(self, values: list[Any]) -> None:
        """What lies below is the list."""
        target = self.pop()
        if not isinstance(target, list):
            raise ValueError("values are appended to what is no list")
        target += values
        self._stack.append(target)

    def enter(self, values: list[Any]) -> None:
        """Keys and values by turns; what lies below is the dictionary."""
        target = self.pop()
        if not isinstance(target, dict) or len(values) % 2:
            raise ValueError("keys are set in what is no dictionary")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, str) and not (isinstance(key, int) and abs(key) < _LARGEST_KEY):
                raise ValueError("a key is neither text nor a small number")
            target[key] = value
        self._stack.append(target)

    def name(self, module: Any, name: Any) -> Name:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name is no text")
        found = Name(module, name)
        self._meanings.name(found)
        return found

    def by_argument(self, argument: str) -> Name:
        module, _, name = argument.partition(" ")
        return self.name(module, name)

    def named_on_stack(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        self._stack.append(self.name(module, name))

    def call(self, what: Any, args: Any) -> None:
        if not isinstance(what, Name) or not isinstance(args, tuple):
            raise ValueError("what is called is no name")
        self._stack.append(self._meanings.call(what, args))

    def reduce(self, _: Any) -> None:
        args, what = self.pop(), self.pop()
        self.call(what, args)

    def reduce_with_keywords(self, _: Any) -> None:
        self.pop()
        self.reduce(None)

    def instance(self, argument: str) -> None:
        args = self.to_mark()
        self.call(self.by_argument(argument), tuple(args))

    def object(self, _: Any) -> None:
        what, *args = self.to_mark()
        self.call(what, tuple(args))

    def build(self, _: Any) -> None:
        state, value = self.pop(), self.pop()
        if isinstance(value, Noted):
            value.state = state
            value = self._meanings.state(value, self._data)
        elif not isinstance(value, dict):
            raise ValueError("a state is given to what has none")
        self._stack.append(value)

    def persistent(self, _: Any) -> None:
        self._stack.append(self._meanings.persistent(self.pop()))


_IGNORED: Final = {"PROTO", "FRAME"}
_PUSHED: Final = set(
    "FLOAT BINFLOAT INT BININT BININT1 BININT2 LONG LONG1 LONG4 STRING BINSTRING SHORT_BINSTRING BINBYTES "
    "SHORT_BINBYTES BINBYTES8 BYTEARRAY8 UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8".split()
)
_CONSTANTS: Final[dict[str, Any]] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTY: Final[dict[str, Callable[[], Any]]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list}
"""A set is noted as a list: what a hostile file puts into it may take forever to hash."""


def _of_mark(use: Callable[[_Machine, list[Any]], None]) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: use(machine, machine.to_mark())


def _of_last(use: Callable[[_Machine, list[Any]], None], count: int) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: use(machine, [machine.pop() for _ in range(count)][::-1])


def _entered(machine: _Machine, values: list[Any]) -> None:
    machine.push({})
    machine.enter(values)


_ACTIONS: Final[dict[str, Callable[[_Machine, Any], None]]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.drop,
    "POP_MARK": _Machine.drop_to_mark,
    "DUP": _Machine.again,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    "LIST": _of_mark(_Machine.push),
    "FROZENSET": _of_mark(_Machine.push),
    "TUPLE": _of_mark(_Machine.tuple_of),
    **{f"TUPLE{count}": _of_last(_Machine.tuple_of, count) for count in (1, 2, 3)},
    "APPEND": _of_last(_Machine.extend, 1),
    "APPENDS": _of_mark(_Machine.extend),
    "ADDITEMS": _of_mark(_Machine.extend),
    "DICT": _of_mark(_entered),
    "SETITEM": _of_last(_Machine.enter, 2),
    "SETITEMS": _of_mark(_Machine.enter),
    "GLOBAL": lambda machine, argument: machine.push(machine.by_argument(argument)),
    "STACK_GLOBAL": _Machine.named_on_stack,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.reduce,
    "NEWOBJ_EX": _Machine.reduce_with_keywords,
    "INST": _Machine.instance,
    "OBJ": _Machine.object,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent,
}
