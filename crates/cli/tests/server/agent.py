"""Another agent, on standard input and output of `pipeline mcp`; prints what it is answered.

    python3 agent.py PROGRAM ARGUMENT...
"""

import json
import subprocess
import sys

program = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
count = 0


def send(message):
    """Writes a line."""
    program.stdin.write(json.dumps(message) + "\n")
    program.stdin.flush()


def ask(method, **params):
    """The answer to a request; everything on standard output is the protocol."""
    global count
    count += 1
    send({"jsonrpc": "2.0", "id": count, "method": method, "params": params})
    while True:
        said = json.loads(program.stdout.readline())
        if said.get("id") == count:
            return said.get("result") or said["error"]


def call(tool, **arguments):
    """What a tool gives, or says of why not."""
    result = ask("tools/call", name=tool, arguments=arguments)
    if "content" not in result:
        return result
    if result.get("isError"):
        return result["content"][0]["text"]
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    return result["structuredContent"]


shaken = ask("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "agent", "version": "1"})
print("hello", shaken["protocolVersion"], shaken["serverInfo"]["name"], sorted(shaken["capabilities"]))
send({"jsonrpc": "2.0", "method": "notifications/initialized"})
for tool in ask("tools/list")["tools"]:
    hints = {name: value for name, value in tool["annotations"].items() if value and name != "title"}
    print("tool", tool["name"], sorted(hints), sorted(tool["inputSchema"]["properties"])[:4], "SPENDS MONEY" in tool["description"])
for name, arguments in [
    ("run_start", {}),
    ("run_start", {"task": "x", "unconfined": True}),
    ("run_start", {"task": "x", "repo": "/etc"}),
    ("run_start", {"task": 7}),
    ("run_status", {"run": "x"}),
    ("run_status", {"run": "x", "wait_seconds": -1}),
    ("run_result", {}),
    ("run_cancel", {"run": "../x"}),
    ("verify_bundle", {}),
    ("verify_bundle", {"run": "x", "folder": "y"}),
    ("verify_bundle", {"folder": "/etc"}),
    ("no_such_tool", {}),
]:
    told = call(name, **arguments)
    print(name, json.dumps(arguments), "->", told if isinstance(told, str) else f"{told['code']} {told['message']}")
begun = call("run_start", task=open("task.txt").read())
run = begun["run"]
print("begun", begun["status"], begun["title"])
status = call("run_status", run=run)
while status["working"]:
    status = call("run_status", run=run, wait_seconds=50)
print("ended", status["status"], status["tier"], len(status["last_lines"]), status["usage"]["calls"])
result = call("run_result", run=run)
print("result", result["status"], result["tier"], [it["mark"] for it in result["gates"]], result["proposed_code"].splitlines()[0])
print("stop", call("run_cancel", run=run))
verified = call("verify_bundle", run=run)
print("verified", verified["holds"], len(verified["gates"]))
for resource in ask("resources/list")["resources"]:
    read = ask("resources/read", uri=resource["uri"])["contents"][0]
    print("resource", resource["name"].replace(run, "RUN"), read["mimeType"], read["text"].splitlines()[0])
print("no resource", ask("resources/read", uri="pipeline://runs/x/report"), ask("resources/read", uri="file:///etc/passwd")["code"])
print("templates", [it["uriTemplate"] for it in ask("resources/templates/list")["resourceTemplates"]])
again = call("run_start", task="Another thing")
program.stdin.close()
print("left", program.wait(), repr(program.stdout.read()))
