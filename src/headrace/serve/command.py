"""The command `headrace serve`: a bundle, an address, tokens, and the log of predictions."""

import dataclasses
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.bundle.model_service import Champion, Service
from headrace.errors import HeadraceError, nearest
from headrace.prediction_log import journal
from headrace.serve.prometheus import ServerMetrics
from headrace.serve.tokens import MAKE_TOKENS, Tokens

if TYPE_CHECKING:
    import socket

    import uvicorn

    from headrace.core.project import Project

LOOPBACK = ("127.0.0.1", "::1", "localhost")
LOG_FOLDER = "data/served"
"""Where a study keeps its log of predictions; git ignores it."""
DEFAULT_LOG_DAYS = 90
MAX_LOG_DAYS = 3650
BACKLOG = 128
SWITCH_SECONDS = 0.001
"""Python's thread switch interval: short, so that requests are read while the model works."""
GRACE_SECONDS = 35
"""For requests under way when the server stops: longer than the middleware gives any answer."""


@dataclass(frozen=True)
class Options:
    """The options of `headrace serve`, by their names on the command line."""

    source: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    tokens: str = ""
    insecure: bool = False
    log: str = ""
    log_days: int | None = None
    no_log: bool = False
    log_never: tuple[str, ...] = ()


def with_study_log(project: "Project", options: Options) -> Options:
    """Return the options with what `serve` of params.yaml says of the log where they leave it open.

    `log_never` holds for every folder; the command line can only add to it.

    Errors:
        ParameterError: params.yaml breaks the typed model.
    """
    from headrace.core import parameters
    from headrace.core.stage import PARAMS

    written, _ = parameters.load_for(project, [])
    block = written.get(PARAMS, {}).get("serve")
    if options.no_log or not isinstance(block, dict) or not (options.log or block.get("log")):
        return options
    return dataclasses.replace(
        options,
        log=options.log or str(project.root / LOG_FOLDER),
        log_days=block.get("log_days") if options.log_days is None else options.log_days,
        log_never=(*dict.fromkeys([*options.log_never, *block.get("log_never", [])]),),
    )


def run(load: Callable[[], Champion], options: Options) -> None:
    """Serve what `load` returns until a signal to stop; a reload calls `load` again.

    Errors:
        HeadraceError: the bundle is refused, or an option is wrong.
    """
    tokens, metrics = _tokens(options), ServerMetrics()
    service = Service(with_log_check(load, options), metrics.count_reload)
    _listen(service, metrics, tokens, options)


def _tokens(options: Options) -> Tokens | None:
    if options.tokens:
        return Tokens(Path(options.tokens))
    if options.host not in LOOPBACK and not options.insecure:
        raise HeadraceError(
            f"On {options.host} anybody could ask, and there are no tokens. Next: {MAKE_TOKENS};"
            " then --tokens tokens; or --insecure behind a guard"
        )
    return None


def with_log_check(load: Callable[[], Champion], options: Options) -> Callable[[], Champion]:
    """Return `load` that refuses a bundle without an input that --log-never names.

    Errors:
        HeadraceError: --log-days is out of range.
    """
    if options.log_days is not None and not 1 <= options.log_days <= MAX_LOG_DAYS:
        raise HeadraceError(
            f"Predictions cannot be logged for {options.log_days} days. Next: --log-days with 1 to"
            f" {MAX_LOG_DAYS:,}, or --no-log"
        )

    def checked() -> Champion:
        champion = load()
        inputs = champion.schema["properties"]
        for name in options.log_never if options.log else ():
            if name not in inputs:
                raise HeadraceError(
                    f"{name!r} is never to be logged, and is no input of {champion.label}."
                    f"{nearest(name, inputs)} Next: fix serve.log_never in params.yaml, or"
                    " --log-never"
                )
        return champion

    return checked


def _listen(
    service: Service, metrics: ServerMetrics, tokens: Tokens | None, options: Options
) -> None:
    import uvicorn

    from headrace.serve import app, connections

    sys.setswitchinterval(SWITCH_SECONDS)
    config = uvicorn.Config(
        "",  # the application is made below, once the address is ours
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # or a header could claim to come from this machine
        backlog=BACKLOG,
        http=connections.LimitedProtocol,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server, sock = connections.Server(config), _bind(config, options)
    # uvicorn answers what is under way, then raises the signal again: exit in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, lambda *_: _reload(service))
    sock.listen(BACKLOG)  # so that a client that reads the line below can connect at once
    with _log(options) as log:
        local = tokens is None and not options.insecure
        config.app = app.create(service, metrics, tokens, log, local=local)
        print(f"{service.champion.label} answers on http://{_address(sock)}", flush=True)
        server.run([sock])


def _bind(config: "uvicorn.Config", options: Options) -> "socket.socket":
    try:
        return config.bind_socket()
    except SystemExit:  # uvicorn has printed why
        step = "Next: --port with another number, or 0 for any that is free"
        raise HeadraceError(f"Cannot listen on {options.host}:{options.port}. {step}") from None


def _address(sock: "socket.socket") -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _log(options: Options) -> AbstractContextManager[journal.Journal | None]:
    """Return a context in which predictions are logged, where they are to be."""
    if not options.log:
        return nullcontext()
    days = DEFAULT_LOG_DAYS if options.log_days is None else options.log_days
    return journal.open_journal(Path(options.log), days, frozenset(options.log_never))


def _reload(service: Service) -> None:
    """Load the bundle again in a thread, beside the requests that are under way."""

    def work() -> None:
        problem = service.reload()
        print(problem or f"{service.champion.label} has taken over", flush=True)

    threading.Thread(target=work, daemon=True).start()
