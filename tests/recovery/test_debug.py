import pytest
from tests.recovery.rehearsal import *
from tests.support.postgres import PostgresServer

@pytest.mark.parametrize("service", ["notifications", "registration", "events"])
def test_older(postgres, tmp_path, monkeypatch, service):
    r = begin(postgres, tmp_path, monkeypatch)
    r.assert_recovered()
    stage = r.stage()
    later(r)
    r.assert_recovered()
    r.restore({service: stage}, postgres)
    plan, applied, took = r.recover()
    print("\n".join(plan.lines())); print(applied, took)
    r.assert_recovered()
