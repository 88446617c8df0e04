"""`headrace image` and `wheelhouse`: what a container serves from, or a machine without network."""

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """Give either command its option."""
    text = "a bundle's file, model#prod, model#prod#3 or model@v1.2.0; default: dvc.yaml's artifact"
    parser.add_argument("source", nargs="?", default="", help=text)
