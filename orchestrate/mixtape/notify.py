"""`mixtape notify`: what a cluster's exit handler says of a failed run.

One JSON line on standard error, and the same to the webhook where MIXTAPE_WEBHOOK_URL is set.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

EXIT_UNREACHABLE = 3
_TIMEOUT_SECONDS = 20
_LONGEST_MESSAGE = 500


def notify() -> int:
    """Say what failed, as the exit handler's variables tell; return the exit code.

    Returns:
        0, or 3 when the webhook does not take it: the exit handler tries again.
    """
    said = message()
    print(json.dumps(said), file=sys.stderr)
    url = os.environ.get("MIXTAPE_WEBHOOK_URL")
    if not url:
        return 0
    if not url.startswith("https://"):
        print(_fault("MIXTAPE_WEBHOOK_URL must begin with https://"), file=sys.stderr)
        return EXIT_UNREACHABLE
    request = urllib.request.Request(  # noqa: S310 - https, as checked above
        url, data=json.dumps(said).encode(), headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):  # noqa: S310 - as above
            return 0
    except urllib.error.HTTPError as error:
        print(_fault(f"the webhook answered {error.code}"), file=sys.stderr)
    except (OSError, http.client.HTTPException) as error:
        # The address holds the webhook's secret: never into a log.
        print(_fault(f"the webhook cannot be reached: {type(error).__name__}"), file=sys.stderr)
    return EXIT_UNREACHABLE


def message() -> dict[str, Any]:
    """Return the failure as an object: workflow, run, status, seconds, and each failed step."""
    variable = os.environ.get
    seconds = variable("MIXTAPE_SECONDS", "")
    return {
        "event": "run failed",
        "level": "error",
        "workflow": variable("MIXTAPE_WORKFLOW", ""),
        "run_id": variable("MIXTAPE_RUN_ID", ""),
        "status": variable("MIXTAPE_STATUS", ""),
        "seconds": float(seconds) if seconds.replace(".", "", 1).isdigit() else None,
        "failures": _failures(variable("MIXTAPE_FAILURES", "")),
    }


def _failures(text: str) -> list[dict[str, str]]:
    """Return Argo's list of failed nodes; it writes it as a JSON text within a JSON text."""
    found: Any = text
    try:
        while isinstance(found, str) and found:
            found = json.loads(found)
    except ValueError:
        return [{"step": "", "message": text[:_LONGEST_MESSAGE]}]
    return [
        {
            "step": str(node.get("templateName") or node.get("displayName", "")),
            "message": str(node.get("message", ""))[:_LONGEST_MESSAGE],
        }
        for node in found or ()
    ]


def _fault(text: str) -> str:
    return json.dumps({"event": text, "level": "error"})
