"""A client built on python's kubernetes package: it prints one line of JSON for each check."""

import json
import sys
import threading
import time
import traceback

from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException

NAMESPACE = "python"
WIDGETS = ("example.com", "v1", NAMESPACE, "widgets")


def config_map(name, value):
    return client.V1ConfigMap(
        metadata=client.V1ObjectMeta(name=name, labels={"value": value}), data={"value": value}
    )


def deployment(name, replicas):
    labels = {"app": name}
    return client.V1Deployment(
        metadata=client.V1ObjectMeta(name=name),
        spec=client.V1DeploymentSpec(
            replicas=replicas,
            selector=client.V1LabelSelector(match_labels=labels),
            template=client.V1PodTemplateSpec(
                metadata=client.V1ObjectMeta(labels=labels),
                spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="nginx")]),
            ),
        ),
    )


def refused(status, action):
    try:
        action()
    except ApiException as error:
        assert error.status == status, f"{error.status} instead of {status}: {error.body}"
        return json.loads(error.body)
    raise AssertionError(f"went through instead of {status}")


def eventually(condition, what):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"never: {what}")


def objects(core, apps, custom):
    core.create_namespaced_config_map(NAMESPACE, config_map("a", "1"))
    refused(409, lambda: core.create_namespaced_config_map(NAMESPACE, config_map("a", "1")))
    status = refused(422, lambda: core.create_namespaced_config_map(NAMESPACE, config_map("Not_A_Name", "1")))
    assert status["details"]["causes"][0]["field"] == "metadata.name", status
    read = core.read_namespaced_config_map("a", NAMESPACE)
    read.data["value"] = "2"
    newer = core.replace_namespaced_config_map("a", NAMESPACE, read)
    assert newer.metadata.resource_version != read.metadata.resource_version
    refused(409, lambda: core.replace_namespaced_config_map("a", NAMESPACE, read))
    for i in range(7):
        core.create_namespaced_config_map(NAMESPACE, config_map(f"page-{i}", "p"))
    page = core.list_namespaced_config_map(NAMESPACE, label_selector="value=p", limit=5)
    rest = core.list_namespaced_config_map(
        NAMESPACE, label_selector="value=p", limit=5, _continue=page.metadata._continue
    )
    assert (len(page.items), len(rest.items)) == (5, 2), (len(page.items), len(rest.items))
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="value=p")
    core.delete_namespaced_config_map("a", NAMESPACE)
    refused(404, lambda: core.read_namespaced_config_map("a", NAMESPACE))
    return "created, read, replaced, listed in pages, deleted"


def patches(core, apps, custom):
    apps.create_namespaced_deployment(NAMESPACE, deployment("patched", 1))
    # A dictionary goes out as a strategic merge patch, a list as a JSON patch.
    container = {"name": "side", "image": "busybox"}
    patched = apps.patch_namespaced_deployment(
        "patched", NAMESPACE, {"spec": {"template": {"spec": {"containers": [container]}}}}
    )
    names = sorted(c.name for c in patched.spec.template.spec.containers)
    assert names == ["c", "side"], names
    operations = [
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "replace", "path": "/spec/replicas", "value": 2},
    ]
    assert apps.patch_namespaced_deployment("patched", NAMESPACE, operations).spec.replicas == 2
    refused(422, lambda: apps.patch_namespaced_deployment("patched", NAMESPACE, operations))
    merged = call(apps, "PATCH", {"spec": {"paused": True}}, "application/merge-patch+json", [])
    assert merged["spec"]["paused"] is True
    applied = call(
        apps,
        "PATCH",
        json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "patched", "labels": {"x": "y"}}}),
        "application/apply-patch+yaml",
        [("fieldManager", "python"), ("force", "true")],
    )
    managers = {m["manager"]: m["operation"] for m in applied["metadata"]["managedFields"]}
    assert managers["python"] == "Apply", managers
    apps.delete_namespaced_deployment("patched", NAMESPACE, propagation_policy="Foreground")
    return "strategic, JSON, merge, apply"


def call(apps, method, body, content_type, query):
    """A request whose content type the generated methods do not let one choose."""
    data, _, _ = apps.api_client.call_api(
        f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/patched",
        method,
        header_params={"Content-Type": content_type, "Accept": "application/json"},
        query_params=query,
        body=body,
        auth_settings=["BearerToken"],
        response_type="object",
    )
    return data


def watches(core, apps, custom):
    begun = core.list_namespaced_config_map(NAMESPACE)

    def churn():
        for i in range(20):
            core.create_namespaced_config_map(NAMESPACE, config_map(f"w-{i}", "w"))
        core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="value=w")

    worker = threading.Thread(target=churn)
    worker.start()
    seen = {"ADDED": 0, "DELETED": 0}
    stream = watch.Watch()
    for event in stream.stream(
        core.list_namespaced_config_map,
        NAMESPACE,
        label_selector="value=w",
        resource_version=begun.metadata.resource_version,
        timeout_seconds=15,
    ):
        seen[event["type"]] += 1
        if seen["DELETED"] == 20:
            stream.stop()
    worker.join()
    assert seen == {"ADDED": 20, "DELETED": 20}, seen
    return f"{seen['ADDED']} added, {seen['DELETED']} deleted"


def workloads(core, apps, custom):
    apps.create_namespaced_deployment(NAMESPACE, deployment("web", 1))
    apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 3}})

    def ready():
        return apps.read_namespaced_deployment_status("web", NAMESPACE).status.ready_replicas == 3

    eventually(ready, "three replicas are ready")
    assert apps.read_namespaced_deployment_scale("web", NAMESPACE).status.replicas == 3
    pods = core.list_namespaced_pod(NAMESPACE, label_selector="app=web").items
    log = core.read_namespaced_pod_log(pods[0].metadata.name, NAMESPACE)
    assert log != "", "the log is empty"
    eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name=pods[0].metadata.name, namespace=NAMESPACE))
    core.create_namespaced_pod_eviction(pods[0].metadata.name, NAMESPACE, eviction)
    apps.delete_namespaced_deployment("web", NAMESPACE)
    eventually(lambda: core.list_namespaced_pod(NAMESPACE, label_selector="app=web").items == [], "no pods are left")
    return "scaled, logged, evicted, deleted"


def custom_objects(core, apps, custom):
    body = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": {"size": 3}}
    made = custom.create_namespaced_custom_object(*WIDGETS, body)
    assert made["spec"]["colour"] == "blue", made
    patched = custom.patch_namespaced_custom_object(*WIDGETS, "a", {"spec": {"size": 4}})
    assert patched["spec"]["size"] == 4, patched
    refused(422, lambda: custom.patch_namespaced_custom_object(*WIDGETS, "a", {"spec": {"size": 11}}))
    custom.patch_namespaced_custom_object_status(*WIDGETS, "a", {"status": {"size": 4}})
    assert custom.get_namespaced_custom_object_scale(*WIDGETS, "a")["status"]["replicas"] == 4
    assert len(custom.list_namespaced_custom_object(*WIDGETS)["items"]) == 1
    custom.delete_namespaced_custom_object(*WIDGETS, "a")
    return "created, patched, scaled, deleted"


def discovery(core, apps, custom):
    groups = {g.name for g in client.ApisApi(core.api_client).get_api_versions().groups}
    assert {"apps", "batch", "example.com"} <= groups, groups
    assert client.VersionApi(core.api_client).get_code().major == "1"
    names = {r.name for r in client.AppsV1Api(core.api_client).get_api_resources().resources}
    assert "deployments/scale" in names, names
    # Every kind that the workshop's people list must be read without complaint about what is missing in it.
    for read in (
        core.list_node,
        core.list_namespace,
        core.list_pod_for_all_namespaces,
        core.list_event_for_all_namespaces,
        core.list_service_for_all_namespaces,
        client.StorageV1Api(core.api_client).list_storage_class,
        client.RbacAuthorizationV1Api(core.api_client).list_cluster_role,
        client.RbacAuthorizationV1Api(core.api_client).list_cluster_role_binding,
        client.SchedulingV1Api(core.api_client).list_priority_class,
        client.CoordinationV1Api(core.api_client).list_lease_for_all_namespaces,
        client.ApiextensionsV1Api(core.api_client).list_custom_resource_definition,
        client.ApiregistrationV1Api(core.api_client).list_api_service,
    ):
        read()
    return f"{len(groups)} groups"


def main():
    api = config.new_client_from_config(sys.argv[1])
    core, apps, custom = client.CoreV1Api(api), client.AppsV1Api(api), client.CustomObjectsApi(api)
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
    failed = False
    for check in (discovery, objects, patches, watches, workloads, custom_objects):
        try:
            outcome = {"check": check.__name__, "ok": True, "detail": check(core, apps, custom)}
        except Exception:  # pylint: disable=broad-except
            failed = True
            outcome = {"check": check.__name__, "ok": False, "detail": traceback.format_exc()}
        print(json.dumps(outcome), flush=True)
    sys.exit(1 if failed else 0)


main()
