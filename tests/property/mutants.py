"""The service with one rule taken out: its own source, one place changed, imported beside the real one."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

PACKAGE = "todo_backend.service"


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles a module with a change of its text."""

    def __init__(self, name: str, path: str, old: str, new: str) -> None:
        super().__init__(name, path)
        self._old, self._new = old, new

    def get_code(self, fullname: str) -> Any:
        """The changed module's code; never from the cache of compiled modules."""
        text = self.get_source(fullname) or ""
        assert text.count(self._old) == 1, f"{fullname} has {text.count(self._old)} times {self._old!r}"
        return compile(text.replace(self._old, self._new), self.path, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, old: str, new: str) -> None:
        self._name, self._old, self._new = name, old, new

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)
        assert found
        assert found.origin
        loader = _Loader(fullname, found.origin, self._old, self._new)
        return importlib.util.spec_from_loader(fullname, loader)


@contextmanager
def mutant(module: str, old: str, new: str) -> Iterator[Any]:
    """The package `todo_backend.service` in which one module has `new` in place of `old`; the real one stays."""
    real = {name: known for name, known in sys.modules.items() if name == PACKAGE or name.startswith(PACKAGE + ".")}
    parent = sys.modules["todo_backend"]
    attribute = parent.__dict__.get("service")
    finder = _Finder(f"{PACKAGE}.{module}", old, new)
    for name in real:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    try:
        importlib.import_module(f"{PACKAGE}.{module}")
        for name in ("api", "settings", "store"):
            importlib.import_module(f"{PACKAGE}.{name}")
        yield sys.modules[PACKAGE]
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name == PACKAGE or name.startswith(PACKAGE + ".")]:
            del sys.modules[name]
        sys.modules |= real
        if attribute is not None:
            parent.__dict__["service"] = attribute
