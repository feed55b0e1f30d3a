"""How a demonstration runs: in a lab that is taken down whatever happens, its end told in one line.

    sys.exit(show("client, director and three real servers", lambda: Lab("demo", reals=3), demo))

`demo` gets the lab, and raises DemoFailed when something is not as it should be.
"""

import sys

from .shell import ShellError


class DemoFailed(Exception):
    pass


def show(what: str, make_lab, demo) -> int:
    sys.stdout.reconfigure(line_buffering=True)
    try:
        print(f"== lab: {what}, in network namespaces")
        with make_lab() as lab:
            demo(lab)
    except KeyboardInterrupt:
        print("\ndemo: taken down")
        return 0
    except (DemoFailed, ShellError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print("== done; everything is taken down again")
    return 0
