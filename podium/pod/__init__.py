"""A pod as its custodian holds it in a script or a notebook, and the process that does its work.

`Pod(...)` does no network I/O. `start()` writes what it was given to `PODIUM_HOME/pods/OWNER/NAME/pod.json`, starts
`python -P -m podium.runner OWNER/NAME`, forwards its log and waits; Ctrl-C or the end of this process ends that one.

    pod          the class: what it takes, what it has, what it does
    arguments    the small classes that people fill in for it
    sources      from `data`, `datasource`, `datasources` to the entries of a pod file
    startable    what a pod cannot be started with
    sign_in      how it comes by its API key, also from a person at the terminal
    process      the pod's process, from the side of whoever started it
    gatekeeper   the custodian's access manager, asked by that process
"""

from podium.pod.pod import Pod
from podium.pod.process import PodProcess

__all__ = ["Pod", "PodProcess"]
