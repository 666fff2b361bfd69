"""Users of the stand-in for S3 that the fixture `s3` starts."""

from __future__ import annotations

import json
from typing import Any


def session() -> Any:
    """One that may all, as long as nobody asks for a key."""
    import boto3  # type: ignore[import-untyped]

    return boto3.Session("setup", "setup", region_name="us-east-1")


def new_key(address: str, name: str, actions: list[str]) -> dict[str, str]:
    """The key of a new user who may do `actions`, as the environment has it."""
    iam = session().client("iam", endpoint_url=address)
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


def forget_clients() -> None:
    """fsspec would hand out a client with the keys of before."""
    import s3fs  # type: ignore[import-untyped]

    s3fs.S3FileSystem.clear_instance_cache()
