"""``exit()`` and ``quit()``, which IPython turns into a wish that it tells in the reply to their cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WISH = "ask_exit"


def as_system_exit(reply: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a reply says otherwise if its cell called ``exit``: the same as after ``sys.exit``; else nothing.

    What ``exit`` was given is a status, as in plain Python, unless it is IPython's ``keep_kernel``.
    """
    for wish in reply.get("payload") or ():
        if wish.get("source") == WISH and reply.get("status") == "ok":
            status = wish.get("keepkernel")
            is_status = status is not None and not isinstance(status, bool)
            return {"ok": False, "ename": "SystemExit", "evalue": str(status) if is_status else ""}
    return {}
