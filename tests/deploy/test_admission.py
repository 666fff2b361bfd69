"""Attacks the policies that say which images may run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.objects import DEPLOY, ENVIRONMENTS, environment, load, only

WORKFLOW = re.compile(
    r"https://github\.com/[\w.-]+/[\w.-]+/\.github/workflows/release\.yml@refs/heads/main"
)
ADMISSION: dict[str, Callable[[Any], Any]] = {
    "kyverno": lambda spec: spec["attestors"][0]["cosign"]["keyless"]["identities"][0],
    "policy-controller": lambda spec: spec["authorities"][0]["keyless"]["identities"][0],
}


@pytest.mark.parametrize("name", sorted(ADMISSION))
def test_only_the_release_workflow_on_main_may_sign(name: str) -> None:
    """Attacks an identity with a pattern in it, which other workflows or branches would fit."""
    identity = ADMISSION[name](load(DEPLOY / f"admission/{name}.yaml")[0]["spec"])
    assert set(identity) == {"issuer", "subject"}
    assert identity["issuer"] == "https://token.actions.githubusercontent.com"
    assert WORKFLOW.fullmatch(identity["subject"])


def test_admission_covers_every_image_of_both_environments() -> None:
    """Kyverno skips images that no pattern matches, and namespaces that are not named."""
    spec = load(DEPLOY / "admission/kyverno.yaml")[0]["spec"]
    assert spec["validationActions"] == ["Deny"]
    assert spec["failurePolicy"] == "Fail"
    assert spec["matchImageReferences"] == [{"glob": "*"}]
    (selected,) = spec["matchConstraints"]["namespaceSelector"]["matchExpressions"]
    assert set(selected["values"]) == {f"model-{name}" for name in ENVIRONMENTS}
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        assert kind in spec["validations"][0]["expression"]


def test_policy_controllers_keys_are_known_ones() -> None:
    """A small check of our own: nobody publishes the schema of ClusterImagePolicy as a package."""
    (policy,) = load(DEPLOY / "admission/policy-controller.yaml")
    known = {
        "": {"apiVersion", "kind", "metadata", "spec"},
        "metadata": {"name"},
        "spec": {"mode", "images", "authorities"},
        "spec.images": {"glob"},
        "spec.authorities": {"name", "keyless", "ctlog"},
        "spec.authorities.keyless": {"url", "identities"},
        "spec.authorities.keyless.identities": {"issuer", "subject"},
        "spec.authorities.ctlog": {"url"},
    }

    def check(node: Any, place: str) -> None:
        if isinstance(node, list):
            for each in node:
                check(each, place)
        elif isinstance(node, dict):
            assert set(node) <= known[place], place
            for key, value in node.items():
                check(value, f"{place}.{key}".lstrip("."))

    check(policy, "")
    assert policy["apiVersion"] == "policy.sigstore.dev/v1beta1"
    assert policy["spec"]["mode"] == "enforce"
    for name in ENVIRONMENTS:
        labels = only(environment(name), "Namespace")["metadata"]["labels"]
        assert labels["policy.sigstore.dev/include"] == "true"
