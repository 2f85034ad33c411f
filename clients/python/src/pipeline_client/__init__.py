"""Client of `pipeline serve`: coding tasks in, verified changes out, watched live.

from pipeline_client import Client, read_token

with Client("http://127.0.0.1:8787", read_token(path)) as client:
    run = client.coding_run(repo="owner/repo", task="Say hello\\n\\nPrint it.")
    print(run.status, run.tier)
"""

from .aio import AsyncClient, AsyncRuns
from .client import Client, Runs
from .errors import *  # noqa: F403
from .errors import __all__ as _errors
from .events import CodingEvent, Done, End, Event, Happened, Logged, RunEvent
from .models import LogLine, Me, Problem, Run, RunDetail, RunPage, StreamEnd
from .options import Changes, Destinations, NewRun
from .retries import Retries
from .tokens import read_token

__version__ = "0.1.0"
__all__ = [
    *_errors,
    "AsyncClient",
    "AsyncRuns",
    "Changes",
    "Client",
    "CodingEvent",
    "Destinations",
    "Done",
    "End",
    "Event",
    "Happened",
    "LogLine",
    "Logged",
    "Me",
    "NewRun",
    "Problem",
    "Retries",
    "Run",
    "RunDetail",
    "RunEvent",
    "RunPage",
    "Runs",
    "StreamEnd",
    "read_token",
]
