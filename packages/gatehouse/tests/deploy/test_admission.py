"""Attacks the policies that say which images may run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.deploy.objects import (
    DEPLOY,
    ENVIRONMENTS,
    load,
    namespaces,
    problems,
    render,
)

WORKFLOW = re.compile(
    r"https://github\.com/[\w.-]+/[\w.-]+/\.github/workflows/release\.yml@refs/heads/main"
)
ADMISSION: dict[str, Callable[[Any], Any]] = {
    "kyverno": lambda spec: spec["attestors"][0]["cosign"]["keyless"]["identities"][0],
    "policy-controller": lambda spec: spec["authorities"][0]["keyless"]["identities"][0],
}


def with_key(name: str) -> Any:
    """A policy's specification with the key that stands in its comment."""
    text = (DEPLOY / f"admission/{name}.yaml").read_text("utf-8")
    at = re.search(r"^( +)# - name: key\n(?:\1# .*\n)+", text, re.M)
    assert at
    block = re.sub(r"(?m)^( +)# ", r"\1", at[0])
    return yaml.safe_load(text.replace(at[0], block))


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


def test_a_key_in_place_of_the_workflow_asks_no_log() -> None:
    """Attacks a policy that refuses what was signed by a key, since it looks for it in a log."""
    kyverno, controller = with_key("kyverno"), with_key("policy-controller")
    assert problems([kyverno]) == []
    _, by_key = kyverno["spec"]["attestors"]
    assert by_key["cosign"]["key"]["data"].startswith("-----BEGIN PUBLIC KEY-----")
    assert by_key["cosign"]["ctlog"]["insecureIgnoreTlog"] is True
    _, by_key = controller["spec"]["authorities"]
    assert set(by_key) == {"name", "key"}


def project(name: str) -> Any:
    """An Argo CD project's specification."""
    (found,) = (
        each["spec"]
        for each in load(DEPLOY / "argocd/project.yaml")
        if each["metadata"]["name"] == name
    )
    return found


def test_what_is_deployed_can_not_get_around_admission() -> None:
    """Attacks a merged change that takes a label away, or deploys beside the policies."""
    folders = {f"overlays/{name}": f"model-{name}" for name in ENVIRONMENTS}
    folders["monitoring"] = "monitoring"
    applied = {}
    for file in DEPLOY.glob("argocd/*.yaml"):
        for each in load(file):
            if each["kind"] == "Application":
                applied[each["spec"]["source"]["path"].removeprefix("deploy/")] = each["spec"]
    assert set(applied) == set(folders)
    for folder, namespace in folders.items():
        spec = project(applied[folder]["project"])
        assert spec["sourceRepos"] == [applied[folder]["source"]["repoURL"]]
        assert applied[folder]["destination"] in spec["destinations"]
        assert applied[folder]["destination"]["namespace"] == namespace
        assert spec["clusterResourceWhitelist"] == []
        allowed = {(each["group"], each["kind"]) for each in spec["namespaceResourceWhitelist"]}
        assert not {group for group, _ in allowed} & {"argoproj.io", "policies.kyverno.io", "*"}
        found = {
            (each["apiVersion"].rpartition("/")[0], each["kind"])
            for each in render(DEPLOY / folder)
        }
        assert found <= allowed, "Argo CD would refuse what is there"
    # Pods only where the policies look.
    guarded = {f"model-{name}" for name in ENVIRONMENTS}
    assert {each["namespace"] for each in project("model")["destinations"]} == guarded
    assert {each["kind"] for each in project("model-monitoring")["namespaceResourceWhitelist"]} == {
        "ConfigMap",
        "PrometheusRule",
    }


def test_policy_controllers_keys_are_known_ones() -> None:
    """A small check of our own: nobody publishes the schema of ClusterImagePolicy as a package."""
    policy = with_key("policy-controller")
    known = {
        "": {"apiVersion", "kind", "metadata", "spec"},
        "metadata": {"name"},
        "spec": {"mode", "images", "authorities"},
        "spec.images": {"glob"},
        "spec.authorities": {"name", "keyless", "ctlog", "key"},
        "spec.authorities.key": {"data"},
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
        labels = namespaces()[f"model-{name}"]["metadata"]["labels"]
        assert labels["policy.sigstore.dev/include"] == "true"
