"""``ledger.evidence``: signed checkpoints of the store, proofs of its runs, and what an earlier checkpoint shows."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ....domain.errors import InvalidRequest, StorageCorrupt
from ....domain.evidence.checkpoint import EndedTree, SignedCheckpoint, TreeHead, to_checkpoint
from ....domain.evidence.report import ConsistencyFinding, ConsistencyReport, TimeStamp
from ....domain.evidence.signed_note import COSIGNER, ED25519, SignedNote
from ....domain.evidence.tiles import TilesMissing
from ....domain.live import Unpicklable
from ....domain.values.clock import moment
from ....domain.values.names import check_name, check_run_id
from ....domain.visible import quoted
from ....projections.audit.check import AuditCheck
from ...concurrency.async_variants import run_in_thread
from ...concurrency.threads import Threads
from ...files.paths import to_path
from ...queries.tree.follower import EventTree, tree_damaged
from ...storage.tree_table import TreeTable
from .filed import Filed, check_filed, parse_filed
from .notes import find_unsigned, read_note, read_notes, since_last_end, text_of
from .publishing import Destination, last_in_file, publish

if TYPE_CHECKING:
    from ...concurrency.regular import RegularAct
    from ...storage.event_store import LedgerEventStore
    from ..history.audit import Auditor
    from .stamps import Authority


_log = logging.getLogger("flowledger.evidence")


class Evidence(Unpicklable):
    """``ledger.evidence``: sign checkpoints, prove runs, check the store against an earlier checkpoint."""

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(self, store: "LedgerEventStore", now: Callable[[], int], threads: Threads, auditor: "Auditor") -> None:
        self._store = store
        self._auditor = auditor
        self._now = now
        self._threads = threads

    def keygen(self, path: str | Path, name: str, *, witness: bool = False) -> str:
        """Make a key to sign with, in a new file that only its owner may read, and return the line to check with.

        ``name`` stands in every checkpoint, as its origin: one that says whose store it is, such as a host and a path
        (``example.com/orders``), without blanks and ``+``. Give the returned line to those who check. ``witness=True``:
        the key of a witness, which signs what others have signed (``cosign``), and nothing else.

        Raises InvalidRequest (a file is there, the name can't be one, or the extra ``evidence`` isn't installed),
        StorageUnavailable.
        """
        from .keys import make_key

        return make_key(to_path(path), name, COSIGNER if witness else ED25519)

    def checkpoint(
        self,
        key: str | Path,
        to: Destination | None = None,
        *,
        new_key: bool = False,
        ended: str | None = None,
    ) -> SignedCheckpoint:
        """Sign how many events the store has, and the root of the tree over them.

        ``key``: a file that ``keygen`` has written, or its line. ``to``: a file that it is added to, or a function that
        is called with it. Keep it, or only its ``text``, where who can write to the store can't. The store keeps a
        copy, for ``prove``. ``new_key=True`` lets another key sign than the one that has signed the last checkpoint.

        A store that was restored, or failed over, may lack events of the last checkpoint, that in the store or that in
        the file; then nothing is signed. ``ended`` is the reason, in one line: the checkpoint says that the history of
        that one has ended so, and begins another one, which ``check`` tells to whoever reads the file of both.

        Takes in the events since the last time first. Raises InvalidRequest (the key can't be used, or is another one
        than last time; the clock is before the last checkpoint; ``ended`` is given where nothing has), StorageCorrupt
        (the store isn't as it was at the last checkpoint: ``check`` says more), StoreReadOnly, StorageUnavailable.
        """
        from .keys import read_signing_key

        table, signing = self._table(), read_signing_key(key)
        tree, earlier = EventTree(self._store, table), _signed_before(table, to)
        now, size = self._now(), tree.catch_up().size
        read = tree.read(size)
        try:
            root = read.root()
            first = read.leaf(0) if size else None
        except TilesMissing as error:
            raise tree_damaged(error) from error
        ends = self._end_of([before for before, _ in earlier], tree, size, now, ended)
        for before, note in earlier:
            if not new_key and note.signatures[0].hint != signing.hint:
                raise InvalidRequest(
                    f"the last checkpoint was signed by another key, of {quoted(before.origin)}: use that one, or say "
                    "that another one is meant (new_key=True, --new-key), and give its public key to those who check"
                )
        head = TreeHead(signing.public.name, size, root, now, first, ends)
        text = signing.sign(head.text)
        table.keep_checkpoint(now, size, text)
        signed = to_checkpoint(head, text)
        if to is not None:
            publish(signed, to)
        return signed

    def sign_regularly(
        self,
        key: str | Path,
        to: Destination,
        every: timedelta = timedelta(minutes=10),
        events: int | None = None,
    ) -> "RegularAct":
        """Sign a checkpoint every so often, in a thread of its own, for as long as the block lasts.

        ``key`` and ``to`` are as in ``checkpoint``. ``every``: so much time lies between two. ``events``: also as
        soon as there are so many new ones, looked at once a second. A checkpoint that can't be signed, or handed on, is
        an error in the process's log (``flowledger.evidence``), and is tried again the next time.

        Raises InvalidRequest, StorageUnavailable (the key can't be used).
        """
        from ...concurrency.regular import RegularAct
        from .keys import read_signing_key

        self._table()
        read_signing_key(key)
        if not isinstance(every, timedelta) or every <= timedelta(0) or (events is not None and events < 1):
            raise InvalidRequest("every is a length of time above 0, events a number above 0")
        return RegularAct(
            "flowledger-evidence",
            lambda _: self.checkpoint(key, to),
            every,
            _log,
            "no checkpoint was signed or handed on",
            None if events is None else lambda: self._unsigned() >= events,
            at_the_end=True,
        )

    def _unsigned(self) -> int:
        """How many events were stored since the tree was last brought up to date."""
        return self._store.events_behind(self._table().progress().position)

    def latest(self) -> SignedCheckpoint | None:
        """The checkpoint that was signed last, as the store keeps it. Raises InvalidRequest, StorageUnavailable."""
        text = self._table().last_checkpoint()
        return None if text is None else to_checkpoint(read_note(text)[0], text)

    def prove(self, run_id: str, checkpoint: SignedCheckpoint | str | None = None) -> bytes:
        """A file by which anybody can check, without this store, that the events of a run were signed as they are.

        It holds the run's events, those of the runs that it began with, the saves of their workflows, and for each the
        way to the root that ``checkpoint`` signs (None: the one that was signed last). Events of after that are left
        out. What is in it isn't masked any more than in the store: give it only to those who may read the run.

        Raises RunNotFound, InvalidRequest (no checkpoint was signed yet, or only before the run began),
        StorageCorrupt (an event isn't as it was written, or the tree isn't the one that was signed), StoreReadOnly,
        StorageUnavailable.
        """
        from .proof import collect_proven, write_proof

        check_run_id(run_id)
        table = self._table()
        text = text_of(checkpoint) if checkpoint is not None else table.last_checkpoint()
        if text is None:
            raise InvalidRequest("no checkpoint was signed yet: `flowledger evidence checkpoint` signs one")
        head, _ = read_note(text)
        tree = EventTree(self._store, table)
        try:
            if table.progress().size < head.size:
                tree.catch_up()
            if tree.read(head.size).root() != head.root:
                raise _not_held(head)
            return write_proof(run_id, text, head.size, tree, collect_proven(self._store, run_id))
        except TilesMissing as error:
            raise tree_damaged(error) from error

    def ask_witness(self, checkpoint: SignedCheckpoint | str, seen: SignedCheckpoint | str | None = None) -> str:
        """Return what a witness is asked with to sign a ``checkpoint``, too (C2SP's tlog-witness, ``add-checkpoint``).

        ``seen``: the last one of this store that the witness has signed; None: it has seen none. What is returned shows
        that the events of that one are still there, as they were, among those of the new one.

        Raises InvalidRequest (it is none of this store, or older), StorageCorrupt (the tree isn't the one that was
        signed), StoreReadOnly, StorageUnavailable.
        """
        from .witness import to_request

        text = text_of(checkpoint)
        head, _ = read_note(text)
        old = 0 if seen is None else read_note(text_of(seen))[0].size
        if old > head.size:
            raise InvalidRequest(f"the witness has seen {old:,} events, and the checkpoint is of {head.size:,}")
        table = self._table()
        tree = EventTree(self._store, table)
        if table.progress().size < head.size:
            tree.catch_up()
        read = tree.read(head.size)
        try:
            if read.root() != head.root:
                raise _not_held(head)
            return to_request(text, read, old)
        except TilesMissing as error:
            raise tree_damaged(error) from error

    def cosign(self, request: str, key: str | Path, log: str | Path, seen: str | Path) -> SignedCheckpoint:
        """Sign another store's checkpoint as its witness, and return it with that signature below the others.

        ``request``: what that store's ``ask_witness`` has returned. ``key``: a file that ``keygen(witness=True)`` has
        written. ``log``: the public key of the other store, or a file with it. ``seen``: a file that keeps what was
        signed so, for each log one of its own; a new one is made. Only what is shown to hold all that was signed before
        is signed: so whoever asks for this signature knows that no other history was shown to this witness.

        Raises InvalidRequest (it doesn't go on from what was seen, or isn't signed by ``log``; it is no request; a key
        can't be used), StorageUnavailable.
        """
        from .witness import cosign

        return cosign(request, key, log, to_path(seen, "seen"), self._now)

    def stamp(
        self,
        checkpoint: SignedCheckpoint | str,
        authority: "Authority",
        to: str | Path | None = None,
        certificates: str | Path | None = None,
    ) -> TimeStamp:
        """Have an authority say by its own clock that a checkpoint was there (RFC 3161), and keep what it answers.

        ``authority``: its address, or a function that is given the request (bytes of DER) and returns the answer. It is
        told a hash, and nothing else. ``to``: a new file for the answer, such as ``checkpoint.tsr`` beside
        ``checkpoint``: the form that ``openssl ts -verify`` takes. ``certificates``: a file in PEM with the authority's
        root, and what leads to it, by which the answer is checked before it is kept; without one, whose signature it
        has isn't looked at. With the authority's own certificate in that file, it is asked to leave out its
        certificates, as ``openssl ts -query`` without ``-cert`` does.

        Raises NotStamped (the authority is away, refuses, or answers something else; nothing was written),
        InvalidRequest (it is no checkpoint, or several; no address; a file is there; no certificates; the extra
        ``evidence`` isn't installed), StorageUnavailable (a file). What a function raises is raised.
        """
        from .stamps import make_stamp

        return make_stamp(text_of(checkpoint), authority, to, certificates)

    def check(
        self,
        checkpoint: SignedCheckpoint | str,
        key: str | Path | None = None,
        progress: Callable[[int], object] | None = None,
        *,
        stamp: bytes | str | Path | None = None,
        certificates: str | Path | None = None,
    ) -> ConsistencyReport:
        """Read all events again, and say whether the store still holds what it held at a checkpoint, unchanged.

        ``checkpoint`` is one that was kept elsewhere, or its text, or that of several, as ``to=FILE`` adds them: the
        largest is checked, and older ones narrow down what isn't as it was; those before one that says that their
        history has ended are left out, and told as ``ended``. ``key`` is the public key (the line, or a file with it)
        that must have signed them, or several, a line each: the store's, and those of witnesses; without one,
        signatures aren't looked at. ``progress`` is called now and then with the number of events read: each is read
        twice. ``stamp`` is what an authority has answered, or the file that ``stamp`` has kept it in, and
        ``certificates`` a file with those that vouch for the authority: ``stamped_at`` then says when it has seen the
        checkpoint, to the byte as it is given. They must have been valid then, and may have expired since.

        What was changed, cut off, or forked is named by stream and version, as far as what is left says it. Raises
        InvalidRequest (it is no checkpoint, no key, no certificates; a stamp without certificates, or the other way
        round), StorageUnavailable.
        """
        from ...verification.consistency import compare_with

        if (stamp is None) != (certificates is None):
            raise InvalidRequest(
                "a time stamp is checked by the certificates of the authority: give both (stamp= and certificates=, "
                "--stamp and --authority-certificate)"
            )
        text = text_of(checkpoint)
        notes = read_notes(text)
        heads, ended = since_last_end([head for head, _ in notes])
        findings = [] if key is None else find_unsigned(notes, key)
        stamped_at = None
        if stamp is not None and certificates is not None:
            from .stamps import check_stamp

            found = check_stamp(text, stamp, certificates)
            if isinstance(found, ConsistencyFinding):
                findings.append(found)
            else:
                stamped_at = found
        if findings:
            largest = max(heads, key=lambda head: head.size)
            return ConsistencyReport(largest.origin, largest.size, 0, tuple(findings), stamped_at=stamped_at)
        report = compare_with(self._store, self._table(), heads, progress)
        return replace(report, ended=ended, stamped_at=stamped_at)

    def check_audit(self, filed: Filed, key: str | Path | None = None) -> AuditCheck:
        """Say whether an audit or a report that was filed is what the store says of the run at that version.

        ``filed``: an audit, as it is, as its ``to_data()``, or as JSON; a report (HTML); or the ``Path`` of a file with
        either. It may have been made in another store that the run was moved from, by an export, a dump or a backup.
        Of an audit each value is compared, of a report its digests. ``key``: the public key of the store that must have
        signed the proof that an audit carries, and behind it, a line each, those of witnesses that must have; without
        one, the proof isn't looked at.

        Raises InvalidRequest (it is neither; the key is none; the extra ``evidence`` isn't installed), RunNotFound,
        VersionNotFound (the store doesn't hold the run, or not so much of it), StorageUnavailable.
        """
        read = parse_filed(filed)
        if key is None:
            return check_filed(read, self._auditor, None)
        from .keys import read_verifier_keys

        return check_filed(read, self._auditor, *read_verifier_keys(key))

    def _end_of(
        self, earlier: Sequence[TreeHead], tree: EventTree, size: int, now: int, reason: str | None
    ) -> EndedTree | None:
        """Of what was signed before, the last tree that this one doesn't follow from, where somebody says why."""
        for before in earlier:
            if now < before.time:
                raise InvalidRequest(
                    f"the clock says {moment(now).isoformat()}, and the last checkpoint was signed at "
                    f"{moment(before.time).isoformat()}: set the clock"
                )
        lost = [before for before in earlier if not _follows(before, tree, size)]
        if reason is None:
            if lost:
                raise _not_signed(lost[0])
            return None
        if not lost:
            raise InvalidRequest(
                "the store holds all that the last checkpoint is of, so nothing has ended: leave out ended (--ended)"
            )
        check_name(reason, "ended")
        if not reason:
            raise InvalidRequest("ended is the reason, in one line")
        last = max(lost, key=lambda before: before.time)
        return EndedTree(last.size, last.root, reason)

    def _table(self) -> TreeTable:
        if self._store.tree is None:
            raise InvalidRequest("a store of your own keeps no tree: evidence needs an SQLite or PostgreSQL store")
        return self._store.tree

    akeygen = run_in_thread(keygen)
    acheckpoint = run_in_thread(checkpoint)
    alatest = run_in_thread(latest)
    aprove = run_in_thread(prove)
    astamp = run_in_thread(stamp)
    aask_witness = run_in_thread(ask_witness)
    acosign = run_in_thread(cosign)
    acheck = run_in_thread(check)
    acheck_audit = run_in_thread(check_audit)


def _signed_before(table: TreeTable, to: Destination | None) -> list[tuple[TreeHead, SignedNote]]:
    """The last checkpoint in the store, and the last in the file that the next one is added to."""
    texts = {table.last_checkpoint()}
    if to is not None and not callable(to):
        texts.add(last_in_file(to_path(to, "to")))
    return [read_note(text) for text in texts if text is not None]


def _follows(before: TreeHead, tree: EventTree, size: int) -> bool:
    try:
        return before.size <= size and tree.read(before.size).root() == before.root
    except TilesMissing:
        return False


def _not_held(head: TreeHead) -> StorageCorrupt:
    return StorageCorrupt(
        f"the tree isn't the one that {quoted(head.origin)} signed when it had {head.size:,} events, at "
        f"{moment(head.time).isoformat()}: it is a checkpoint of another store, or events or tables were changed "
        "since, or the store was restored; `flowledger evidence check` says which"
    )


def _not_signed(head: TreeHead) -> StorageCorrupt:
    return StorageCorrupt(
        f"{_not_held(head)}. Nothing is signed before that is explained, in a line that is signed as well: ended= "
        "(--ended REASON)"
    )
