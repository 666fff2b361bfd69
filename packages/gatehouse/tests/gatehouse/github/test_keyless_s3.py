"""The DVC remote without a key: a token of the job, moto's STS and its S3, and real libraries."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

import pytest

from gatehouse.github.keyless import IDENTITY, REQUEST_TOKEN, REQUEST_URL, run_keyless
from tests.gatehouse.repository import Repository
from tests.gatehouse.s3 import new_key, session
from tests.github.tokens import BEARER, serving

pytestmark = pytest.mark.slow

BUCKET = "models"
OBJECTS = [sys.executable, "-m", "gatehouse.cli", "objects"]


def role_with(address: str, name: str, actions: list[str]) -> str:
    """The ARN of a new role that may do `actions`, which GitHub's tokens may assume."""
    iam = session().client("iam", endpoint_url=address)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
             "Principal": {"Federated": "token.actions.githubusercontent.com"}}  # fmt: skip
    allow = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=document)
    arn: str = role["Role"]["Arn"]
    return arn


def test_a_role_fetches_and_another_one_pushes(
    s3: str, repository: Repository, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """Attacks a role that nobody exchanges the token for, or one that may more than it says.

    A static key that is there as well may do nothing: the role goes before it.
    """
    from moto.core.authorization import enable_iam_authentication
    from moto.sts.responses import TokenResponse

    # As at AWS, this call bears a token, and no signature that moto could look at.
    monkeypatch.setattr(TokenResponse, "_authenticate_and_authorize_normal_action", lambda *_: None)
    owner = {name.lower(): value for name, value in new_key(s3, "owner", ["s3:*"]).items()}
    client = session().client("s3", endpoint_url=s3, **owner)
    client.create_bucket(Bucket=BUCKET)
    for name, value in new_key(s3, "nobody", ["s3:GetBucketLocation"]).items():
        monkeypatch.setenv(name, value)
    reader = role_with(s3, "read", ["s3:GetObject", "s3:ListBucket"])
    keeper = role_with(s3, "add", ["s3:GetObject", "s3:ListBucket", "s3:PutObject"])
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", s3)
    monkeypatch.chdir(repository.root)
    repository.dvc("remote", "add", "--default", "storage", f"s3://{BUCKET}/dvc")
    repository.dvc("remote", "modify", "storage", "endpointurl", s3)
    recorded = {path: path.read_bytes() for path in repository.root.glob("models/*.onnx")}
    with enable_iam_authentication(), serving() as tokens:
        monkeypatch.setenv(REQUEST_URL, tokens.url)
        monkeypatch.setenv(REQUEST_TOKEN, BEARER)
        monkeypatch.setenv(IDENTITY, reader)
        assert run_keyless([*OBJECTS, "push"]) == 2, "it may only read"
        assert "Access" in capfd.readouterr().err
        assert "Contents" not in client.list_objects_v2(Bucket=BUCKET)
        monkeypatch.setenv(IDENTITY, keeper)
        assert run_keyless([*OBJECTS, "push"]) == 0, capfd.readouterr().err
        monkeypatch.setenv(IDENTITY, reader)
        for folder in ("data", "models", ".dvc/cache"):
            shutil.rmtree(repository.root / folder)
        assert run_keyless([*OBJECTS, "fetch"]) == 0, capfd.readouterr().err
        assert tokens.asked == ["sts.amazonaws.com"] * 3
    assert recorded
    assert {path: path.read_bytes() for path in recorded} == recorded
