"""`headrace serve`: a bundle that answers over HTTP; nothing is imported that is not needed."""

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    text = "a bundle's file, or model#prod, or model@v1.2.0; default: the artifact of dvc.yaml"
    parser.add_argument("source", nargs="?", default="", help=text)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="0: any that is free")
    text = "file of hashed tokens, made by headrace token; needed on any address but loopback"
    parser.add_argument("--tokens", metavar="FILE", default="", help=text)
    text = "listen on any address without tokens"
    parser.add_argument("--insecure", action="store_true", help=text)
    text = "folder for what is asked and answered, an hour a file; by default as params.yaml says"
    parser.add_argument("--log", metavar="FOLDER", default="", help=text)
    parser.add_argument("--log-days", type=int, metavar="N", help="then it is forgotten")
    parser.add_argument("--no-log", action="store_true", help="write nothing down")
    text = "inputs that are never written down, beside those of params.yaml"
    parser.add_argument("--log-never", nargs="*", metavar="INPUT", default=[], help=text)
