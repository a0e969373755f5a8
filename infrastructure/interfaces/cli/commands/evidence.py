"""``flowledger evidence``: keys, signed checkpoints, proofs for outsiders, and what an earlier checkpoint shows."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ....files.atomic import write_file
from ....files.text import read_text
from ...presentation.console import clock_time, print_line
from ...presentation.documents import row_document
from ...presentation.policies import what_goes
from ..shared.options import AsJson, RunId
from ..shared.progress import progress_counter
from ..shared.session import Session
from ..shared.short_ids import find_run

if TYPE_CHECKING:
    from rich.console import Console

    from .....domain.evidence.report import ConsistencyReport

app = typer.Typer(
    help="Sign what the store holds, prove runs to outsiders, check against what was signed.", rich_markup_mode=None
)

SigningKeyFile = Annotated[
    str,
    typer.Option("--key", metavar="FILE", envvar="FLOWLEDGER_SIGNING_KEY", help="The private key that keygen made."),
]

AuthorityCertificates = Annotated[
    str | None,
    typer.Option(
        "--authority-certificate",
        metavar="FILE",
        help="The authority's root, and what leads to it, in PEM, to check by.",
    ),
]


def register(parent: typer.Typer) -> None:
    """Add the commands, as a group."""
    parent.add_typer(app, name="evidence")


@app.command()
def keygen(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The private key: a new file, which only you may read.")],
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Whose store it is, such as example.com/orders; stands in each checkpoint.",
            show_default="flowledger- and chance",
        ),
    ] = None,
    witness: Annotated[
        bool, typer.Option("--witness", help="The key of a witness, which signs what others have signed.")
    ] = False,
    _json: AsJson = False,
) -> None:
    """Make a key to sign checkpoints with, and print the line that others check with.

    Give the line to whoever is to check. Who has the file signs in your name; when it is lost, make another one.
    """
    from .....domain.evidence.signed_note import COSIGNER, ED25519
    from ....services.evidence.keys import make_key

    kind = COSIGNER if witness else ED25519
    line = make_key(Path(file), name or f"flowledger-{secrets.token_hex(8)}", kind)
    session = Session.of(context)
    session.answer({"file": file, "verifierKey": line}, lambda console: print_line(console, line))


@app.command()
def checkpoint(
    context: typer.Context,
    key: SigningKeyFile,
    to: Annotated[
        str | None, typer.Option(metavar="FILE", help="Add it to this file, which is kept elsewhere.")
    ] = None,
    new_key: Annotated[bool, typer.Option("--new-key", help="The last one was signed by another key.")] = False,
    ended: Annotated[
        str | None,
        typer.Option(
            metavar="REASON", help="Why the store lacks what was signed last, such as a restore; signed as well."
        ),
    ] = None,
    _json: AsJson = False,
) -> None:
    """Sign how many events the store has, and the root of the tree over them.

    Keep what it prints where nobody who can write to the store can write: in a mail, in a repository, with a notary.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger:
        signed = ledger.evidence.checkpoint(key, to, new_key=new_key, ended=ended)
    session.answer(row_document(signed), lambda console: _print_lines(console, signed.text), written=to)


@app.command()
def prove(
    context: typer.Context,
    run: RunId,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="The proof.", show_default="RUN.proof")] = None,
    at: Annotated[
        str | None,
        typer.Option("--checkpoint", metavar="FILE", help="By this checkpoint.", show_default="the one signed last"),
    ] = None,
    _json: AsJson = False,
) -> None:
    """Write a file by which anybody can check the events of a run, without this store and without flowledger.

    It has the run's events, and is as private as they are. check_proof.py, which comes with flowledger, checks it.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger:
        run_id = find_run(ledger, run)
        proof = ledger.evidence.prove(run_id, None if at is None else read_text(Path(at)))
    file = out or f"{run_id}.proof"
    write_file(Path(file), proof)
    session.answer(
        {"runId": run_id, "file": file, "bytes": len(proof)},
        lambda console: print_line(console, f"the proof of run {run_id}, {len(proof):,} bytes, is in {file}"),
        written=file,
    )


@app.command()
def ask(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The checkpoint that a witness is to sign, too.")],
    seen: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The last one that the witness has signed.", show_default="it has seen none"),
    ] = None,
    _json: AsJson = False,
) -> None:
    """Print what a witness is asked with to sign a checkpoint of this store, too.

    It shows that what the witness has signed last is still there, as it was. The witness takes it with evidence cosign.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger:
        known = None if seen is None else read_text(Path(seen))
        request = ledger.evidence.ask_witness(read_text(Path(file)), known)

    session.answer({"request": request}, lambda console: _print_lines(console, request))


@app.command()
def cosign(
    context: typer.Context,
    request: Annotated[str, typer.Argument(metavar="FILE", help="What evidence ask has printed.")],
    key: Annotated[
        str,
        typer.Option(
            metavar="FILE", envvar="FLOWLEDGER_WITNESS_KEY", help="The private key that keygen --witness made."
        ),
    ],
    log: Annotated[str, typer.Option(metavar="KEY", help="The public key of the other store, or a file with it.")],
    seen: Annotated[str, typer.Option(metavar="FILE", help="Keeps what was signed so: a file for each other store.")],
    _json: AsJson = False,
) -> None:
    """Sign another store's checkpoint as its witness, and print it with that signature below the others.

    Only what is shown to hold all that was signed before is signed: nobody gets two histories past a witness.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger:
        signed = ledger.evidence.cosign(read_text(Path(request)), key, log, seen)
    session.answer(row_document(signed), lambda console: _print_lines(console, signed.text), written=seen)


@app.command()
def stamp(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A checkpoint, in a file of its own.")],
    authority: Annotated[str, typer.Option(metavar="URL", help="The address of an authority (RFC 3161).")],
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="A new file for its answer.", show_default="FILE.tsr")
    ] = None,
    certificates: AuthorityCertificates = None,
    _json: AsJson = False,
) -> None:
    """Have an authority say by its own clock that a checkpoint was there, and keep what it answers beside it.

    It is told a hash, and nothing else. Without --authority-certificate, whose signature it is isn't looked at.
    """
    from ....services.evidence.stamps import make_stamp

    session, place = Session.of(context), out or f"{file}.tsr"
    stamped = make_stamp(read_text(Path(file)), authority, place, certificates)
    if certificates is None:
        print("whose stamp it is was not looked at: give --authority-certificate", file=sys.stderr)
    session.answer(
        {"file": place, "at": stamped.at.isoformat()},
        lambda console: print_line(console, f"stamped at {clock_time(stamped.at)}: {place}"),
        written=place,
    )


@app.command()
def check(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A checkpoint that was kept elsewhere, or several.")],
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="The line that keygen printed, or a file with it: it must have signed; further lines: witnesses.",
        ),
    ] = None,
    stamp: Annotated[
        str | None, typer.Option("--stamp", metavar="FILE", help="Its time stamp, which evidence stamp has kept.")
    ] = None,
    certificates: AuthorityCertificates = None,
    _json: AsJson = False,
) -> None:
    """Read all events again, and say whether the store still holds what it held at a checkpoint, unchanged.

    Exits with 1 if it doesn't, and names what was changed, cut off or forked, as far as what is left says it.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger, progress_counter("events read") as progress:
        report = ledger.evidence.check(read_text(Path(file)), key, progress, stamp=stamp, certificates=certificates)
    if not report.ok:
        session.exit_code = 1
    if key is None:
        print("signatures were not looked at: give --key", file=sys.stderr)
    document = {"ok": report.ok, **row_document(report)}
    session.answer(document, lambda console: _print_report(console, report))


def _print_lines(console: Console, text: str) -> None:
    for line in text.splitlines():
        print_line(console, line)


def _print_report(console: Console, report: ConsistencyReport) -> None:
    signed = f"{report.size:,} events of {report.origin}"
    if report.ok:
        print_line(console, f"{signed} were signed, {report.events:,} are here: all of them are here, as they were")
    elif {finding.kind for finding in report.findings} <= {"signature", "stamp"}:
        print_line(
            console, f"the checkpoint of {signed} lacks a signature or stamp that is asked for: no event was read"
        )
    else:
        print_line(console, f"{signed} were signed, {report.events:,} are here: not all as they were")
    if report.stamped_at is not None:
        print_line(console, f"an authority has seen the checkpoint at {clock_time(report.stamped_at)}")
    for history in report.ended:
        at = clock_time(history.signed_at)
        print_line(console, f"before, {history.size:,} events were signed, and ended: {history.reason} (signed {at})")
    for removed in report.removed:
        where = f", archived to {removed.archive}" if removed.archive else ""
        what = f"{what_goes(removed.runs, removed.workflows)} with {removed.events:,} events"
        what += " were removed under a retention policy"
        print_line(console, f"{what} at {clock_time(removed.at)} by {removed.by}{where}: their hashes are as signed")
    for finding in report.findings:
        place = f"{finding.stream} event {finding.version}: " if finding.stream else ""
        print_line(console, f"{finding.kind}: {place}{finding.message}")
