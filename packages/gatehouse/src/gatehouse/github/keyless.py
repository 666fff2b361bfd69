"""Access to cloud storage without a long-lived key, using the job's GitHub OpenID Connect token.

GitHub signs a token that names the job's repository, event and environment. The cloud exchanges it
for credentials that last an hour, if its own trust condition accepts these values. The clouds'
libraries do the exchange by themselves: they read standard variables and a file with the token. The
command gets these, so no cloud's action is needed.

GitHub's side: docs.github.com/actions/reference/security/oidc. The clouds' sides: botocore's
AssumeRoleWithWebIdentity provider, google-auth's external_account (AIP-4117), azure-identity's
WorkloadIdentityCredential.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from gatehouse.command import HELP, command
from gatehouse.errors import GatehouseError

IDENTITY = "CLOUD_IDENTITY"
"""The variable with the identity that the job uses; if empty, no token is requested."""
REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
"""Variables that GitHub's runner sets in a job with `id-token: write`."""
RENEWED = 120.0
"""Seconds before the file gets a new token. GitHub's token lasts five minutes or more, and a
library reads the file when it first needs it, and again when its credentials expire."""

_TIMEOUT = 30
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)
_POOL = re.compile(
    r"(projects/\d+/locations/global/workloadIdentityPools/[a-z0-9-]+/providers/[a-z0-9-]+)"
    r"(?: ([a-z0-9-]+@[a-z0-9.:-]+\.iam\.gserviceaccount\.com))?"
)
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_APPLICATION = re.compile(f"({_UUID})/({_UUID})", re.IGNORECASE)
_STATIC = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Keys that a library would prefer to the role."""


@dataclass(frozen=True)
class Cloud:
    """The cloud identity of the job.

    Attributes:
        audience: the audience that the cloud requires in the token.
        settings: returns the variables for the cloud's library from the token's file; may write
            next to that file.
    """

    audience: str
    settings: Callable[[Path], dict[str, str]]


def cloud_of(identity: str) -> Cloud:
    """Return the cloud of an identity, by the identity's format.

    Args:
        identity: an AWS role's ARN; the full name of a Google Cloud workload identity provider,
            followed by a space and a service account's e-mail address if one is impersonated; or
            the ids of an Azure tenant and application, `TENANT/CLIENT`.

    Raises:
        GatehouseError: it has none of these formats.
    """
    if _ROLE.fullmatch(identity):
        return Cloud("sts.amazonaws.com", lambda token: _aws(identity, token))
    if found := _POOL.fullmatch(identity):
        provider, account = found[1], found[2]
        return Cloud(
            f"https://iam.googleapis.com/{provider}",
            lambda token: _google(provider, account, token),
        )
    if found := _APPLICATION.fullmatch(identity):
        tenant, client = found[1], found[2]
        return Cloud("api://AzureADTokenExchange", lambda token: _azure(tenant, client, token))
    raise GatehouseError(
        f"{IDENTITY}: '{identity}' is no identity of a cloud; write an AWS role "
        "(arn:aws:iam::ACCOUNT:role/NAME), a provider of Google Cloud (projects/NUMBER/locations/"
        "global/workloadIdentityPools/POOL/providers/NAME, and "
        "' ACCOUNT@PROJECT.iam.gserviceaccount.com' behind it for a service account), or an "
        "application of Azure (TENANT-ID/CLIENT-ID); docs/clouds.md has a recipe for each"
    )


def _aws(role: str, token: Path) -> dict[str, str]:
    return {
        "AWS_ROLE_ARN": role,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ROLE_SESSION_NAME": f"gatehouse-{os.environ.get('GITHUB_RUN_ID', 'run')}",
    }


def _google(provider: str, account: str | None, token: Path) -> dict[str, str]:
    credentials = {
        "type": "external_account",
        "audience": f"//iam.googleapis.com/{provider}",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"file": str(token)},
    }
    if account is not None:
        credentials["service_account_impersonation_url"] = (
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
            f"{account}:generateAccessToken"
        )
    file = token.with_name("google.json")
    file.write_text(json.dumps(credentials), "utf-8")
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}


def _azure(tenant: str, client: str, token: Path) -> dict[str, str]:
    return {
        "AZURE_TENANT_ID": tenant,
        "AZURE_CLIENT_ID": client,
        "AZURE_FEDERATED_TOKEN_FILE": str(token),
    }


def ask_token(audience: str, environment: Mapping[str, str] = os.environ) -> str:
    """Request GitHub's token of this job for one audience; the token must not be shown.

    Raises:
        GatehouseError: the job may not have one, or GitHub did not return one.
    """
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    url, bearer = environment.get(REQUEST_URL, ""), environment.get(REQUEST_TOKEN, "")
    if not url or not bearer:
        raise GatehouseError(
            f"{IDENTITY} is set, but GitHub offers this job no token ({REQUEST_URL} is not set): "
            "the job needs `permissions: id-token: write`, which a fork's pull request never gets"
        )
    session = requests.Session()
    retry = Retry(total=4, backoff_factor=0.5, status_forcelist=(500, 502, 503, 504))
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    headers = {
        "Authorization": f"Bearer {bearer}",
        "Accept": "application/json; api-version=2.0",
    }
    try:
        answer = session.get(url, params={"audience": audience}, headers=headers, timeout=_TIMEOUT)
        if not answer.ok:
            raise GatehouseError(f"GitHub refused a token for {audience}: {answer.status_code}")
        token = answer.json()["value"]
    except (requests.RequestException, KeyError, TypeError) as error:
        raise GatehouseError(
            f"GitHub gave no token for {audience} ({type(error).__name__})"
        ) from None
    if not isinstance(token, str) or not token:
        raise GatehouseError(f"GitHub gave no token for {audience}: the answer has no text in it")
    return token


def run_keyless(words: Sequence[str], renewed: float = RENEWED) -> int:
    """Run a command with the identity in `CLOUD_IDENTITY`; without one, run it unchanged.

    The command sees neither the variables for requesting another token, nor AWS keys, which would
    take precedence over the role. The token's file is deleted when the command has ended.

    Args:
        words: a program and its arguments.
        renewed: seconds before the file gets a new token.

    Returns:
        The command's exit code, or 128 plus the number of the signal that ended it.

    Raises:
        GatehouseError: the identity is invalid, or GitHub did not return a token.
        OSError: there is no such program.
    """
    identity = os.environ.get(IDENTITY, "").strip()
    if not identity:
        return _code(subprocess.run(words, check=False).returncode)
    cloud = cloud_of(identity)
    hidden = {IDENTITY, REQUEST_URL, REQUEST_TOKEN, *_STATIC}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    with tempfile.TemporaryDirectory(dir=os.environ.get("RUNNER_TEMP") or None) as folder:
        file = Path(folder) / "token"
        _renew(file, cloud.audience)
        environment |= cloud.settings(file)
        with subprocess.Popen(words, env=environment) as process:
            while True:
                try:
                    return _code(process.wait(renewed))
                except subprocess.TimeoutExpired:
                    _renew_later(file, cloud.audience)


def _renew(file: Path, audience: str) -> None:
    """Replace the token atomically: a reader sees either the old token or the new one."""
    token = ask_token(audience)
    click.echo(f"::add-mask::{token}", err=True)  # the runner masks it in all logs
    new = file.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(token, "utf-8")
    new.replace(file)


def _renew_later(file: Path, audience: str) -> None:
    """Renew a running command's token; on failure continue, as the command may not need it."""
    try:
        _renew(file, audience)
    except GatehouseError as error:
        click.echo(f"::warning::{error}; the token of before stays", err=True)


def _code(returned: int) -> int:
    return returned if returned >= 0 else 128 - returned


@click.command("keyless", context_settings=HELP | {"ignore_unknown_options": True})
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@command
def keyless(words: tuple[str, ...]) -> int:
    """Run COMMAND with the cloud identity in the variable CLOUD_IDENTITY instead of a key.

    In a job with `id-token: write`. If CLOUD_IDENTITY is empty, COMMAND runs as it is.

    Exit codes: that of COMMAND; 2 where GitHub gives no token.
    """
    return run_keyless(words)
