"""The lab: client, director and real servers in network namespaces of this machine.

    with Lab("demo", reals=3) as lab:
        director = Director(lab, config)
        director.start()
        print(lab.client.curl("http://192.0.2.80/").stdout)

See docs/lab.md for the picture and the addresses.
"""

from .addresses import *  # noqa: F401,F403
from . import client, servers  # noqa: F401
from .director import Director, DirectorError, configuration  # noqa: F401
from .lab import Lab  # noqa: F401
from .leaks import census, leaks  # noqa: F401
from .shell import Namespace, ShellError, run, wait_until  # noqa: F401
