"""Copy the keys of one store into another: a folder into the keys database, when an installation gets a second host.

Nothing is copied while the two contradict each other, so a copy that was interrupted can be run again, and a key that
was destroyed in one of them never comes back from the other.
"""

from dataclasses import dataclass

from services.registration.sealing.form_keys import FormKeys, KeyGone
from services.registration.sealing.key_store import KeyState, KeyStore
from shared.core.errors import SettingsError


@dataclass(slots=True)
class Copied:
    """How many keys and tombstones were copied, and how many the target had already."""

    keys: int = 0
    tombstones: int = 0
    same: int = 0


def copy_keys(source: KeyStore, target: KeyStore) -> Copied:
    """Copy every key and every tombstone of ``source``, as wrapped; ``source`` is not changed.

    Raises:
        SettingsError: a form has another key in ``target``, or was destroyed in one of the two alone, or no master key
            unwraps its key; it lists all of them, and nothing was copied.
    """
    there = {state.form: state for state in target.states()}
    states = source.states()
    if faults := [fault for state in states if (fault := _difference(source, target, state, there.get(state.form)))]:
        raise SettingsError(faults)
    done = Copied()
    for state in states:
        if state.form in there:
            done.same += 1
        elif state.destroyed:
            target.destroy(state.form, state.destroyed)
            done.tombstones += 1
        elif target.put(state.form, source.wrapped(state.form)):
            done.keys += 1
        else:
            raise SettingsError(
                [f"form key {state.form}: another process has made or destroyed it: run the command again"]
            )
    return done


def _difference(source: KeyStore, target: KeyStore, state: KeyState, other: KeyState | None) -> str:
    """Why the key of a form cannot be copied; empty if it can, or if the target has it already."""
    form = state.form
    if not state.destroyed and not state.keys:
        return f"form key {form}: no master key unwraps it"
    if other is None:
        return ""
    if bool(state.destroyed) != bool(other.destroyed):
        where = source.variable if state.destroyed else target.variable
        return f"form key {form}: it was destroyed in {where} alone: run keys destroy with the other one"
    if state.destroyed:
        return ""
    try:
        is_same = FormKeys(source).private_keys(form) == FormKeys(target).private_keys(form)
    except KeyGone:
        return f"form key {form}: no master key unwraps the one in {target.variable}"
    return "" if is_same else f"form key {form}: {target.variable} holds another key than {source.variable}"
