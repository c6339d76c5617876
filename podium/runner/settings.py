"""Every Prefect setting that Podium makes, as environment variables, with its reason.

Environment is the one form that reaches everything: the server, the pod's own process, the processes that Prefect's runner
starts, and a person's shell (`eval $(podium prefect env)`). Imports nothing of Prefect, which reads its environment at import.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

HEARTBEAT_SECONDS = 30  # Prefect's smallest; the zombie automation waits four of them
LOGGING_FILE = Path(__file__).with_name("logging.yml")
OWN_URL = "PODIUM_PREFECT_URL"  # set beside PREFECT_API_URL when Podium itself chose that address

# What the server needs of the caller's environment: to find its interpreter, libraries and certificates, to know language and time.
# A list of what to leave out would leave in every secret that nobody thought of.
NEEDED = {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR"} | {
    f"PYTHON{name}" for name in ("PATH", "HOME", "UTF8", "DONTWRITEBYTECODE", "PYCACHEPREFIX")
}

# What a person may set for the server that Podium starts. Anything else of hers (PREFECT_API_URL, a profile, an address to
# listen on) is meant for other work and stays out of it.
PASSED_ON = frozenset({"PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_SERVER_LOGGING_LEVEL"})

_QUIET = {
    "DO_NOT_TRACK": "1",  # no client analytics
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # no heartbeat to Prefect's makers
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",  # no telemetry to Prefect Cloud
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",  # no metrics thread in flow processes
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",  # a missing address is an error, not a hidden server
}

# Loops of the server that look for what Podium settles by its own tables, or for what only workers of a pool do: every 5 to 20 s as
# shipped, they are half of what the server costs while nothing happens.
_SELDOM = ("CANCELLATION_CLEANUP", "FOREMAN", "LATE_RUNS", "PAUSE_EXPIRATIONS", "REPOSSESSOR")


def client_environment(*, url: str, auth: str, home: Path, own: bool) -> dict[str, str]:
    """What a process needs to talk to the server at `url` and to keep private things out of it."""
    settings = {
        **_QUIET,
        "PREFECT_API_URL": url,
        "PREFECT_HOME": str(home),  # no profile of the person's own is read
        "PREFECT_CLIENT_MAX_RETRIES": "2",  # 5 by default, the last after 32 s: a pod finds out sooner that a server is back
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true",  # the server asks for the token
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),  # slower, and the zombie automation would crash healthy runs
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",  # a result is recorded by Podium, never by Prefect
        "PREFECT_TASKS_DEFAULT_PERSIST_RESULT": "false",  # the same for tasks
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",  # should one be kept after all, not as pickle
        "PREFECT_LOGGING_SETTINGS_PATH": str(LOGGING_FILE),  # only marked lines are shipped
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",  # a timeline line outside a run is a plain log line
        "PREFECT_LOGGING_LOG_PRINTS": "false",  # print() is for the local log
        "PREFECT_LOGGING_EXTRA_LOGGERS": "",  # no other library's lines
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",  # 10 s by default: the wait before a served run starts
        "PREFECT_WORKER_QUERY_SECONDS": "1",  # the same for a work pool
        "PREFECT_RUNNER_PROCESS_LIMIT": "4",  # runs at once per pod
        "PREFECT_RUNNER_SERVER_ENABLE": "false",  # nothing else listens
    }
    if auth:
        settings["PREFECT_API_AUTH_STRING"] = auth
    if own:
        settings[OWN_URL] = url
    return settings


def server_environment(*, host: str, port: int, auth: str, folder: Path, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The whole environment of the server: what it needs of the caller's, and ours."""
    others = {name: value for name, value in inherited.items() if name in NEEDED | PASSED_ON or name.startswith("LC_")}
    ours = {
        **_QUIET,
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder / 'prefect.db'}",
        "PREFECT_SERVER_API_HOST": host,  # as environment, not as an option: the UI learns its API's address from these two
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_API_AUTH_STRING": auth,  # other users of this machine reach the loopback too
        "PREFECT_API_AUTH_STRING": auth,  # the server's own services call its API
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",  # a page elsewhere in the browser cannot post here
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": f"http://{host}:{port},http://localhost:{port}",  # its own UI only; default: all
        "PREFECT_SERVER_API_KEEPALIVE_TIMEOUT": "60",  # 5 s by default, less than clients keep an idle connection
        "PREFECT_SERVER_UI_V2_ENABLED": "false",  # v2 calls an analytics host from the custodian's browser
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "ui"),  # site-packages may be read-only
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",  # Podium uses no blocks; a class registers itself when it is saved
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",  # one transaction a batch, not one an event
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
        **{f"PREFECT_SERVER_SERVICES_{loop}_LOOP_SECONDS": "30" for loop in _SELDOM},
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs,orphans",  # by default only events are pruned
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(30 * 86400),  # Podium's own tables are the record
        "PREFECT_SERVER_LOG_RETRYABLE_ERRORS": "true",  # a 503 means that the SQLite cure failed: say so
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_COLORS": "false",  # it writes to a file
        "PYTHONUNBUFFERED": "1",  # the last line before a crash is in the log
    }
    return {**others, **ours, **{name: value for name, value in others.items() if name in PASSED_ON}}
