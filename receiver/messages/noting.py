"""What is undefined, noted while the template goes on, so that one trial finds all of it."""

from collections.abc import Callable, Iterator
from traceback import walk_stack
from typing import Any, ClassVar, NoReturn

from jinja2 import Undefined

from receiver.messages.render import Failure, why

Note = Callable[[Failure], None]


class _Noting(Undefined):
    """Answers what can be asked of it by something harmless, so that the template goes on."""

    __slots__ = ()
    __eq__ = __ne__ = __hash__ = Undefined.__add__  # it raises, as everything else of it
    note: ClassVar[Note]

    def _noted(self, *_: Any, **__: Any) -> Any:
        path, line = _place()
        error = self._undefined_exception(self._undefined_message)
        type(self).note(Failure("", path, line, why(error)))
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._noted()

    __getitem__ = __call__ = __add__ = __radd__ = __sub__ = __rsub__ = _noted

    def __str__(self) -> str:
        self._noted()
        return "?"  # a template that writes nothing is another mistake

    def __iter__(self) -> Iterator[NoReturn]:
        self._noted()
        return iter(())

    def __len__(self) -> int:
        self._noted()
        return 0

    __int__ = __float__ = __len__  # type: ignore[assignment]

    def __bool__(self) -> bool:
        self._noted()
        return False


def noting(note: Note) -> type[Undefined]:
    """Return what stands for the undefined and notes what StrictUndefined raises for."""
    return type("Noting", (_Noting,), {"note": staticmethod(note), "__slots__": ()})


def _place() -> tuple[str, int]:
    """Return the file and the line of the template that is just being filled."""
    for frame, line in walk_stack(None):
        if template := frame.f_globals.get("__jinja_template__"):
            return template.filename, template.get_corresponding_lineno(line)
    return "", 0
