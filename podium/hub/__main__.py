"""`python -m podium.hub`: what `podium hub start` becomes. It loads nothing that the hub does not need."""

from __future__ import annotations

import argparse
import json
import os
import sys

from podium.config import HUB_PORT
from podium.errors import PodiumError
from podium.hub.serve import Options, serve


def main() -> int:
    """Run the hub; the exit code."""
    parser = argparse.ArgumentParser(prog="podium hub start", description="Run the hub in this terminal.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; beyond this machine it wants TLS")
    parser.add_argument("--port", type=int, default=HUB_PORT, help="port; where it is taken, the next free one (0: any)")
    database = os.environ.get("PODIUM_HUB_DB", "")  # a password on a command line can be read by everyone here
    parser.add_argument("--db", dest="database", default=database, metavar="URL", help="SQLAlchemy URL; else PODIUM_HUB_DB, else SQLite")
    parser.add_argument("--tls-cert", default="", metavar="FILE", help="certificate chain in PEM")
    parser.add_argument("--tls-key", default="", metavar="FILE", help="its private key in PEM")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input does")
    parser.add_argument("--json", dest="as_json", action="store_true", help="say where the hub is as one line of JSON")
    options = Options(**vars(parser.parse_args()))
    try:
        serve(options)
    except PodiumError as error:
        if options.as_json:
            fields = {"code": error.code, "message": error.message, "field": error.field, "remedy": error.remedy}
            print(json.dumps({"error": fields}))
        else:
            print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
