"""The command for the steps around a load."""

from mixtape.steps.command import step

__all__ = ["step"]
