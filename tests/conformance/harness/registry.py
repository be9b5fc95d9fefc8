"""The list of cases: a case is a function of one argument, its context.

The name of the function states the behaviour that it checks; the module is its group.
"""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Case:
    """One test: what to call and what it asks of the driver."""

    name: str
    run: typing.Callable
    long: bool
    timeout_seconds: int
    # True: needs the commands of `trefoil`, so no other NBD server can stand in for it.
    trefoil_only: bool


CASES: list[Case] = []


def case(each=None, long=False, timeout_seconds=120, trefoil_only=False):
    """Registers the decorated function, once for each value in `each` when that is given.

    A function with `each` takes the value as its second argument, and the value stands in
    brackets behind its name.
    """

    def register(function):
        group = function.__module__.rsplit(".", 1)[-1]
        base = f"{group}/{function.__name__}"
        for value in [None] if each is None else each:
            if each is None:
                name, run = base, function
            else:
                name, run = f"{base}[{value}]", _bind(function, value)
            CASES.append(Case(name, run, long, timeout_seconds, trefoil_only))
        return function

    return register


def _bind(function, value):
    return lambda context: function(context, value)


BOTH_TRANSPORTS = ["tcp", "unix"]
