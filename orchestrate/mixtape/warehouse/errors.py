"""Why a build did not come to its end; readers have what they had."""


class BuildError(Exception):
    """A build stopped before anything was published; says why, and what to do."""
