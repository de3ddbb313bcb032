"""Building the warehouse: on news alone, tested before it is seen, and published at once."""

from mixtape.warehouse.build import BuildError, Outcome, build

__all__ = ["BuildError", "Outcome", "build"]
