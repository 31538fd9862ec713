"""
Run launchers that know when the process of a run is gone.

Dagster's own local launcher does not check the processes of runs at all, and those for
Kubernetes and Celery know only runs that they have launched: of a run that `zebbra refresh`
executes they would say that it is lost, and Dagster would end it while it works.

`dagster.yaml` names one of them: `local.LocalRunLauncher`, `kubernetes.KubernetesRunLauncher`,
`celery.WatchedCeleryRunLauncher`. They only check where `run_monitoring` is enabled there.
"""
