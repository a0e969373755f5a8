"""What acts on the world, on the command line: taken from the record, named with ``--effects``, told by previews."""

from .conftest import CommandLine

PAY = """

@executors.register("pay", effects=True)
def pay(step):
    with open("paid", "a") as paid:
        paid.write(step.effect_key + chr(10))
    return "paid"
"""


def unshipped(cli: CommandLine) -> str:
    """A run that paid, and failed behind that."""
    steps = cli.home / "steps.py"
    steps.write_text(steps.read_text() + PAY)
    cli.workflow("order", "pay", "boom")
    run_id: str = cli.json("run", "start", "order", code=1)["id"]
    return run_id


def payments(cli: CommandLine) -> list[str]:
    return (cli.home / "paid").read_text().split()


def test_reproductions_and_forks_pay_only_where_they_are_told(cli: CommandLine) -> None:
    run_id = unshipped(cli)
    for repeat in (["reproduce", run_id], ["fork", f"{run_id}@1"]):
        copy = cli.json("run", *repeat, code=1)["id"]
        assert f"as recorded in run {run_id}@2" in " ".join(cli("events", copy).stdout.split())
        assert f"as recorded in run {run_id}@2" in " ".join(cli("audit", copy).stdout.split())
        assert '"paid" (not executed, from the record)' in cli("show", copy).stdout
        assert len(payments(cli)) == 1
    for number, repeat in enumerate((["reproduce", run_id], ["fork", f"{run_id}@1"]), 2):
        copy = cli.json("run", *repeat, "--effects", "pay", code=1)["id"]
        assert "executes pay anew" in " ".join(cli("events", copy).stdout.split())
        assert len(payments(cli)) == number
    assert len(set(payments(cli))) == 1
    assert "no executor is registered for type 'pya'" in cli.refused("run", "fork", run_id, "--effects", "pya")


def test_previews_say_what_a_retry_pays_again(cli: CommandLine) -> None:
    run_id = unshipped(cli)
    (effect,) = cli.json("run", "retry", run_id, "--preview")["effects"]
    assert (effect["nodeId"], effect["type"], effect["done"]) == ("n1", "pay", 1)
    assert effect["effectKeys"] == payments(cli)
    assert "acts on the world again: n1 (pay), done once" in cli("run", "retry", run_id, "--preview").stdout
    assert cli.json("run", "retry", "--all", "--dry-run")["effects"] == {"pay": 1}
    assert "pay acts on the world again in 1 of them" in cli("run", "retry", "--all", "--dry-run").stderr
    assert len(payments(cli)) == 1
