"""Superset on one machine, for one person: what it keeps is beside its log, nothing is shared."""

import os
from pathlib import Path

_HOME = Path(os.environ["SUPERSET_HOME"])

SECRET_KEY = os.environ["SUPERSET_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{_HOME / 'superset.db'}"
# Plain HTTP on the loopback interface.
TALISMAN_ENABLED = False
SESSION_COOKIE_SAMESITE = "Strict"
