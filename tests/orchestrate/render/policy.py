"""The hardening checklist as rules over a cluster's objects; each yields what breaks it.

docs/hardening.md says which practice each rule holds.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from orchestrate.render import policy_access, policy_network, policy_pods, policy_schedules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrate.render.deployment import Deployment

    Rule = Callable[[Deployment], Iterator[str]]

RULES: dict[str, Rule] = {
    name: rule
    for module in (policy_pods, policy_access, policy_network, policy_schedules)
    for name, rule in inspect.getmembers(module, inspect.isfunction)
    if rule.__module__ == module.__name__ and not name.startswith("_")
}
