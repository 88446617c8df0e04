"""The command `headrace serve`: a bundle, an address, and who may ask."""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.bundle.model_service import Champion, Service
from headrace.errors import HeadraceError
from headrace.serve import log_rotation
from headrace.serve.prometheus import Figures
from headrace.serve.tokens import Tokens

if TYPE_CHECKING:
    import socket

    import uvicorn

LOOPBACK = ("127.0.0.1", "::1", "localhost")
BACKLOG = 128
SWITCH_SECONDS = 0.001
"""After which Python's threads take turns: while the model works, others are to be heard soon."""
GRACE_SECONDS = 35
"""For what is under way when the server stops: more than the guard gives any answer."""


def run(load: Callable[[], Champion], args: argparse.Namespace) -> None:
    """Serve what `load` returns until told to stop; it is called again when another takes over.

    Errors:
        HeadraceError: the bundle is refused, or strangers could ask.
    """
    tokens, figures = _tokens(args), Figures()
    service = Service(log_rotation.sparing(load, args), figures.reloaded)
    _listen(service, figures, tokens, args)


def _tokens(args: argparse.Namespace) -> Tokens | None:
    if args.tokens:
        return Tokens(Path(args.tokens))
    if args.host not in LOOPBACK and not args.insecure:
        raise HeadraceError(
            f"On {args.host} anybody could ask, and there are no tokens. Next: headrace token NAME"
            " >> tokens, and headrace serve --tokens tokens; or --insecure, where others keep watch"
        )
    return None


def _listen(
    service: Service,
    figures: Figures,
    tokens: Tokens | None,
    args: argparse.Namespace,
) -> None:
    import uvicorn

    from headrace.serve import app, graceful_shutdown, protocol

    sys.setswitchinterval(SWITCH_SECONDS)

    config = uvicorn.Config(
        "",  # what answers is made below: nothing is opened before the address is ours
        host=args.host,
        port=args.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # or a header would say who asks
        backlog=BACKLOG,
        http=protocol.Patient,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="off",
    )
    server = graceful_shutdown.Server(config)
    bound = _bound(config, args)
    # uvicorn answers what is under way, then sends itself the signal again: so we end in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, lambda *_: _reload(service))
    bound.listen(BACKLOG)  # who asks as soon as the line below is read waits, and is heard
    address, port = bound.getsockname()[:2]
    place = f"[{address}]" if ":" in address else address
    with log_rotation.keeping(args) as journal:
        alone = tokens is None and not args.insecure
        config.app = app.create(service, figures, tokens, journal, alone=alone)
        print(f"{service.champion.label} answers on http://{place}:{port}", flush=True)
        server.run([bound])


def _bound(config: "uvicorn.Config", args: argparse.Namespace) -> "socket.socket":
    try:
        return config.bind_socket()
    except SystemExit:  # uvicorn has said why
        step = "Next: --port with another number, or 0 for any that is free"
        raise HeadraceError(f"{args.host}:{args.port} is not ours to answer on. {step}") from None


def _reload(service: Service) -> None:
    """Take over the bundle as it lies there now, beside the requests that are under way."""
    import threading

    def work() -> None:
        problem = service.reload()
        print(problem or f"{service.champion.label} has taken over", flush=True)

    threading.Thread(target=work, daemon=True).start()
