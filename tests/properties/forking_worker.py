"""A process with a ledger of its own that does what it is told over a socket, and forks when it is told to.

Called with the address of the socket; the first line that it reads is the URL of the store.
"""

import json
import os
import socket
import sys
import threading
from typing import Any, NoReturn

import flowledger as fl

executors = fl.ExecutorRegistry()


@executors.register("ask")
def ask(step: fl.StepContext) -> Any:
    return step.payload or fl.Pause("which?")


@executors.register("say")
def say(step: fl.StepContext) -> Any:
    return step.data["text"]


def definition(text: str) -> dict[str, Any]:
    """Asks first, and says what was saved then."""
    nodes = [{"id": "a", "type": "ask"}, {"id": "b", "type": "say", "data": {"text": text}}]
    return {"nodes": nodes, "edges": [{"source": "a", "target": "b"}]}


class Worker:
    def __init__(self, address: str, url: str) -> None:
        self._address = address
        self._url = url
        self._ledger: fl.Ledger | None = None
        self._busy: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def ledger(self) -> fl.Ledger:
        if self._ledger is None:
            self._ledger = fl.open_ledger(self._url, executors)
        return self._ledger

    def open(self) -> str:
        return type(self.ledger).__name__

    def save(self, text: str) -> int:
        return self.ledger.workflows.save(definition(text), workflow_id="w", by="worker").version

    def start(self, key: str | None) -> list[Any]:
        run = self.ledger.runs.start("w", by="worker", idempotency_key=key)
        return [run.id, run.version, run.work_order_id]

    def resume(self, run_id: str) -> list[Any]:
        run = self.ledger.runs.resume(run_id, payload="\x1b[2J\0\u202e", by="worker")
        return [run.version, run.snapshot.context["b"][-1].output]

    def note(self, run_id: str, n: int) -> int:
        return self.ledger.runs.set_metadata(run_id, {"\x1b[2J\0\u202e": n, "n": "\x9b\x7f"}, by="worker").version

    def cancel(self, run_id: str) -> int:
        return self.ledger.runs.cancel(run_id, by="worker").version

    def rebuild(self) -> int:
        return self.ledger.rebuild()

    def listed(self) -> list[str]:
        return [run.id for run in self.ledger.history.runs(limit=1_000)]

    def busy(self) -> None:
        """From now on a thread writes all the time."""
        ledger = self.ledger

        def write() -> None:
            while not self._stop.is_set():
                try:
                    ledger.runs.start("noise", payload="x" * 100_000)
                except fl.FlowledgerError:
                    continue

        self._busy = threading.Thread(target=write)
        self._busy.start()

    def rest(self) -> None:
        self._stop.set()
        if self._busy is not None:
            self._busy.join()
        self._busy = None
        self._stop.clear()

    def close(self) -> None:
        self.rest()
        if self._ledger is not None:
            self._ledger.close()
        self._ledger = None

    def fork(self) -> None:
        """The child waits at the same address for somebody to tell it what to do."""
        if os.fork() == 0:
            self._busy = None
            self.serve()

    def serve(self) -> NoReturn:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(self._address)
            with channel.makefile("rw") as lines:
                for line in lines:
                    name, *arguments = json.loads(line)
                    if name in ("exit", "leave"):
                        os._exit(0)
                    answer = self._answer(name, arguments)
                    print(json.dumps(answer), file=lines, flush=True)
        os._exit(0)

    def _answer(self, name: str, arguments: list[Any]) -> list[Any]:
        try:
            return ["done", getattr(self, name)(*arguments)]
        except fl.FlowledgerError as error:
            return ["refused", type(error).__name__, str(error)]
        except Exception as error:
            return ["crashed", repr(error)]


if __name__ == "__main__":
    Worker(sys.argv[1], sys.argv[2]).serve()
