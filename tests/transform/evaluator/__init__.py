"""The 29 rules of dbt-project-evaluator over a manifest; the package is in no registry.

Each rule is one function of a :class:`Project` that yields what breaks it, under the name that the
package gives it. A further rule is one further function (and its counter-example in
`test_evaluator.py`).
"""

from __future__ import annotations

from transform.evaluator import (
    documentation,
    governance,
    modeling,
    performance,
    structure,
    testing,
)
from transform.evaluator.exceptions import EXCEPTIONS
from transform.evaluator.project import RULES, Project

__all__ = [
    "EXCEPTIONS",
    "RULES",
    "Project",
    "documentation",
    "governance",
    "modeling",
    "performance",
    "structure",
    "testing",
]
