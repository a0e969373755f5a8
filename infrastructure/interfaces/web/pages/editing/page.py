"""Editing the latest version of a workflow: steps, edges, what is said of the whole; saving it, live or as a draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ......domain.errors import Fault, IllegalTransition, InvalidDefinition
from ......domain.visible import quoted
from ......domain.workflow import StaleVersion, WorkflowSnapshot
from ..page import Page, Redirect, Refused, Shown
from ..query import check_names, text
from .acts import Change, apply_act, read_part
from .merging import merge_view
from .view import EditPage, show
from .working_copy import WorkingCopy, begin, read_copy

if TYPE_CHECKING:
    from ...requests import Call


def load(call: Call) -> EditPage:
    """The latest version, to be edited.

    Raises WorkflowNotFound, VersionNotFound, InvalidRequest, IllegalTransition (the workflow is archived).
    """
    check_names(call.query, ("step",))
    workflow = call.ledger.workflows.get(call.part("id"))
    _refuse_archived(workflow)
    return show(call, begin(workflow.version, workflow.definition), text(call.query, "step"))


def _refuse_archived(workflow: WorkflowSnapshot) -> None:
    if workflow.archived:
        raise IllegalTransition(f"workflow {quoted(workflow.workflow_id)} is archived: restore it before it is edited")


@dataclass(frozen=True, slots=True)
class _Saving:
    """A save that was asked for."""

    copy: WorkingCopy
    """What is to be stored."""
    message: str | None
    draft: bool

    def store(self, call: Call, expected: int) -> WorkflowSnapshot:
        """Raises StaleVersion, InvalidDefinition, IllegalTransition."""
        workflows, workflow_id = call.ledger.workflows, call.part("id")
        key = self.copy.idempotency_key(self.message, draft=self.draft)
        return workflows.save(
            self.copy.definition,
            workflow_id=workflow_id,
            by=call.by,
            message=self.message,
            expected_version=expected,
            draft=self.draft,
            idempotency_key=key,
        )


def act(call: Call) -> Redirect | Refused | Shown:
    """Do what the button says: change a part, look at another one, save.

    Raises WorkflowNotFound, VersionNotFound, InvalidRequest.
    """
    form = call.form
    copy, done = read_copy(form), form.get("do", "apply")
    message = form.get("message", "").strip()
    if done.startswith("merge"):
        return _merge(call, copy, done, message)
    step = form.get("step") or None
    read = read_part(copy, step, form)
    if read.faults:
        page = show(call, copy, step, message=message, typed=form, wrong=read.faults)
        return Refused(page)
    if done not in ("save", "draft"):
        changed = apply_act(read, done, form)
        if changed.fault is not None:
            return Refused(show(call, changed.copy, changed.step, message=message, typed=form, new_fault=changed.fault))
        return Shown(show(call, changed.copy, changed.step, message=message))
    return _save(call, read, _Saving(read.copy, message or None, done == "draft"))


def _save(call: Call, read: Change, saving: _Saving) -> Redirect | Refused:
    copy = saving.copy
    if not copy.changes_since(_base(call, copy)) and (saving.draft or _is_live(call, copy)):
        return Redirect(call.links("workflow", id=call.part("id"), step=read.step), "Nothing was changed, or stored.")
    try:
        saved = saving.store(call, copy.base)
    except StaleVersion:
        return _ask(call, copy, saving.message or "", 409)
    except (InvalidDefinition, IllegalTransition) as error:
        faults, status = _faults_of(error)
        page = show(call, copy, read.step, message=saving.message or "", faults=faults, refused=True)
        return Refused(page, status)
    return _lead_to(call, saved, read.step)


def _base(call: Call, copy: WorkingCopy) -> Mapping[str, Any]:
    return call.ledger.workflows.get(call.part("id"), copy.base).definition.to_data()


def _is_live(call: Call, copy: WorkingCopy) -> bool:
    return call.ledger.workflows.get(call.part("id"), copy.base).is_live


def _faults_of(error: InvalidDefinition | IllegalTransition) -> tuple[tuple[Fault, ...], int]:
    if isinstance(error, InvalidDefinition):
        return tuple(error.faults), 422
    return (Fault("", str(error)),), 409


def _lead_to(call: Call, saved: WorkflowSnapshot, step: str | None) -> Redirect:
    known = any(node.id == step for node in saved.definition.nodes)
    said = f"Saved as version {saved.version}, " + ("live." if saved.is_live else "a draft.")
    return Redirect(call.links("workflow", id=saved.workflow_id, step=step if known else None), said)


def _merge(call: Call, copy: WorkingCopy, done: str, message: str) -> Redirect | Refused | Shown:
    """Save what was merged, once everything is chosen; or go on editing it."""
    view = merge_view(call, copy, call.form)
    merged = copy.with_definition(view.merged.definition)
    if done == "merge-edit":
        return Shown(show(call, _on(merged, view.theirs.version), None, message=message))
    if view.open or view.again:
        return _ask(call, copy, message, 409 if view.again else 422, refused=not view.again)
    saving = _Saving(_on(merged, view.theirs.version), message or None, done == "merge-draft")
    try:
        saved = saving.store(call, view.theirs.version)
    except StaleVersion:
        return _ask(call, copy, message, 409)
    except (InvalidDefinition, IllegalTransition) as error:
        faults, status = _faults_of(error)
        return Refused(show(call, copy, None, message=message, faults=faults, merge=view, refused=True), status)
    return _lead_to(call, saved, None)


def _on(copy: WorkingCopy, base: int) -> WorkingCopy:
    return WorkingCopy(base, copy.definition, copy.key)


def _ask(call: Call, copy: WorkingCopy, message: str, status: int, *, refused: bool = False) -> Refused:
    view = merge_view(call, copy, call.form)
    return Refused(show(call, copy, None, message=message, faults=(), merge=view, refused=refused), status)


def to_document(page: EditPage) -> dict[str, Any]:
    """What is edited, and the version that it is based on."""
    return {
        "workflowId": page.workflow.workflow_id,
        "version": page.workflow.version,
        "definition": page.copy.definition,
    }


PAGES: Final = (Page("/workflows/{id}/edit", "edit", "editor", load, "edit.html", to_document, act, "editor"),)
