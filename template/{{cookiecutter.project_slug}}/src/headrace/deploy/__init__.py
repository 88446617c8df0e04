"""`headrace image` and `wheelhouse`: what a container serves from, or a machine without network."""

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """Give either command its option."""
    text = "a bundle's file, or model#prod, or model@v1.2.0; default: the artifact of dvc.yaml"
    parser.add_argument("source", nargs="?", default="", help=text)
