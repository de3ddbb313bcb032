"""What the SDK imports at its start and our connectors do without, loaded where it is used.

joblib drains the SDK's own sinks in parallel, requests reads REST streams, upath writes the SDK's
batches. Together they are a fifth of what a connector needs to start, every few minutes.

Whoever imports a part of requests (``import requests.sessions``) before the package itself would
load that part twice; none of our dependencies does.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

_CALLED: dict[str, frozenset[str]] = {
    "joblib": frozenset(("Parallel", "delayed", "parallel_config")),
    "requests": frozenset(),
    "requests.adapters": frozenset(),
    "requests.exceptions": frozenset(),
    "upath": frozenset(("UPath",)),
}
"""By module: names that the SDK takes from it at its start and only ever calls."""


class _Late(ModuleType):
    """Stands where a module would; gives way to it when anything but those names is asked for."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__: ModuleSpec = spec
        if _CALLED[spec.name]:
            # Python asks for it before it takes a name from a package.
            self.__path__ = spec.submodule_search_locations or []

    def __getattr__(self, name: str) -> Any:
        if name in _CALLED[self.__name__]:
            return _Called(self.__name__, name)
        return getattr(_load(self.__name__), name)


class _Called:
    """A function or class of a module that is loaded by the call."""

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return getattr(_load(self._module), self._name)(*arguments, **options)


def put_off() -> None:
    """Put off loading these modules, as far as nobody has loaded them; to be called before."""
    for name in _CALLED:
        package, _, inner = name.partition(".")
        if name in sys.modules:
            continue
        path = None
        if inner:
            parent = sys.modules.get(package)
            if not isinstance(parent, _Late):
                continue
            path = parent.__spec__.submodule_search_locations
        if spec := PathFinder.find_spec(name, path):
            sys.modules[name] = _Late(spec)


def _load(name: str) -> ModuleType:
    package, _, _ = name.partition(".")
    for each in _CALLED:
        if each.partition(".")[0] == package and isinstance(sys.modules.get(each), _Late):
            del sys.modules[each]
    return import_module(name)
