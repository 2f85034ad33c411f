#!/usr/bin/env python3
"""The least that an agent can be, as the measure for `scripts/bench`: HTTP, an edit, a test run, nothing around them.

    bench_bare.py ADDRESS FOLDER TASK [COMMAND ...]

No sandbox, no journal, no limits. Each COMMAND is run after the model has finished; the seconds that the model's own
command took are printed.
"""

import http.client
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit


def ask(connection, path, messages):
    body = json.dumps({"model": "gpt-bare", "messages": messages})
    headers = {"content-type": "application/json", "authorization": "Bearer fake-key"}
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    reply = json.loads(answer.read())
    if answer.status != 200:
        sys.exit(f"the server answered {answer.status}: {reply}")
    return reply["choices"][0]["message"]


def carry_out(folder, tool, arguments):
    if tool == "read_file":
        return (folder / arguments["path"]).read_text()
    if tool == "apply_patch":
        file = folder / re.search(r"\*\*\* Update File: (.+)", arguments["input"])[1]
        old = re.search(r"^-(.*)$", arguments["input"], re.M)[1]
        new = re.search(r"^\+(.*)$", arguments["input"], re.M)[1]
        file.write_text(file.read_text().replace(old, new, 1))
        return "done"
    if tool == "run":
        began = time.perf_counter()
        ended = subprocess.run(arguments["command"], shell=True, cwd=folder, capture_output=True, text=True)
        print(time.perf_counter() - began)
        return f"exit code {ended.returncode}\n{ended.stdout}{ended.stderr}"
    return None


def main(address, folder, task, *commands):
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname, url.port)
    messages = [{"role": "user", "content": task}]
    finished = False
    while not finished:
        reply = ask(connection, f"{url.path}chat/completions", messages)
        messages.append(reply)
        for call in reply.get("tool_calls") or []:
            function = call["function"]
            answer = carry_out(Path(folder), function["name"], json.loads(function["arguments"]))
            finished |= answer is None
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": answer or ""})
    for command in commands:
        subprocess.run(command, shell=True, cwd=folder, capture_output=True)


main(*sys.argv[1:])
