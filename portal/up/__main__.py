"""The words of the Makefile: python3 -m portal.up WORD [ARGUMENT …]."""

import argparse
import os
import sys

from portal.up import environment
from portal.up.places import CHECKOUT, VENV, UpError, say


def main() -> int:
    """Run one word; a failure that we understand is a sentence, never a traceback."""
    parser = argparse.ArgumentParser(prog="python3 -m portal.up")
    parser.add_argument("word", choices=["up", "demo", "demo-down", "test", "check", "bench", "env"])
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    # what is not ours goes to pytest
    options, rest = parser.parse_known_args()
    os.chdir(CHECKOUT)
    try:
        python = environment.ensure(dev=options.word in {"test", "check", "bench"})
        if os.path.realpath(sys.prefix) != os.path.realpath(VENV):
            # The rest runs in the environment just made.
            os.execv(python, [str(python), "-m", "portal.up", *sys.argv[1:]])
        return _run(options.word, port=options.port, rest=rest)
    except UpError as error:
        say(f"\n  {error}")
        return 1
    except KeyboardInterrupt:
        say("\n  stopped")
        return 130


def _run(word: str, *, port: int, rest: list[str]) -> int:
    if word == "env":
        return 0
    if word in {"test", "check"}:
        from portal.up import quality

        return quality.test(rest) if word == "test" else quality.check()
    if word == "bench":
        from portal.up import quality

        return quality.bench()
    if word == "demo-down":
        from tests.lab.demo import down

        return down()
    from portal.up import portal_processes

    if word == "demo":
        from tests.lab.demo import announce

        announce()
    portal_processes.up(port=port, demo=word == "demo")
    return 0


if __name__ == "__main__":
    sys.exit(main())
