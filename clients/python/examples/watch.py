"""Begins a run, prints each line while it works, and how it ended.

python watch.py ADDRESS TOKEN_FILE                       the bundled demonstration: no key, no money
python watch.py ADDRESS TOKEN_FILE REPOSITORY TASK       a task of yours, for at most two dollars
"""

import sys

from pipeline_client import Client, CodingEvent, PipelineError, read_token


def show(event: CodingEvent) -> None:
    if event.event == "log":
        print(f"{event.data.seq:4} {event.data.line}", flush=True)


def main(arguments: list[str]) -> int:
    if len(arguments) not in (2, 4):
        print(__doc__, file=sys.stderr)
        return 2
    with Client(arguments[0], read_token(arguments[1])) as client:
        try:
            if len(arguments) == 2:
                run = client.coding_stream(on_event=show, demo=True)
            else:
                run = client.coding_stream(on_event=show, repo=arguments[2], task=arguments[3], budget="2.00")
        except PipelineError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{run.id}: {run.status}, {run.tier or 'nothing proven'}; next: {run.next}")
        return 0 if run.status == "completed" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
