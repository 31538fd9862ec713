"""The deployment guide's files are what Dagster, Kubernetes and Celery take, and work."""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster_k8s import K8sRunLauncher
from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict
from kubernetes.client import models
from sqlalchemy.engine import make_url
from support.docs import DOCS, page
from support.oauth_rig import wait_until
from support.postgres import PostgresMissingError, running_postgres
from support.runs_at_work import engine_events
from support.stack import running_stack

from integrations.runtime.registry import Registry
from oauth_service import create_app
from zebbra_pipeline.cli.processes import Children
from zebbra_pipeline.orchestration.dagster_home import DAGSTER_YAML
from zebbra_pipeline.orchestration.run_launchers.kubernetes import KubernetesRunLauncher

FILES = DOCS / "deployment"
HOMES = ("kubernetes", "celery")
KINDS = {
    "ConfigMap": models.V1ConfigMap,
    "Deployment": models.V1Deployment,
    "Service": models.V1Service,
}
DAEMON = ("-m", "dagster._daemon", "run")
CELERY = ("-c", "from dagster_celery.cli import main; main()")
BINARIES = Path(sys.executable).parent
TODAY = datetime.now().astimezone().date()
BALANCE_SHEET = dg.AssetKey(["xero", "balance_sheet"])


@pytest.fixture(scope="module")
def database():
    try:
        with running_postgres() as server:
            yield server
    except PostgresMissingError as exc:
        pytest.skip(str(exc))


def settings_of(database):
    url = make_url(database.new_database())
    return url.port, {
        "DAGSTER_POSTGRES_HOST": url.host,
        "DAGSTER_POSTGRES_USER": url.username,
        "DAGSTER_POSTGRES_PASSWORD": url.password,
        "DAGSTER_POSTGRES_DB": url.database,
    }


def home_in(folder, kind, port, **launcher):
    """Write `dagster.yaml` as the guide has it, at the test database's port."""
    config = yaml.safe_load((FILES / f"dagster-{kind}.yaml").read_text())
    assert config["storage"]["postgres"]["postgres_db"]["port"] == 5432
    config["storage"]["postgres"]["postgres_db"]["port"] = port
    config["run_launcher"]["config"] |= launcher
    (folder / "dagster.yaml").write_text(yaml.safe_dump(config))
    return folder


def manifests():
    return list(yaml.safe_load_all((FILES / "kubernetes.yaml").read_text()))


def known_to_kubernetes(manifest):
    model = KINDS[manifest["kind"]]
    return k8s_model_from_dict(model, k8s_snake_case_dict(model, manifest))


def containers():
    return {
        item["metadata"]["name"]: item["spec"]["template"]["spec"]["containers"][0]
        for item in manifests()
        if item["kind"] == "Deployment"
    }


@dg.job
def a_job():
    """Stand for any: the launcher looks at the run only."""


@pytest.mark.parametrize("kind", HOMES)
def test_limits_are_those_that_the_product_ships(kind):
    deployed = yaml.safe_load((FILES / f"dagster-{kind}.yaml").read_text())["concurrency"]
    shipped = yaml.safe_load(DAGSTER_YAML)["concurrency"]

    assert deployed["pools"] == shipped["pools"]
    limits = "tag_concurrency_limits"
    assert deployed["runs"].get(limits) == shipped["runs"].get(limits)


def test_what_a_home_of_ones_own_needs_is_what_the_product_ships():
    (block,) = [item for item in page(DOCS / "deployment.md").blocks if item.language == "yaml"]
    needed, shipped = yaml.safe_load(block.text), yaml.safe_load(DAGSTER_YAML)

    assert needed == {name: shipped[name] for name in ("run_launcher", "run_monitoring")}


@pytest.mark.parametrize("kind", HOMES)
def test_runs_are_monitored_as_in_the_product(kind):
    deployed = yaml.safe_load((FILES / f"dagster-{kind}.yaml").read_text())["run_monitoring"]
    shipped = yaml.safe_load(DAGSTER_YAML)["run_monitoring"]

    # Images are pulled and workers waited for; nothing is resumed, since a run fetches again.
    assert deployed == shipped | {"start_timeout_seconds": 300, "max_resume_run_attempts": 0}


def test_a_run_on_kubernetes_is_a_pod_with_what_it_needs(database, tmp_path, monkeypatch):
    port, environ = settings_of(database)
    for name, value in {**environ, "ZEBBRA_IMAGE": "registry.example.com/zebbra:7"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("kubernetes.config.load_incluster_config", lambda: None)  # the cluster
    monkeypatch.setenv("DAGSTER_HOME", str(home_in(tmp_path, "kubernetes", port)))
    asked = []
    with dg.DagsterInstance.get() as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, K8sRunLauncher)  # as the executor of pods asks
        assert isinstance(launcher, KubernetesRunLauncher)
        launcher._api_client.batch_api = SimpleNamespace(
            create_namespaced_job=lambda **job: asked.append(job)
        )

        code = ModuleCodePointer("zebbra_pipeline.definitions", "defs")
        origin = JobPythonOrigin("refresh_figures", RepositoryPythonOrigin(sys.executable, code))
        run = instance.create_run_for_job(a_job, job_code_origin=origin)
        launcher._launch_k8s_job_with_args("run-1", ["dagster", "api"], run)

    (job,) = asked
    pod = job["body"].spec.template.spec
    (container,) = pod.containers
    assert job["namespace"] == "zebbra"
    assert container.image == "registry.example.com/zebbra:7"
    assert container.resources.limits == {"memory": "1Gi"}
    sources = [(item.config_map_ref or item.secret_ref).name for item in container.env_from]
    assert sources == ["zebbra-pipeline", "zebbra-pipeline", "dagster-postgres"]
    assert {item.name: item.value for item in container.env}["DAGSTER_HOME"] == "/opt/dagster/home"
    mounts = {mount.mount_path: (mount.name, mount.read_only) for mount in container.volume_mounts}
    assert mounts == {"/opt/dagster/home": ("home", True), "/data/models": ("models", True)}
    assert {volume.name for volume in pod.volumes} == {"home", "models"}


def test_manifests_are_what_kubernetes_knows_and_fit_together():
    parsed = {
        (item["kind"], item["metadata"]["name"]): known_to_kubernetes(item) for item in manifests()
    }

    labels = {
        name: model.spec.template.metadata.labels
        for (kind, name), model in parsed.items()
        if kind == "Deployment"
    }
    for (kind, name), model in parsed.items():
        if kind == "Deployment":
            assert model.spec.selector.match_labels == labels[name]
        if kind == "Service":
            assert model.spec.selector in labels.values()
    assert parsed["Deployment", "dagster-daemon"].spec.replicas == 1
    (location,) = yaml.safe_load((FILES / "workspace.yaml").read_text())["load_from"]
    service = parsed["Service", location["grpc_server"]["host"]]
    assert service.spec.ports[0].port == location["grpc_server"]["port"]
    home = yaml.safe_load((FILES / "dagster-kubernetes.yaml").read_text())["run_launcher"]["config"]
    config_map = parsed["ConfigMap", "zebbra-pipeline"].data
    assert home["env_config_maps"] == ["zebbra-pipeline"]
    assert config_map["ZEBBRA_MODELS"] == home["volume_mounts"][1]["mountPath"]


def test_probes_ask_what_the_service_answers(settings_of_service):
    app = create_app(settings_of_service, Registry({}, {}))
    app.state.services.store.close()
    routes = app.openapi()["paths"]
    service = containers()["zebbra-oauth"]

    for probe in ("readinessProbe", "livenessProbe"):
        assert service[probe]["httpGet"]["path"] in routes


@pytest.fixture
def settings_of_service(tmp_path):
    from integrations.runtime.settings import load_settings

    return load_settings({"ZEBBRA_HOME": str(tmp_path)})


@pytest.mark.parametrize(
    "name", ["zebbra-oauth", "zebbra-code", "dagster-daemon", "dagster-webserver"]
)
def test_commands_of_the_containers_exist(name):
    program, *arguments = containers()[name]["command"]
    path = sys.executable if program == "python" else str(BINARIES / program)

    helped = subprocess.run(
        [path, *arguments, "--help"], capture_output=True, text=True, timeout=60, check=False
    )

    assert helped.returncode == 0, helped.stderr
    assert all(option in helped.stdout for option in arguments if option.startswith("--"))


@pytest.mark.parametrize(("kind", "executor"), [("kubernetes", "k8s"), ("celery", "celery")])
def test_executors_are_those_of_the_jobs(kind, executor):
    code = (
        f"import runpy; defs = runpy.run_path('executor_{kind}.py')['defs']; "
        "print(defs.resolve_job_def('refresh_figures').executor_def.name)"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=FILES, capture_output=True, text=True, check=False
    )

    assert loaded.stdout == f"{executor}\n", loaded.stderr


@contextmanager
def celery_at_work(database, tmp_path):
    """
    Run a batch of two workspaces by a worker; give the stack, Dagster, the processes, the run's id.

    A broker of files stands in for the queue, PostgreSQL is real, and so is the worker.
    """
    port, environ = settings_of(database)
    folders = {name: tmp_path / name for name in ("broker", "results", "dagster", "elsewhere")}
    for folder in folders.values():
        folder.mkdir()
    celery = {
        "broker_transport_options": {
            "data_folder_in": str(folders["broker"]),
            "data_folder_out": str(folders["broker"]),
            "control_folder": str(tmp_path / "control"),
        }
    }
    environ |= {
        "CELERY_BROKER": "filesystem://",
        "CELERY_BACKEND": f"file://{folders['results']}",
        "DAGSTER_HOME": str(home_in(folders["dagster"], "celery", port, config_source=celery)),
        "ZEBBRA_HOME": str(tmp_path / "home-that-nobody-makes"),
        "ZEBBRA_WAREHOUSE": str(tmp_path / "books" / "warehouse.duckdb"),
        "ZEBBRA_PUBLISHED": str(tmp_path / "books" / "published.duckdb"),
        "ZEBBRA_MODELS": str(tmp_path / "models"),
        "PYTHONDONTWRITEBYTECODE": "",
        "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}",
    }
    worker_config = {
        "broker": environ["CELERY_BROKER"],
        "backend": environ["CELERY_BACKEND"],
        "config_source": celery,
    }
    (tmp_path / "worker.yaml").write_text(yaml.safe_dump({"execution": {"config": worker_config}}))
    with running_stack(tmp_path / "stack", today=TODAY) as stack:
        stack.connect("acme", xero="Acme Trading Inc")
        stack.connect("globex", xero="Globex")
        with pytest.MonkeyPatch.context() as patch, ExitStack() as exits:
            for name, value in environ.items():
                patch.setenv(name, value)
            instance = exits.enter_context(dg.DagsterInstance.get())
            instance.add_dynamic_partitions("workspace", ["acme", "globex"])
            patch.chdir(folders["elsewhere"])
            launch = ["job", "launch", "-m", "zebbra_pipeline.definitions", "-j", "refresh_figures"]
            ends = {
                "dagster/asset_partition_range_start": "acme",
                "dagster/asset_partition_range_end": "globex",
            }
            launched = subprocess.run(
                [sys.executable, "-m", "dagster", *launch, "--tags", json.dumps(ends)],
                capture_output=True,
                text=True,
                check=False,
            )
            assert launched.returncode == 0, launched.stderr
            run_id = instance.get_runs()[0].run_id
            worker = ["worker", "start", "-A", "dagster_celery.app", "-q", "zebbra"]
            worker += ["-y", str(tmp_path / "worker.yaml"), "--", "--pool", "solo"]
            processes = Children(tmp_path / "logs")
            exits.callback(processes.stop)
            processes.start("daemon", [*DAEMON, "-m", "zebbra_pipeline.definitions"], os.environ)
            processes.start("worker", [*CELERY, *worker], os.environ)
            yield stack, instance, processes, run_id


def test_celery_workers_run_batches_with_nothing_local_but_the_warehouse(database, tmp_path):
    with celery_at_work(database, tmp_path) as (_, instance, processes, run_id):
        wait_until(lambda: instance.get_run_by_id(run_id).is_finished, 120)
        processes.stop()
        run = instance.get_run_by_id(run_id)
        landed = instance.get_materialized_partitions(BALANCE_SHEET)

    assert run.is_success
    assert landed == {"acme", "globex"}
    assert not (tmp_path / "home-that-nobody-makes").exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert {path.name for path in (tmp_path / "books").glob("*.duckdb")} == {
        "warehouse.duckdb",
        "published.duckdb",
    }


@pytest.mark.timeout(300)
def test_a_celery_worker_that_was_killed_ends_its_run_within_a_minute(database, tmp_path):
    with celery_at_work(database, tmp_path) as (stack, instance, processes, run_id):
        (globex,) = [item.id for item in stack.control().tenants() if "Globex" in item.name]
        slow = {"path": "/api.xro", "tenant_id": globex, "seconds": 120}
        stack.control().fault("slow", **slow, times=None)
        landed = "acme"
        wait_until(lambda: landed in instance.get_materialized_partitions(BALANCE_SHEET), 120)
        os.killpg(processes.pids()["worker"], signal.SIGKILL)
        stack.control().clear_faults()
        wait_until(lambda: instance.get_run_by_id(run_id).is_finished, 60)
        task = instance.run_launcher.celery.AsyncResult(
            instance.get_run_by_id(run_id).tags["dagster-celery/task_id"]
        )
        state = task.state
        events = engine_events(instance, run_id)
        run = instance.get_run_by_id(run_id)

    assert run.status is dg.DagsterRunStatus.FAILURE
    assert state == "STARTED"  # which is why Celery is not asked
    assert sum("is gone" in event for event in events) == 1
