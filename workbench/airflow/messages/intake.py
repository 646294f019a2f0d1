"""What messages say, done: the files they name brought into landing, the runs they ask for started."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from tenacity import retry, retry_if_not_exception_type, stop_after_attempt, wait_exponential

from workbench.errors import UsageError, WorkbenchError
from workbench.settings import Settings, get_settings

if TYPE_CHECKING:
    from airflow.sdk import Context

_OVERLAP = timedelta(minutes=10)
# Airflow maps a task to 1,024 values at most.
_AT_ONCE = 500


class _TakesMessages(BaseOperator):
    """Works through the events of the messages that it hasn't seen.

    Airflow folds events that come together into one run, and says of a run only which events its scheduler saw then; so
    what is new is asked of all events, and how far it got is kept with the asset.

    Args:
        messages: the asset whose events are messages.
    """

    def __init__(self, *, messages: Asset, **kwargs: Any) -> None:
        super().__init__(inlets=[messages], **kwargs)
        self.messages = messages

    def new(self, context: Context) -> list[dict[str, Any]]:
        """Return what the new messages say, each once, the oldest first."""
        seen = self._seen(context)
        events = context["inlet_events"][self.messages].ascending().limit(_AT_ONCE + len(seen["ids"]))
        if seen["until"]:
            # An event may be stored after a later one.
            since = datetime.fromisoformat(seen["until"]) - _OVERLAP
            events = events.after(since.isoformat())
        self._latest = [(event.timestamp.isoformat(), event.extra["payload"]) for event in events]
        return list(
            {
                payload["message_id"]: payload
                for _, payload in self._latest
                if payload["message_id"] not in seen["ids"]
            }.values()
        )

    def done(self, context: Context) -> None:
        """Note that what :meth:`new` returned is done."""
        if not self._latest:
            return
        until = self._latest[-1][0]
        since = datetime.fromisoformat(until) - _OVERLAP
        ids = [payload["message_id"] for at, payload in self._latest if datetime.fromisoformat(at) >= since]
        self._store(context).set(self.task_id, {"until": until, "ids": ids})

    def _seen(self, context: Context) -> dict[str, Any]:
        found = self._store(context).get(self.task_id)
        return found if isinstance(found, dict) else {"until": None, "ids": []}

    def _store(self, context: Context) -> Any:
        return context["asset_state_store"][self.messages]


class TakeFiles(_TakesMessages):
    """Brings the files that messages name into landing; skipped if that was nothing, so that nothing runs for it.

    Those that can't be taken are handed on as ``refused``, each with the reason.
    """

    def execute(self, context: Context) -> int:
        """Bring the files of all new messages; return how many are in landing."""
        settings, refused, brought = get_settings(), list[str](), 0
        while messages := self.new(context):
            for uri in dict.fromkeys(uri for each in messages for uri in each.get("files", ())):
                try:
                    brought += _bring(uri, settings)
                except Exception as problem:
                    # Whatever it is, it is of this file; the others go on.
                    reason = str(problem) if isinstance(problem, WorkbenchError) else repr(problem)
                    self.log.error("%s: %s", uri, reason)
                    refused.append(f"{uri}: {reason}; load it with: workbench load {uri}")
            self.done(context)
        context["ti"].xcom_push(key="refused", value=refused)
        if not brought:
            raise AirflowSkipException("no file to take in")
        self.log.info("%d files are in landing", brought)
        return brought


class Refuse(BaseOperator):
    """Fails if files were refused, and says why: they were named by messages that are gone."""

    def __init__(self, *, source: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = source

    def execute(self, context: Context) -> None:
        """Fail if there is anything to tell."""
        refused = context["ti"].xcom_pull(task_ids=self.source, key="refused") or []
        if refused:
            raise AirflowFailException("; ".join(refused))


class RequestedRuns(_TakesMessages):
    """Returns what new messages ask for, each as the arguments of an operator that starts the run.

    One id is one run, whichever message it comes with.
    """

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the arguments, of some hundred runs at most: the next message has the others looked at."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        while len(found) < _AT_ONCE and (messages := self.new(context)):
            for each in messages:
                if "pipeline" in each:
                    arguments = _requested(each)
                    found[arguments["trigger_run_id"], arguments["trigger_dag_id"]] = arguments
            self.done(context)
        return list(found.values())


def _requested(message: dict[str, Any]) -> dict[str, Any]:
    identity = message.get("id") or message["message_id"]
    readable = identity if identity.replace("-", "").replace("_", "").isalnum() else ""
    name = readable or hashlib.sha256(identity.encode()).hexdigest()[:32]
    return {
        "trigger_dag_id": message["pipeline"],
        "trigger_run_id": f"request__{name}",
        "conf": message.get("parameters") or {},
    }


@retry(
    retry=retry_if_not_exception_type(UsageError),
    stop=stop_after_attempt(3),
    wait=wait_exponential(2),
    reraise=True,
)
def _bring(uri: str, settings: Settings) -> bool:
    """Bring a file into landing; return whether it is one. What passes is tried again."""
    from workbench.worker.arrivals import arrive

    return arrive(uri, settings) is not None
