from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.defs.materializations import FOLDER
from wiki_embeddings.defs.refresh_config import refresh_config
from wiki_embeddings_tests.support.dagster_runs import new_instance


@pytest.fixture
def instance(tmp_path) -> Iterator[dg.DagsterInstance]:
    with new_instance(tmp_path) as instance:
        yield instance


def materialize(instance: dg.DagsterInstance, ops: dict[str, Any], *assets: str) -> None:
    """Record that a run with some config materialized assets of German."""

    def made(asset: str) -> dg.OpDefinition:
        @dg.op(name=asset, config_schema=dg.Permissive())
        def op(context: dg.OpExecutionContext) -> None:
            context.log_event(
                dg.AssetMaterialization(
                    asset,
                    partition="de",
                    metadata={FOLDER: f"de/{asset}"},
                    tags={"dagster/data_version": "1"},
                )
            )

        return op

    @dg.job
    def job() -> None:
        for asset in assets:
            made(asset)()

    config = {asset: {"config": ops.get(asset, {})} for asset in assets}
    assert job.execute_in_process(instance=instance, run_config={"ops": config}).success


def test_a_wiki_that_was_never_materialized_gets_the_defaults(instance):
    assert refresh_config(instance, "de") == {}
    only_the_date = {"ops": {"raw_wikipedia": {"config": {"snapshot": "20261101"}}}}
    assert refresh_config(instance, "de", "20261101") == only_the_date


def test_a_refresh_keeps_the_settings_and_reads_a_whole_newer_export(instance):
    earlier = {
        "raw_wikipedia": {
            "snapshot": "20261001",
            "fraction": 0.1,
            "source": "hub",
            "containers": 3,
            "max_missing_share": 0.5,
            "required_titles": "/vital.txt",
        },
        "chunked_volume": {"model": "mine", "token_budget": 128, "of_an_earlier_release": 1},
        "embeddings": {"precision": "float32"},
        "hub_dataset": {"replace_existing": True},
    }
    materialize(instance, earlier, *ASSET_KEYS)
    assert refresh_config(instance, "de", "20261101") == {
        "ops": {
            "raw_wikipedia": {
                "config": {
                    "containers": 3,
                    "required_titles": "/vital.txt",
                    "snapshot": "20261101",
                }
            },
            "chunked_volume": {"config": {"model": "mine", "token_budget": 128}},
            "embeddings": {"config": {"precision": "float32"}},
        }
    }


def test_each_asset_has_the_config_of_its_own_last_materialization(instance):
    materialize(instance, {"chunked_volume": {"model": "mine"}}, *ASSET_KEYS)
    materialize(instance, {"embeddings": {"precision": "int8"}}, "embeddings")
    ops = refresh_config(instance, "de")["ops"]
    assert ops["chunked_volume"]["config"] == {"model": "mine"}
    assert ops["embeddings"]["config"] == {"precision": "int8"}
