"""Things by name: those of this package, and those that others registered as entry points."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import TypeVar

from humanoid_description.problems import nearest

T = TypeVar("T")


class UnknownNameError(Exception):
    """There is no such thing, or it cannot be loaded. The message names the known ones."""


class Registry:
    """One kind of thing: `kind` in words, its entry point `group`, the built-in ones.

    `built_in` maps a name to 'module:attribute', which is imported on first use.
    """

    def __init__(self, kind: str, group: str, built_in: Mapping[str, str]) -> None:
        self.kind, self.group, self.built_in = kind, group, built_in

    def names(self) -> tuple[str, ...]:
        """The names that :meth:`find` knows, sorted."""
        others = (entry.name for entry in entry_points(group=self.group))
        return tuple(sorted({*self.built_in, *others}))

    def find(self, name: str, base: type[T]) -> type[T]:
        """The subclass of `base` called `name`; built-in ones first. Raises UnknownNameError."""
        try:
            found = self._load(name)
        except (ImportError, AttributeError) as error:
            raise UnknownNameError(
                f"{self.kind} '{name}' cannot be loaded: {error}; install what it needs"
            ) from error
        if not (isinstance(found, type) and issubclass(found, base)):
            wanted = f"{base.__module__}.{base.__qualname__}"
            raise UnknownNameError(f"{self.kind} '{name}' is {found!r}, not a {wanted}")
        return found

    def _load(self, name: str) -> object:
        if name in self.built_in:
            module, _, attribute = self.built_in[name].partition(":")
            return getattr(import_module(module), attribute)
        entries = list(entry_points(group=self.group, name=name))
        if not entries:
            known = self.names()
            raise UnknownNameError(
                f"no {self.kind} '{name}'{nearest(name, known)}; known: {', '.join(known)}"
            )
        return entries[0].load()
