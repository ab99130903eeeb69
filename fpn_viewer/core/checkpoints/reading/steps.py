"""What each step of a pickle does to a machine's stack: one row for each of the steps that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpn_viewer.core.checkpoints.reading.machine import Machine


def _push(machine: Machine, arg: Any) -> None:
    machine.stack.append(machine.number(arg) if type(arg) is int else arg)


def _constant(value: Any) -> Callable[[Machine, Any], None]:
    return lambda machine, _arg: machine.stack.append(value)


def _new(kind: Callable[[], Any]) -> Callable[[Machine, Any], None]:
    def make(machine: Machine, _arg: Any) -> None:
        machine.budget.take("objects")
        machine.stack.append(kind())

    return make


def _mark(machine: Machine, _arg: Any) -> None:
    machine.marks.append(machine.stack)
    machine.stack = []


def _collect(make: Callable[[Machine, list[Any]], Any]) -> Callable[[Machine, Any], None]:
    def collect(machine: Machine, _arg: Any) -> None:
        machine.budget.take("objects")
        values = machine.pop_mark()
        machine.stack.append(make(machine, values))

    return collect


def _as_dict(machine: Machine, values: list[Any]) -> dict[Any, Any]:
    machine.stack.append({})
    machine.update(values)
    made: dict[Any, Any] = machine.stack.pop()
    return made


def _as_set(machine: Machine, values: list[Any]) -> set[Any]:
    for value in values:
        machine.check_key(value)
    return set(values)


def _short_tuple(count: int) -> Callable[[Machine, Any], None]:
    def collect(machine: Machine, _arg: Any) -> None:
        machine.budget.take("objects")
        values = tuple(machine.stack[-count:])
        if len(values) < count:
            raise IndexError
        machine.stack[-count:] = [values]

    return collect


def _append(machine: Machine, _arg: Any) -> None:
    value = machine.stack.pop()
    machine.extend([value])


def _set_item(machine: Machine, _arg: Any) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.update([key, value])


def _add_items(machine: Machine, _arg: Any) -> None:
    values = _as_set(machine, machine.pop_mark())
    if not isinstance(machine.stack[-1], set):
        raise TypeError
    machine.stack[-1].update(values)


def _put(machine: Machine, arg: Any) -> None:
    machine.memo[int(arg)] = machine.stack[-1]


def _memoize(machine: Machine, _arg: Any) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _global(machine: Machine, arg: str) -> None:
    module, name = arg.split(" ")
    machine.stack.append(machine.look_up_name(module, name))


def _stack_global(machine: Machine, _arg: Any) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if not (isinstance(name, str) and isinstance(module, str)):
        raise TypeError
    machine.stack.append(machine.look_up_name(module, name))


def _reduce(machine: Machine, _arg: Any) -> None:
    args, callee = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(machine.call(callee, args))


def _new_with_keywords(machine: Machine, _arg: Any) -> None:
    keywords, args, callee = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    machine.stack.append(machine.call(callee, (*args, *keywords.values())))


def _old_object(machine: Machine, _arg: Any) -> None:
    callee, *args = machine.pop_mark()
    machine.stack.append(machine.call(callee, tuple(args)))


def _old_instance(machine: Machine, arg: str) -> None:
    module, name = arg.split(" ")
    args = tuple(machine.pop_mark())
    machine.stack.append(machine.call(machine.look_up_name(module, name), args))


def _held(machine: Machine, _arg: Any) -> None:
    machine.stack.append(machine.held(machine.stack.pop()))


_PUSHED = (
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
    "BINUNICODE8",
)  # fmt: skip
#: what each step does; those that are missing reach outside of the pickle (extension codes, buffers, texts as places)
ACTIONS: dict[str, Callable[[Machine, Any], object]] = {
    **dict.fromkeys(_PUSHED, _push),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "EMPTY_TUPLE": _constant(()),
    "EMPTY_LIST": _new(list),
    "EMPTY_DICT": _new(dict),
    "EMPTY_SET": _new(set),
    "PROTO": lambda machine, arg: machine.protocol(arg),
    "FRAME": lambda machine, arg: None,
    "MARK": _mark,
    "POP": lambda machine, arg: machine.stack.pop() if machine.stack else machine.pop_mark(),
    "POP_MARK": lambda machine, arg: machine.pop_mark(),
    "DUP": lambda machine, arg: machine.stack.append(machine.stack[-1]),
    "LIST": _collect(lambda machine, values: values),
    "TUPLE": _collect(lambda machine, values: tuple(values)),
    "DICT": _collect(_as_dict),
    "FROZENSET": _collect(lambda machine, values: frozenset(_as_set(machine, values))),
    "TUPLE1": _short_tuple(1),
    "TUPLE2": _short_tuple(2),
    "TUPLE3": _short_tuple(3),
    "APPEND": _append,
    "APPENDS": lambda machine, arg: machine.extend(machine.pop_mark()),
    "SETITEM": _set_item,
    "SETITEMS": lambda machine, arg: machine.update(machine.pop_mark()),
    "ADDITEMS": _add_items,
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda machine, arg: machine.stack.append(machine.memo[int(arg)])),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    "MEMOIZE": _memoize,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "INST": _old_instance,
    "OBJ": _old_object,
    "REDUCE": _reduce,
    "NEWOBJ": _reduce,
    "NEWOBJ_EX": _new_with_keywords,
    "BUILD": lambda machine, arg: machine.build(machine.stack.pop()),
    "BINPERSID": _held,
}
