"""Check DVC's remote: configured, reachable, readable and writable."""

from __future__ import annotations

import configparser
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gatehouse.doctor.finding import Area, Finding
from gatehouse.remote import reason, shown

AREA = Area("data remote")
SECONDS = 60
"""Seconds after which a remote counts as unreachable; some libraries try for many minutes."""

_PLAIN = frozenset((
    "account_name", "acl", "allow_agent", "allow_anonymous_login", "analytics",
    "ask_passphrase", "ask_password", "auth", "autostage", "cert_path", "check_update",
    "checksum_jobs", "configpath", "connect_timeout", "connection_timeout", "credentialpath",
    "dir", "endpointurl", "exclude_environment_credential",
    "exclude_managed_identity_credential", "exclude_shared_token_cache_credential",
    "exclude_visual_studio_code_credential", "gdrive_acknowledge_abuse",
    "gdrive_service_account_json_file_path", "gdrive_trash_only", "gdrive_use_service_account",
    "gdrive_user_credentials_file", "grant_full_control", "grant_read", "grant_read_acp",
    "grant_write_acp", "gss_auth", "hardlink_lock", "interactive", "jobs", "kerb_ticket",
    "kerberos", "kerberos_principal", "key_path", "keyfile", "listobjects", "max_sessions",
    "method", "no_scm", "no_traverse", "oss_endpoint", "port", "profile", "projectname",
    "protected", "proxy_to", "read_timeout", "region", "remote", "replication", "shared",
    "site_cache_dir", "slow_link_warning", "sse", "sse_customer_algorithm", "sse_kms_key_id",
    "ssl_verify", "tenant_id", "timeout", "type", "url", "use_https", "use_ssl", "user",
    "verify", "version_aware", "worktree",
))  # fmt: skip
"""Keys of .dvc/config that contain no secret; any other key may."""
_KEYS = "give it credentials (the environment, such as AWS_ACCESS_KEY_ID; docs/github.md)"


def check_remote(root: Path, *, write: bool) -> Iterator[Finding]:
    """Check the default remote: configured, no secret in Git, reachable; with `write`, writable."""
    yield from _secrets(root)
    try:
        from dvc.repo import Repo

        with Repo(str(root)) as repo:
            if not repo.config["core"].get("remote"):
                yield AREA.warning(
                    "no default DVC remote: data and models are kept by GitHub for 90 days only",
                    "dvc remote add --default storage FOLDER|URL, commit .dvc/config",
                )
                return
            store = repo.cloud.get_remote()
            url = shown(str(store.fs.unstrip_protocol(store.path)))
            yield from _reached(store, url, write)
    except Exception as error:  # DVC and each remote's library raise their own classes
        message = reason(error, hidden="://" in str(error))
        yield AREA.problem(
            f"the DVC remote cannot be opened ({message})",
            "dvc remote list; see .dvc/config and .dvc/config.local",
        )


def _reached(store: Any, url: str, write: bool) -> Iterator[Finding]:
    if store.fs.protocol == "local":
        yield AREA.warning(
            f"the remote is a folder of this machine: {store.path}",
            "fine for one person; for others and for GitHub, a remote that they reach too",
        )
    try:
        there = _in_time(lambda: store.fs.exists(store.path))
        if there and "http" not in store.fs.protocol:  # HTTP cannot list
            _in_time(lambda: store.fs.fs.ls(store.path, detail=False))
    except PermissionError:
        yield AREA.problem(f"{url}: may not be read", _KEYS)
        return
    except Exception as error:  # each library has its own classes
        # Show only the error's type: a message may repeat addresses with signatures.
        fix = "check the address and the network; " + _KEYS
        yield AREA.problem(f"{url}: does not answer ({type(error).__name__})", fix)
        return
    if there:
        yield AREA.fine(f"{url}: can be read")
    else:
        yield AREA.warning(f"{url}: is empty, or not there yet", "dvc push, after make run")
    if not write:
        return
    try:
        _in_time(lambda: _round_trip(store))
    except Exception as error:
        yield AREA.problem(
            f"{url}: a small file could not be written, read and deleted ({type(error).__name__})",
            "give the key the right to write; or leave --write out where it shall only read",
        )
    else:
        yield AREA.fine(f"{url}: can be written")


def _round_trip(store: Any) -> None:
    """Write an object, read it and delete it; its name collides with no other."""
    fs = store.fs.fs
    path = store.fs.join(store.path, f"gatehouse-doctor-{uuid.uuid4().hex}")
    fs.makedirs(store.path, exist_ok=True)
    fs.pipe_file(path, b"gatehouse doctor")
    try:
        if fs.cat_file(path) != b"gatehouse doctor":
            raise OSError("other bytes came back")
    finally:
        fs.rm_file(path)


def _in_time(ask: Callable[[], Any]) -> Any:
    """Return or raise what `ask` does; TimeoutError after `SECONDS`, without stopping `ask`."""
    answers: list[Any] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError
    return answers[0]


def _secrets(root: Path) -> Iterator[Finding]:
    config = configparser.ConfigParser(interpolation=None)
    try:
        config.read(root / ".dvc/config", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return  # DVC reports what is wrong with it
    for section in config.sections():
        for key, value in config[section].items():
            password = re.search(r"://[^/@\s]*:[^/@\s]+@", value)
            if password or (value and key not in _PLAIN):
                yield AREA.problem(
                    f".dvc/config: {key} of {section.strip()} may be a secret, and is in Git",
                    "replace the secret where it was issued, and set the new one with "
                    "`dvc remote modify --local`, or in the environment",
                )
