"""Settings of the service, read from environment variables, because deployments set those."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from gatehouse.errors import GatehouseError
from gatehouse.typed import Frozen, validate

PREFIX = "GATEHOUSE_SERVE_"

Positive = Annotated[int, Field(ge=1)]
NotEmpty = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class ServingSettings(Frozen):
    """Each is an environment variable: `GATEHOUSE_SERVE_` and the name in capitals."""

    host: NotEmpty = Field(default="127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(default=3000, description="TCP port")
    tokens: NotEmpty | None = Field(
        default=None, description="bearer tokens, separated by spaces; unset: open to all"
    )
    tokens_file: Path | None = Field(
        default=None, description="file with one token per line; read again when it changes"
    )
    log: Path | None = Field(
        default=None, description="folder of the inference log; unset: nothing is logged"
    )
    log_bytes: Positive = Field(
        default=64_000_000, description="size at which a log file is rotated"
    )
    log_files: Annotated[int, Field(ge=2)] = Field(
        default=8, description="log files kept, the current one included"
    )
    shadow: Path | None = Field(
        default=None,
        description="folder with a second model, laid out as the repository is, that scores for "
        "the inference log only",
    )
    key_secret_file: Path | None = Field(
        default=None,
        description="file with the secret that makes the log's pseudonyms of keys; unset: no key "
        "is logged in any form",
    )
    max_bytes: Positive = Field(default=1_048_576, description="largest request body")
    max_rows: Positive = Field(default=1000, description="most rows in one request")
    max_concurrency: Positive = Field(
        default=256, description="requests in work at once; more are answered 503"
    )
    timeout: Annotated[float, Field(gt=0, le=60)] = Field(
        default=10.0, description="seconds that a request may take to arrive and to wait"
    )

    @field_validator("log", "tokens_file", "shadow", "key_secret_file", mode="before")
    @classmethod
    def _check_local(cls, value: Any) -> Any:
        if "://" in str(value):
            # As a path, it would be accepted silently, and it may contain a password.
            raise ValueError("is a URL; name a path on this machine, such as a mounted volume")
        return value


def load_settings(environment: Mapping[str, str]) -> ServingSettings:
    """Return the settings in `environment`.

    Raises:
        GatehouseError: with the variable and its problem.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }
    settings = validate(ServingSettings, given, f"environment ({PREFIX}…)")
    if settings.tokens is not None and settings.tokens_file is not None:
        raise GatehouseError(
            f"{PREFIX}TOKENS and {PREFIX}TOKENS_FILE are both set; keep one of them"
        )
    for name in ("shadow", "key_secret_file"):
        if getattr(settings, name) is not None and settings.log is None:
            raise GatehouseError(
                f"{PREFIX}{name.upper()} is set, and {PREFIX}LOG is not: its result would be "
                f"stored nowhere; name the log's folder, or take {PREFIX}{name.upper()} away"
            )
    return settings
