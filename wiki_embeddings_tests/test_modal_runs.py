"""The assets on Modal: the real client and containers, against the local control plane."""

from __future__ import annotations

from wiki_embeddings_tests.modal_runs import failures


def test_all_four_assets_come_out_byte_for_byte_as_on_this_machine(cloud):
    cloud.serve(articles=120, files=3)
    result = cloud.materialize()
    assert result.success, failures(result)
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == dict.fromkeys(checks, True)
    assert len(checks) == 9
    assert cloud.committed() == cloud.locally()
