"""The kernel in which forked notebooks run: ipykernel's own in all but its sockets, which a pipe stands for."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import uuid
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ipykernel.displayhook import ZMQDisplayHook
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.shellchannel import ShellChannelThread
from IPython.paths import get_ipython_dir
from jupyter_client.session import Session
from jupyter_core.paths import jupyter_runtime_dir
from tornado.ioloop import IOLoop
from traitlets import Type, default

from workbench.execution.kernels.fork.compiler import Compiler
from workbench.execution.kernels.fork.session import PipeSession, PipeThread
from workbench.execution.kernels.fork.streams import OutStream

_IDENTITY = [b"workbench"]
# A history's writer is a thread, and a notebook that runs once needs none. Libraries look for the connection
# file among the settings to tell a notebook.
_HISTORY = ("--HistoryManager.enabled=False", "--HistoryManager.hist_file=:memory:")
_ARGUMENTS = [*_HISTORY, "--quiet", "-f", os.devnull]


class PipeKernel(IPythonKernel):
    """A kernel that is handed its requests. What only sockets need is made when somebody asks for it."""

    compiler_class = Type(Compiler)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._execute_sleep = 0.0

    @default("shell_stream")
    def _make_shell_stream(self) -> Any:
        import zmq
        from zmq.eventloop.zmqstream import ZMQStream

        return ZMQStream(zmq.Context.instance().socket(zmq.ROUTER), self.io_loop)

    @default("shell_channel_thread")
    def _make_shell_channel_thread(self) -> Any:
        return _Channel(self)

    @classmethod
    def instance(cls, *args: Any, **options: Any) -> Any:
        """Return the kernel; one that is there already takes the given sockets."""
        made = cls.initialized()
        kernel = super().instance(*args, **options)
        if made:
            for name, value in options.items():
                if value is not None and name != "parent":
                    setattr(kernel, name, value)
        return kernel

    def use_sockets(self) -> None:
        """Talk by the sockets it was given, and let a debugger in."""
        shell: Any = self.shell
        for part in (shell.displayhook, shell.display_pub):
            part.session, part.pub_socket = self.session, self.iopub_socket
        self._execute_sleep = type(self)._execute_sleep.default_value
        if hasattr(self, "debugger"):
            self.debugger = self.debugger_class(
                self.log, self.debugpy_stream, self._publish_debug_event, self.debug_shell_socket, self.session,
                self._kernel_modules, self.debug_just_my_code, self.filter_internal_frames,
            )  # fmt: skip

    def enter_eventloop(self) -> None:
        """Do nothing without sockets: a window that nobody sees has no events."""
        if not isinstance(self.session, PipeSession):
            super().enter_eventloop()

    async def run_cell(self, source: str) -> dict[str, Any]:
        """Run a cell; return the content of its reply."""
        session: Any = self.session
        content = {
            "code": source, "silent": False, "store_history": True, "user_expressions": {},
            "allow_stdin": False, "stop_on_error": False,
        }  # fmt: skip
        request = session.msg("execute_request", content) | {"buffers": []}
        session.reply = {}
        self.set_parent(_IDENTITY, request, channel="shell")
        self.pre_handler_hook()
        try:
            await self.execute_request(None, _IDENTITY, request)
        finally:
            self.post_handler_hook()
            _flush()
        return dict(session.reply)

    def take_comm(self, content: dict[str, Any]) -> None:
        """Tell a widget what a client did to it."""
        session: Any = self.session
        message = session.msg("comm_msg", content) | {"buffers": []}
        self.set_parent(_IDENTITY, message, channel="shell")
        self.shell_handlers["comm_msg"](None, _IDENTITY, message)
        _flush()


class _Channel(ShellChannelThread):
    """The thread through which a kernel's other shells are reached; it isn't started, as there are none."""

    def __init__(self, kernel: PipeKernel) -> None:
        super().__init__(None, daemon=True)  # type: ignore[arg-type]
        self._kernel = kernel
        self.parent_thread = threading.main_thread()

    @property
    def manager(self) -> Any:
        """What lists the other shells."""
        if self.shell_stream is None:
            import zmq

            self._zmq_context = zmq.Context.instance()
            self.shell_stream = self._kernel.shell_stream
        return super().manager


class PipeApp(IPKernelApp):
    """The application of such a kernel. Its connection file, which leads nowhere, is written when asked for."""

    kernel: PipeKernel
    iopub_thread: PipeThread
    shell: Any

    def initialize(self, argv: Any = None) -> None:
        """Make kernel and shell, in the process that others are forked from."""
        super(IPKernelApp, self).initialize(argv)
        self.init_pdb()
        self.session = PipeSession(parent=self)
        self.iopub_thread = PipeThread(self.session)
        self.iopub_socket = self.iopub_thread.background_socket
        self.configure_tornado_logger()
        sys.stdout = OutStream(self.session, self.iopub_thread, "stdout", 1)
        sys.stderr = OutStream(self.session, self.iopub_thread, "stderr", 2)
        self.displayhook = sys.displayhook = ZMQDisplayHook(self.session, self.iopub_socket)
        self.patch_io()
        self.kernel = PipeKernel.instance(
            parent=self,
            session=self.session,
            iopub_thread=self.iopub_thread,
            iopub_socket=self.iopub_socket,
            log=self.log,
            profile_dir=self.profile_dir,
            user_ns=self.user_ns,
        )
        self.displayhook.get_execution_count = lambda: self.kernel.execution_count
        self.init_shell()
        for extension in self.default_extensions:
            self.shell.extension_manager.load_extension(extension)

    def flush(self) -> None:
        """Make ready for a notebook, in the process that runs it and within its event loop."""
        self._move()
        path = str(Path(jupyter_runtime_dir()) / f"kernel-{uuid.uuid4()}.json")
        self.connection_file = self.config.IPKernelApp.connection_file = path
        sys.argv = [self._launcher(), "-f", path]
        loop = IOLoop.current()
        self.io_loop = self.kernel.io_loop = self.iopub_thread.io_loop = loop
        self._begin()

    def connect(self, arguments: Sequence[str], parent: int) -> None:
        """Be an ordinary kernel with sockets, in a process of its own; ``start`` then serves.

        ``arguments`` are those of ``python -m ipykernel_launcher``; it ends with ``parent``.
        """
        sys.argv = [self._launcher(), *arguments]
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        self.connection_dir = jupyter_runtime_dir()
        for section in ("HistoryManager", "Application", "IPKernelApp"):
            self.config.pop(section, None)
        self.log_level = logging.WARNING
        # It doesn't take itself for one that a person started at a terminal.
        self.parse_command_line([*arguments, f"--IPKernelApp.parent_handle={parent}"])
        self.session = Session(parent=self)
        self.init_connection_file()
        self.init_poller()
        self.init_sockets()
        self.init_heartbeat()
        self.write_connection_file()
        self.log_connection_info()
        for handler in self.log.handlers:
            handler.setStream(sys.__stderr__)
        self.init_io()
        self.init_signal()
        self.kernel_class = PipeKernel
        self.init_kernel()
        self.kernel.use_sockets()
        self._remember()
        self._begin()

    def _move(self) -> None:
        """Have the folder for IPython that the environment names; the parent, which may serve several homes, has its own."""
        with warnings.catch_warnings():
            # That there is none yet isn't for the notebook to show.
            warnings.simplefilter("ignore")
            folder = get_ipython_dir()
        if folder != self.ipython_dir:
            self.ipython_dir = self.shell.ipython_dir = folder
            self.profile_dir = None
            self.init_profile_dir()
            self.shell.profile_dir = self.kernel.profile_dir = self.profile_dir

    def _remember(self) -> None:
        """Have a history of its own, under the names that cells know it by."""
        self.shell.init_history()
        history = self.shell.history_manager
        inputs, outputs = history.input_hist_parsed, history.output_hist
        self.shell.user_ns |= {
            "In": inputs,
            "_ih": inputs,
            "Out": outputs,
            "_oh": outputs,
            "_dh": history.dir_hist,
        }

    def _begin(self) -> None:
        self.init_path()
        self.shell.init_environment()
        if name := os.environ.get("JPY_SESSION_NAME"):
            self.shell.user_ns["__session__"] = name
        self.init_gui_pylab()
        self.init_extensions()
        self.init_code()
        _flush()

    @default("connection_dir")
    def _write_connection_file(self) -> str:
        import atexit

        from jupyter_client.connect import write_connection_file

        Path(self.connection_file).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_connection_file(self.connection_file, key=uuid.uuid4().hex.encode())
        atexit.register(Path(self.connection_file).unlink, missing_ok=True)
        return str(Path(self.connection_file).parent)

    @staticmethod
    def _launcher() -> str:
        import ipykernel

        return str(Path(ipykernel.__file__).parent.with_name("ipykernel_launcher.py"))


def make_app(debugger: bool = False) -> PipeApp:
    """Return this process's kernel application, and make its streams the standard ones.

    Without sockets nobody can attach a ``debugger``, whose import takes longer than all else here.
    """
    with contextlib.nullcontext() if debugger else _absent("debugpy"):
        app: PipeApp = PipeApp.instance()
        app.initialize(_ARGUMENTS)
    # What it needs for its first cell it has already.
    app.shell.transform_cell("%who\n!ls")
    app.shell.display_formatter.format(None)
    import_module("tornado.platform.asyncio")
    return app


@contextlib.contextmanager
def _absent(module: str) -> Iterator[None]:
    """Have a module not found while others are imported."""
    missing: dict[str, Any] = {module: None} if module not in sys.modules else {}
    sys.modules.update(missing)
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
