"""The sensor that notices runs whose process was killed."""

import dagster as dg

from wiki_embeddings.defs.pools import free_slots_of_ended_runs


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks runs as failed whose process was killed, such as those in a container that "
    "was restarted, and frees their slots in pools. Where `run_retries` is on in dagster.yaml, "
    "Dagster then starts them again, and what they finished is kept. It starts no run itself.",
)
def killed_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Close the runs whose process was killed."""
    free_slots_of_ended_runs(context.instance)
    return dg.SkipReason("Looked.")
