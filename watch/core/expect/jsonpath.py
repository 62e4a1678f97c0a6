"""JMESPath with bounds, so that a hostile body cannot make it slow or large.

The operator writes the expression; the target writes the body. JMESPath can build values that grow with every
step (`[@,@] | [@,@] | …` doubles) and walk a body many times (`to_string`, `sort_by`, `map`). Three rules bound it:

* No construction of values: no multi-select, no `&expr`, only functions whose result cannot outgrow
  the body. So a value is never larger than the body, and a node of the expression never visits an element twice.
* A visit costs one step (1.7 µs), and one more for each 16 elements of the list or object it returns; `STEPS` is
  the limit. The worst hostile body of 256 KiB that we found took 46 ms.
* Depth is bounded twice: by orjson (1,024 levels of body) and by Python's recursion limit, whose error
  becomes a PathError.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = 20_000
LONGEST = 400  # characters of an expression
_NUMBERS = frozenset(("abs", "avg", "ceil", "floor", "max", "min", "sum", "to_number"))
_TEXTS = frozenset(("contains", "ends_with", "starts_with"))
FUNCTIONS = _NUMBERS | _TEXTS | frozenset(("keys", "length", "not_null", "type", "values"))
_BUILDING = {"multi_select_list": "[a, b]", "multi_select_dict": "{a: b}", "expref": "&a"}


class PathError(ValueError):
    """The path cannot be compiled, or cannot be applied to this body. The text is for people."""


def compile_path(text: str) -> Callable[[Any], Any]:
    """Return a function that finds *text* in a parsed body and returns None where there is nothing.

    Raises:
        PathError: From this function, when the path is wrong; from the returned one, when the body takes too many
            steps or does not fit the path.
    """
    import warnings  # noqa: PLC0415

    from jmespath.exceptions import JMESPathError  # noqa: PLC0415 - costs start-up, few need it
    from jmespath.parser import Parser  # noqa: PLC0415

    if len(text) > LONGEST:
        raise PathError(f"the path is longer than {LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # jmespath only warns of a literal that is not JSON
            tree = Parser().parse(text).parsed
        _refuse_building(tree)
    except RecursionError:
        raise PathError("the path is nested too deeply") from None
    except (JMESPathError, ValueError, Warning) as error:
        if isinstance(error, PathError):
            raise
        raise PathError(f"the path does not parse: {_first_line(error)}") from None
    interpreter = _interpreter()

    def find(body: Any) -> Any:
        try:
            return interpreter().visit(tree, body)
        except RecursionError:
            raise PathError("the body is nested too deeply for this path") from None
        except (JMESPathError, TypeError, ArithmeticError):
            # jmespath's own text would quote the body, which may be very long.
            raise PathError("the body has a value of a type that the path cannot use") from None

    return find


def _refuse_building(node: Any) -> None:
    shape = _BUILDING.get(node["type"])
    if shape is not None:
        raise PathError(f"{shape} builds new values: compare one value at a time instead")
    if node["type"] == "function_expression":
        _refuse_function(node["value"], len(node["children"]))
    for child in node.get("children", ()):
        if isinstance(child, dict):
            _refuse_building(child)


def _refuse_function(name: str, given: int) -> None:
    from jmespath.functions import Functions  # noqa: PLC0415 - see compile_path

    if name not in FUNCTIONS:
        raise PathError(f"{name}() is not among the functions here: {', '.join(sorted(FUNCTIONS))}")
    wanted = Functions.FUNCTION_TABLE[name]["signature"]
    if given < len(wanted) or (given > len(wanted) and not wanted[-1].get("variadic")):
        raise PathError(f"{name}() takes {len(wanted)} argument{'s' * (len(wanted) > 1)}, not {given}")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(":")


@cache
def _interpreter() -> type[Any]:
    from jmespath.visitor import TreeInterpreter  # noqa: PLC0415 - see compile_path

    class Bounded(TreeInterpreter):  # type: ignore[misc]  # jmespath is untyped
        def __init__(self) -> None:
            super().__init__()
            self._left = STEPS

        def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
            found = super().visit(node, *args, **kwargs)
            self._left -= 1 + (len(found) >> 4 if type(found) in (list, dict) else 0)
            if self._left < 0:
                raise PathError(f"the path took more than {STEPS} steps through this body")
            return found

    return Bounded
