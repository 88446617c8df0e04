"""The command `headrace`, and `python -m headrace`."""

import os
import sys

MISSING = (
    "{module} is not installed: here is only what a bundle's own requirements bring. Next:"
    " python -m headrace.serve BUNDLE, python -m headrace.score IN OUT --model BUNDLE, or"
    " python -m headrace.serve.tokens NAME; for all commands install headrace[model,serve,monitor]"
)


def main() -> int:
    """Run the command line; return its exit code."""
    if "DVC_STAGE" in os.environ and sys.argv[1:2] == ["run"] and len(sys.argv) == 3:
        from headrace.execution import preload_client  # a tenth of what the command line imports

        code = preload_client.run(sys.argv[2])
        if code is not None:
            return code
    try:
        from headrace.cli.main import main
    except ModuleNotFoundError as error:
        # A bundle's requirements are installed without headrace's own dependencies, on purpose:
        # serving needs a fraction of them. The command is installed all the same.
        module = str(error.name).partition(".")[0]
        if module == "headrace":
            raise
        print(MISSING.format(module=module), file=sys.stderr)
        return 1
    return main()


if __name__ == "__main__":
    sys.exit(main())
