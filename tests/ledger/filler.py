"""A process that may write only so many bytes to a file: it runs out of space, gets more, and goes on.

filler.py STORE_PATH LIMIT_BYTES
"""

import resource
import sys

import flowledger as fl

executors = fl.ExecutorRegistry()
seen: list[str] = []


@executors.register("fill")
def fill(step: fl.StepContext) -> fl.StepResult:
    seen.append(step.idempotency_key)
    return fl.StepResult("x" * 20_000, handle="again" if step.runs < 19 else None)


DEFINITION = {
    "nodes": [{"id": "fill", "type": "fill"}, {"id": "end", "type": "fill"}],
    "edges": [
        {"source": "fill", "target": "fill", "sourceHandle": "again"},
        {"source": "fill", "target": "end"},
    ],
    "start": "fill",
}


def main(path: str, limit: int) -> None:
    with fl.open_ledger(f"sqlite:///{path}", executors) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
        run = ledger.runs.start("w", wait=False)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            ledger.runs.proceed(run.id)
        except fl.StorageUnavailable as error:
            print("unavailable:", error)
        for order in (ledger.runs.pause, ledger.runs.proceed):
            try:
                order(run.id)
            except fl.StorageUnavailable:
                print("still unavailable")
        stored = ledger.runs.get(run.id)
        print(stored.status, stored.version - 2, len(seen))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        try:
            ledger.runs.proceed(run.id)
        except fl.IllegalTransition as error:  # end's executor asks for an edge that isn't there
            print(error)
        print(ledger.runs.get(run.id).status, ledger.verify().ok)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
