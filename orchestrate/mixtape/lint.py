"""`python -m mixtape.lint transform`: sqlfluff over what dbt makes of each model.

dbt asks the warehouse while it compiles (is a raw table there? which version is the server?), so
an empty one is started for the length of the run, or the one in POSTGRES_URI is asked. Nothing is
built in it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mixtape.paths import project_root
from mixtape.services.postgres import GivenPostgres, Postgres, client_environment


def main(arguments: list[str]) -> int:
    """Lint; return sqlfluff's exit code."""
    with tempfile.TemporaryDirectory() as scratch:
        if os.environ.get(GivenPostgres.variable):
            return _lint(os.environ[GivenPostgres.variable], scratch, arguments)
        server = Postgres(Path(scratch) / "services", durable=False)
        server.start()
        try:
            return _lint(server.uri, scratch, arguments)
        finally:
            server.stop()


def _lint(uri: str, scratch: str, arguments: list[str]) -> int:
    project = str(project_root() / "transform")
    environment = {
        **os.environ,
        **client_environment(uri),
        "DBT_PROJECT_DIR": project,
        "DBT_PROFILES_DIR": project,
        "DBT_TARGET": "ci",
        "DBT_TARGET_PATH": f"{scratch}/target",
        "DBT_LOG_PATH": f"{scratch}/logs",
    }
    command = ["sqlfluff", "lint", "--templater", "dbt", "--disable-progress-bar", *arguments]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
