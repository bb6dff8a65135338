"""The official RO-Crate validator without a network: it gets the one context it asks for from here.

``python validator.py CRATE PROFILE`` prints what is wrong as JSON: [[check, message]].
"""

import io
import json
import sys
import tempfile
from pathlib import Path

import requests
import urllib3
from requests_cache import CachedSession
from rocrate_validator import services
from rocrate_validator.models import ValidationSettings

URL = "https://w3id.org/ro/crate/1.1/context"
# As rocrate 0.11.0 carries it, CC0.
CONTEXT = Path(__file__).with_name("ro-crate-1.1-context.json")


class Local(requests.adapters.HTTPAdapter):
    """Answers every request with the context."""

    def send(self, request, **_):
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(CONTEXT.read_bytes()),
            status=200,
            headers={"Content-Type": "application/ld+json"},
            preload_content=False,
        )
        return self.build_response(request, raw)


def faults(crate: str, profile: str) -> list[list[str]]:
    """Every violation of what a profile, and those it stands on, require."""
    with tempfile.TemporaryDirectory() as folder:
        session = CachedSession(cache_name=f"{folder}/http", backend="sqlite", expire_after=-1)
        session.mount("https://", Local())
        session.get(URL)
        settings = ValidationSettings(
            rocrate_uri=crate,
            profile_identifier=profile,
            requirement_severity="REQUIRED",
            offline=True,
            cache_path=Path(folder, "http"),
        )
        result = services.validate(settings)
    found = [[issue.check.identifier, issue.message] for issue in result.get_issues()]
    assert result.passed() is not bool(found)
    return found


if __name__ == "__main__":
    print("\n" + json.dumps(faults(*sys.argv[1:])))
