"""A cloud's storage without a key, against a stand-in for GitHub's tokens."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gatehouse.errors import GatehouseError
from gatehouse.github.cli import group
from gatehouse.github.keyless import (
    IDENTITY,
    REQUEST_TOKEN,
    REQUEST_URL,
    ask_token,
    cloud_of,
    run_keyless,
)
from tests.github.tokens import BEARER, Tokens, serving

ROLE = "arn:aws:iam::123456789012:role/gatehouse/read"
PROVIDER = "projects/12345/locations/global/workloadIdentityPools/github/providers/model"
ACCOUNT = "reader@project.iam.gserviceaccount.com"
TENANT, CLIENT = "11111111-2222-3333-4444-555555555555", "AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee"
TELL = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Tokens]:
    with serving() as server:
        monkeypatch.setenv(REQUEST_URL, server.url)
        monkeypatch.setenv(REQUEST_TOKEN, BEARER)
        monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server


def told(tmp_path: Path) -> dict[str, str]:
    """The environment that a command finds."""
    file = tmp_path / "told.json"
    assert run_keyless([sys.executable, "-c", TELL, str(file)]) == 0
    found: dict[str, str] = json.loads(file.read_text())
    return found


@pytest.mark.parametrize(
    ("identity", "audience", "names"),
    [
        (ROLE, "sts.amazonaws.com", {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}),
        (PROVIDER, f"https://iam.googleapis.com/{PROVIDER}", {"GOOGLE_APPLICATION_CREDENTIALS"}),
        (
            f"{PROVIDER} {ACCOUNT}",
            f"https://iam.googleapis.com/{PROVIDER}",
            {"GOOGLE_APPLICATION_CREDENTIALS"},
        ),
        (
            f"{TENANT}/{CLIENT}",
            "api://AzureADTokenExchange",
            {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"},
        ),
    ],
    ids=["AWS", "Google Cloud", "service account", "Azure"],
)
def test_each_cloud_s_library_finds_what_it_reads(
    identity: str,
    audience: str,
    names: set[str],
    tokens: Tokens,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Attacks a token for another audience, and what could ask for more in the command's reach."""
    monkeypatch.setenv(IDENTITY, identity)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA-static")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    found = told(tmp_path)
    assert tokens.asked == [audience]
    assert names <= set(found)
    assert not {REQUEST_URL, REQUEST_TOKEN, IDENTITY} & set(found)
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & set(found), "would go first"
    assert not any(Path(found[name]).exists() for name in names if "FILE" in name)
    assert [path.name for path in tmp_path.iterdir()] == ["told.json"], "nothing is left"


def test_google_s_library_takes_the_credentials(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Attacks a file that google-auth does not read: it says what it would exchange, and where."""
    import google.auth
    from google.auth.identity_pool import Credentials

    file = tmp_path / "token"
    file.write_text("token.of.github")
    settings = cloud_of(f"{PROVIDER} {ACCOUNT}").settings(file)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", settings["GOOGLE_APPLICATION_CREDENTIALS"])
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "some-project")
    found, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/devstorage.read_only"])
    assert isinstance(found, Credentials)
    assert found.retrieve_subject_token(None) == "token.of.github"
    assert found.service_account_email == ACCOUNT
    assert found.info["audience"] == f"//iam.googleapis.com/{PROVIDER}"
    assert found.info["token_url"] == "https://sts.googleapis.com/v1/token"


def test_without_an_identity_the_command_runs_as_it_is(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Attacks static keys, which stay possible, and a token that nobody asked for."""
    monkeypatch.setenv(IDENTITY, "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA-static")
    assert told(tmp_path)["AWS_ACCESS_KEY_ID"] == "AKIA-static"
    assert tokens.asked == []


def test_the_token_is_renewed_while_the_command_runs(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Attacks a fetch that outlasts GitHub's token, and one renewal that GitHub refuses."""
    script = (
        "import os, pathlib, time\n"
        "file = pathlib.Path(os.environ['AWS_WEB_IDENTITY_TOKEN_FILE'])\n"
        "assert file.stat().st_mode & 0o077 == 0\n"
        "first = file.read_text()\n"
        "while file.read_text() == first: time.sleep(0.01)\n"
    )
    monkeypatch.setenv(IDENTITY, ROLE)

    class Once(list[str]):
        """After the first token, one request is refused."""

        def append(self, audience: str) -> None:
            super().append(audience)
            if len(self) == 1:
                tokens.refuse.append(403)

    tokens.asked = Once()
    assert run_keyless([sys.executable, "-c", script], renewed=0.05) == 0
    assert len(tokens.asked) >= 2
    shown = capfd.readouterr().err
    assert "::warning::GitHub refused a token for sts.amazonaws.com: 403" in shown
    assert "::add-mask::token-2.of.github" in shown


@pytest.mark.parametrize(
    ("identity", "spoil", "why"),
    [
        ("arn:aws:iam::12:role/x", {}, "is no identity of a cloud"),
        ("arn:aws:iam::123456789012:user/x", {}, "is no identity of a cloud"),
        (f"{PROVIDER} someone@example.com", {}, "is no identity of a cloud"),
        (f"{TENANT}", {}, "is no identity of a cloud"),
        (ROLE, {REQUEST_URL: ""}, "id-token: write"),
        (ROLE, {REQUEST_TOKEN: "of-another-job"}, "refused a token for sts.amazonaws.com: 401"),
        (ROLE, {REQUEST_URL: "http://127.0.0.1:9/?api-version=2.0"}, "gave no token"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_runs(
    identity: str,
    spoil: dict[str, str],
    why: str,
    tokens: Tokens,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Attacks a command that goes on with no credentials, or with those of somebody else."""
    monkeypatch.setattr("urllib3.Retry.sleep", lambda *_: None)
    monkeypatch.setenv(IDENTITY, identity)
    for name, value in spoil.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(group, ["keyless", "--", "touch", str(tmp_path / "ran")])
    assert done.exit_code == 2
    assert why in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_failure_of_github_s_is_tried_again(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks one lost answer that would cost the whole run."""
    monkeypatch.setattr("urllib3.Retry.sleep", lambda *_: None)
    tokens.refuse = [503, 502]
    assert ask_token("sts.amazonaws.com") == "token-1.of.github"


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -9 $$", 137)])
def test_the_code_is_the_command_s(
    script: str, code: int, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a fetch that failed and looks as if it had not."""
    for identity in (ROLE, ""):
        monkeypatch.setenv(IDENTITY, identity)
        assert run_keyless(["sh", "-c", script]) == code
    with pytest.raises(GatehouseError):
        cloud_of("")
    done = CliRunner().invoke(group, ["keyless", "--", "no-such-program-anywhere"])
    assert done.exit_code == 2
    assert "no-such-program-anywhere" in done.output
    assert isinstance(done.exception, SystemExit)
    assert os.environ[REQUEST_TOKEN] == BEARER
