"""What the SDK imports and no connector uses is loaded by its use, not by a connector's start."""

from __future__ import annotations

import subprocess
import sys

import pytest

_USES = {
    "joblib.parallel": "import singer_sdk.target_base as m; "
    "found = m.Parallel()(m.delayed(abs)(n) for n in (-1, 2)) == [1, 2]",
    "requests.sessions": "import singer_sdk.authenticators as m; "
    "found = issubclass(m.requests.HTTPError, OSError) and m.requests.Session()",
    "upath.core": "import singer_sdk.helpers._batch as m; found = m.UPath('/tmp').exists()",
}
_OTHER_WAYS = (
    "from requests.exceptions import Timeout as found",
    "import requests; found = requests.sessions.Session is requests.Session",
    "import requests.adapters, requests; found = requests.get and requests.adapters.HTTPAdapter",
    "import joblib.parallel, joblib; found = joblib.cpu_count() and joblib.Parallel",
    "from importlib.util import find_spec; found = find_spec('upath') and find_spec('joblib.pool')",
)


@pytest.mark.parametrize("connector", ["tap_files", "tap_mongodb", "target_postgres"])
def test_start_loads_none_of_it(connector: str) -> None:
    loaded = _python(f"import {connector}, sys; print(*sys.modules)").split()
    assert "singer_sdk.target_base" in loaded
    assert not {"joblib.parallel", "requests.sessions", "upath.core"} & set(loaded)


@pytest.mark.parametrize("module", _USES)
def test_use_loads_it(module: str) -> None:
    said = _python(f"import singer_kit, sys; {_USES[module]}; print(bool(found), *sys.modules)")
    found, *loaded = said.split()
    assert found == "True"
    assert module in loaded


@pytest.mark.parametrize("way", _OTHER_WAYS)
def test_others_import_it_as_ever(way: str) -> None:
    assert _python(f"import singer_kit, singer_sdk; {way}; print(bool(found))").strip() == "True"


def test_what_is_loaded_stays_as_it_is() -> None:
    code = "import requests; before = requests; import singer_kit, sys; found = sys.modules"
    assert _python(f"{code}; print(found['requests'] is before)").strip() == "True"


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout
