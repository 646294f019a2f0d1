"""The process of the local AWS: ``python -m workbench.aws.local.server PORT FILE [PARENT]``.

It listens on 127.0.0.1, writes the port to FILE once it answers, and ends with its parent process. The key that
opens it comes in the variables of `KEY`, which nobody else sees.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from workbench.aws.local.door import KEY, Door, Key
from workbench.files import write_text


def main(port: int, port_file: Path, key: Key, parent: int | None = None) -> None:
    """Serve those who know the key, until SIGTERM, SIGINT, or the end of the parent."""
    from moto.core.config import default_user_config
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    from workbench.aws.local import events, functions, machines, queues, tasks

    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", port, Door(app, key), threaded=True, request_handler=MotoRequestHandler)
    # Step Functions and functions find the server by this variable.
    os.environ["MOTO_PORT"] = str(server.server_port)
    # Clients inside of the server must not go to another AWS that the environment names.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    url = f"http://127.0.0.1:{server.server_port}"
    tasks.install(url, key)
    functions.install(url, key)
    machines.install(key)
    events.install()
    queues.install()

    def stop(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    if parent is not None:
        threading.Thread(target=_outlive, args=(parent, server.shutdown), daemon=True).start()
    write_text(port_file, str(server.server_port))
    server.serve_forever()
    tasks.end_all()
    functions.clean()
    # Threads of state machines that still wait would keep the process.
    os._exit(0)


def _outlive(parent: int, shutdown: object) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    if callable(shutdown):
        shutdown()


if __name__ == "__main__":
    main(
        int(sys.argv[1]),
        Path(sys.argv[2]),
        # What it starts must not inherit them.
        Key(*(os.environ.pop(name) for name in KEY)),
        int(sys.argv[3]) if len(sys.argv) > 3 else None,
    )
