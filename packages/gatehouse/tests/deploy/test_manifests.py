"""Attacks what the cluster is told: typos that it would ignore, and pods that may do too much."""

from __future__ import annotations

import copy
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from gatehouse.serving.settings import load_settings
from tests.deploy.objects import (
    DEPLOY,
    ENVIRONMENTS,
    environment,
    load,
    namespaces,
    only,
    pods,
    problems,
    render,
)

BY_DIGEST = re.compile(r"[^@\s:]+(:\d+/[^@\s:]+)?@sha256:[0-9a-f]{64}")


def put(objects: list[Any], path: str, value: Any) -> list[Any]:
    """A copy with one value set, or a key renamed where `value` is a name that starts with `>`."""
    changed = copy.deepcopy(objects)
    kind, *above, last = path.split("/")
    node: Any = only(changed, kind)
    for part in above:
        node = node[int(part)] if part.isdigit() else node[part]
    if isinstance(value, str) and value.startswith(">"):
        node[value[1:]] = node.pop(last)
    else:
        node[int(last) if last.isdigit() else last] = value
    return changed


PLANTED = [
    ("Deployment/spec/strategy/rollingUpdate/maxSurge", ">maxSurges", "maxSurges"),
    ("Deployment/spec/selector", ">selectr", "selector"),
    ("Deployment/spec/template/spec/containers/0/ports/0/containerPort", "3000", "integer"),
    ("Deployment/spec/template/spec/containers/0/resources/requests/cpu", "500q", "quantity"),
    ("Deployment/spec/template/spec/securityContext/runAsNonRoot", ">runAsNonroot", "Nonroot"),
    ("HorizontalPodAutoscaler/spec/metrics/0/type", 7, "string"),
    ("NetworkPolicy/spec/ingress/0/from", ">form", "form"),
    ("ServiceMonitor/spec/endpoints/0/interval", "15x", "pattern"),
    ("ServiceMonitor/spec/endpoints/0/path", ">pth", "pth"),
    ("PodDisruptionBudget/apiVersion", "policy/v9", "no schema"),
    ("Application/spec/syncPolicy/automated/selfHeal", ">selfheal", "selfheal"),
    ("AppProject/spec/destinations/0/namespace", ">namespaces", "namespaces"),
    ("ImageValidatingPolicy/spec/validationActions/0", "Denny", "allowed values"),
]


def applied_by_hand() -> list[Any]:
    admission = [DEPLOY / f"admission/{name}.yaml" for name in ("namespaces", "kyverno")]
    files = [*sorted(DEPLOY.glob("argocd/*.yaml")), *admission]
    return [each for file in files for each in load(file)]


def test_everything_fits_the_schemas() -> None:
    """Strictly: a key that the API does not know is a finding, in custom resources too."""
    objects = [each for name in ENVIRONMENTS for each in environment(name)]
    assert problems(objects + applied_by_hand()) == []


def test_the_schemas_can_refuse() -> None:
    """Planted defects are found: keys misspelt and missing, values of the wrong kind or form."""
    first = {each["kind"]: each for each in reversed(applied_by_hand())}
    sound = [*environment("staging"), *first.values()]
    planted = []
    for number, (path, value, _) in enumerate(PLANTED):
        one = only(put(sound, path, value), path.partition("/")[0])
        one["metadata"]["name"] = f"planted-{number}."
        planted.append(one)
    found = problems(planted)
    for number, (path, _, told) in enumerate(PLANTED):
        assert any(f"planted-{number}." in each and told in each for each in found), (path, found)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_images_are_named_by_digest(name: str) -> None:
    """Attacks tags, which can be moved after the gates have judged."""
    spec = pods(environment(name))["spec"]
    images = [each["image"] for each in spec["containers"] + spec.get("initContainers", [])]
    assert images
    for image in images:
        assert BY_DIGEST.fullmatch(image), image


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_pods_keep_the_restricted_profile(name: str) -> None:
    """Every container, by the rules of Kubernetes' "restricted" Pod Security Standard and more."""
    objects = environment(name)
    labels = namespaces()[f"model-{name}"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    spec = pods(objects)["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(spec)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert {next(iter(set(each) - {"name"})) for each in spec["volumes"]} <= {
        "emptyDir", "secret", "configMap"
    }  # fmt: skip
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert {"cpu", "memory"} <= set(container["resources"]["limits"])
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
        assert not any("hostPort" in port for port in container["ports"])


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_everything_speaks_of_the_same_pods(name: str) -> None:
    """Attacks selectors and ports that match nothing, which a cluster takes without a word."""
    objects = environment(name)
    template = pods(objects)
    labels = template["metadata"]["labels"]
    container = template["spec"]["containers"][0]
    ports = {port["name"] for port in container["ports"]}
    selectors = [
        only(objects, "Deployment")["spec"]["selector"]["matchLabels"],
        only(objects, "Service")["spec"]["selector"],
        only(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        only(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"]
          for each in template["spec"]["topologySpreadConstraints"]),
    ]  # fmt: skip
    for selector in selectors:
        assert selector
        assert selector.items() <= labels.items()
    service = only(objects, "Service")
    monitor = only(objects, "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    assert only(objects, "NetworkPolicy")["spec"]["ingress"][0]["ports"][0]["port"] in ports
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] in ports
    scaled = only(objects, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert scaled["name"] == only(objects, "Deployment")["metadata"]["name"]
    mounted = {each["name"] for each in container["volumeMounts"]}
    assert mounted == {each["name"] for each in template["spec"]["volumes"]}
    assert {each["metadata"]["namespace"] for each in objects} == {f"model-{name}"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_rollout_leaves_no_gap(name: str) -> None:
    """Attacks updates that stop an old pod before a new one serves, or cut its requests."""
    objects = environment(name)
    spec = only(objects, "Deployment")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert "replicas" not in spec, "it would fight the HorizontalPodAutoscaler at each sync"
    assert only(objects, "HorizontalPodAutoscaler")["spec"]["minReplicas"] >= 2
    pod = spec["template"]["spec"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 0 < pause < pod["terminationGracePeriodSeconds"]


def with_components(folder: Path, *names: str, canary: bool = False) -> list[Any]:
    """Production with components, in a copy below `folder`."""
    shutil.copytree(DEPLOY, folder / "deploy")
    overlay = folder / "deploy/overlays/production"
    file = overlay / "kustomization.yaml"
    text = file.read_text("utf-8")
    if canary:
        text = text.replace("  - ../../base\n", "  - ../../base\n  - ../../canary\n")
        named = folder / "deploy/canary/kustomization.yaml"
        named.write_text(re.sub(r"sha256:\w+", f"sha256:{'c' * 64}", named.read_text("utf-8")))
    if names:
        text += "components:\n" + "".join(f"  - ../../components/{name}\n" for name in names)
    file.write_text(text)
    return render(overlay)


def without_canary(objects: list[Any]) -> list[Any]:
    return [each for each in objects if each["metadata"]["name"] != "model-canary"]


def test_a_private_registry_s_password_is_a_component(tmp_path: Path) -> None:
    """The pods name the Secret; the Secret itself is not in Git."""
    objects = with_components(tmp_path, "pull-secret")
    assert problems(objects) == []
    assert pods(objects)["spec"].pop("imagePullSecrets") == [{"name": "model-registry"}]
    assert objects == environment("production")


def test_tokens_are_a_component(tmp_path: Path) -> None:
    """With it requests need a token, and Prometheus has one; the Secret itself is not in Git."""
    objects = with_components(tmp_path, "tokens")
    assert problems(objects) == []
    assert not [each for each in objects if each["kind"] == "Secret"]
    spec = pods(objects)["spec"]
    container = spec["containers"][0]
    file_name = next(
        each["value"] for each in container["env"] if each["name"] == "GATEHOUSE_SERVE_TOKENS_FILE"
    )
    (mount,) = (each for each in container["volumeMounts"] if each["name"] == "tokens")
    (volume,) = (each for each in spec["volumes"] if each["name"] == "tokens")
    assert mount["readOnly"]
    assert file_name == f"{mount['mountPath']}/{volume['secret']['items'][0]['path']}"
    endpoint = only(objects, "ServiceMonitor")["spec"]["endpoints"][0]
    assert endpoint["authorization"]["credentials"]["name"] == volume["secret"]["secretName"]
    plain = pods(environment("production"))["spec"]["containers"][0]
    assert [each for each in plain["env"] if each not in container["env"]] == []


def selects(labels: dict[str, str], selector: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_a_canary_stands_beside_production(tmp_path: Path) -> None:
    """Its own image and pods behind the same Service, and production untouched by it."""
    objects = with_components(tmp_path, canary=True)
    assert problems(objects) == []
    assert without_canary(objects) == environment("production")
    added = [each for each in objects if each["metadata"]["name"] == "model-canary"]
    assert {each["kind"] for each in added} == {"Deployment", "PodDisruptionBudget"}
    canary = only(added, "Deployment")["spec"]
    stable = only(without_canary(objects), "Deployment")["spec"]
    assert canary["replicas"] == 1
    (one,), (other,) = (each["template"]["spec"]["containers"] for each in (canary, stable))
    assert one.pop("image").endswith(f"@sha256:{'c' * 64}")
    assert other.pop("image")
    assert canary["template"]["spec"] == stable["template"]["spec"]


def test_canary_and_production_are_told_apart(tmp_path: Path) -> None:
    """Attacks an autoscaler and a budget that count the other's pods, and metrics without a track.

    Service, network policy and scraping are for both.
    """
    objects = with_components(tmp_path, canary=True)
    deployments = {
        each["metadata"]["name"]: each["spec"] for each in objects if each["kind"] == "Deployment"
    }
    budgets = {
        each["metadata"]["name"]: each["spec"]["selector"]["matchLabels"]
        for each in objects
        if each["kind"] == "PodDisruptionBudget"
    }
    labels = {name: spec["template"]["metadata"]["labels"] for name, spec in deployments.items()}
    for name, spec in deployments.items():
        for other, found in labels.items():
            assert selects(found, spec["selector"]["matchLabels"]) == (name == other)
            assert selects(found, budgets[name]) == (name == other)
    for found in labels.values():
        assert selects(found, only(objects, "Service")["spec"]["selector"])
        assert selects(found, only(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"])
        assert set(only(objects, "ServiceMonitor")["spec"]["podTargetLabels"]) <= set(found)
    assert {found["track"] for found in labels.values()} == {"stable", "canary"}


def test_components_are_for_the_canary_too(tmp_path: Path) -> None:
    """Attacks a canary that lets everybody in, or whose image nobody may pull."""
    objects = with_components(tmp_path, "tokens", "pull-secret", "keys", canary=True)
    assert problems(objects) == []
    stable, canary = (
        each["spec"]["template"]["spec"] for each in objects if each["kind"] == "Deployment"
    )
    for spec in (stable, canary):
        spec["containers"][0].pop("image")
    assert stable == canary
    assert "imagePullSecrets" in canary


def test_pseudonyms_are_a_component(tmp_path: Path) -> None:
    """The secret is a file that the service reads, and is not in Git."""
    objects = with_components(tmp_path, "keys")
    assert not [each for each in objects if each["kind"] == "Secret"]
    spec = pods(objects)["spec"]
    settings = load_settings({each["name"]: each["value"] for each in spec["containers"][0]["env"]})
    (mount,) = (each for each in spec["containers"][0]["volumeMounts"] if each["name"] == "keys")
    (volume,) = (each["secret"] for each in spec["volumes"] if each["name"] == "keys")
    assert mount["readOnly"]
    assert str(settings.key_secret_file) == f"{mount['mountPath']}/{volume['items'][0]['path']}"


def test_a_shadow_is_a_component(tmp_path: Path) -> None:
    """The other image's model comes by a volume, before the service starts; by digest, too.

    As restricted as any container, and only in production's own pods.
    """
    objects = with_components(tmp_path, "shadow", canary=True)
    assert problems(objects) == []
    stable, canary = (
        each["spec"]["template"]["spec"] for each in objects if each["kind"] == "Deployment"
    )
    assert not {"initContainers"} & set(canary)
    (first,), (container,) = stable["initContainers"], stable["containers"]
    assert BY_DIGEST.fullmatch(first["image"])
    assert first["securityContext"] == container["securityContext"]
    assert {"cpu", "memory"} <= set(first["resources"]["limits"])
    settings = load_settings({each["name"]: each["value"] for each in container["env"]})
    (written,) = first["volumeMounts"]
    (read,) = (each for each in container["volumeMounts"] if each["name"] == written["name"])
    assert read["readOnly"]
    assert str(settings.shadow) == read["mountPath"] == first["command"][-1] == written["mountPath"]
    assert {"contract.yaml", "models"} <= set(first["command"])
    (volume,) = (each for each in stable["volumes"] if each["name"] == written["name"])
    assert set(volume) == {"name", "emptyDir"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_settings_are_those_of_the_service(name: str) -> None:
    """Attacks a variable that the service does not know, and a log that outgrows its volume."""
    spec = pods(environment(name))["spec"]
    container = spec["containers"][0]
    variables = {each["name"]: each["value"] for each in container["env"]}
    settings = load_settings(variables)
    assert settings.port == container["ports"][0]["containerPort"]
    (mount,) = (each for each in container["volumeMounts"] if each["name"] == "log")
    (volume,) = (each for each in spec["volumes"] if each["name"] == "log")
    assert str(settings.log) == mount["mountPath"]
    assert volume["emptyDir"]["sizeLimit"] == "1Gi"
    assert settings.log_bytes * settings.log_files < 2**30
    drain = (
        spec["terminationGracePeriodSeconds"]
        - container["lifecycle"]["preStop"]["sleep"]["seconds"]
    )
    assert settings.timeout < drain
