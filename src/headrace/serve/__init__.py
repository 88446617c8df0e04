"""Serving a bundle over HTTP. This module holds the options alone, and imports nothing heavy."""

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options of `headrace serve`."""
    text = "a bundle's file, or model#prod, or model@v1.2.0; default: the artifact of dvc.yaml"
    parser.add_argument("source", nargs="?", default="", help=text)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="0: any that is free")
    text = "file of hashed tokens, made by headrace token; needed on any address but loopback"
    parser.add_argument("--tokens", metavar="FILE", default="", help=text)
    text = "listen on any address without tokens"
    parser.add_argument("--insecure", action="store_true", help=text)
    text = "folder for the log of predictions; default: as params.yaml says"
    parser.add_argument("--log", metavar="FOLDER", default="", help=text)
    parser.add_argument("--log-days", type=int, metavar="N", help="days until the log expires")
    parser.add_argument("--no-log", action="store_true", help="log no predictions")
    text = "inputs that are never logged, in addition to those of params.yaml"
    parser.add_argument("--log-never", nargs="*", metavar="INPUT", default=[], help=text)
