"""An editor, on standard input and output of `pipeline acp`; prints what it is told.

    python3 editor.py FOLDER PROGRAM ARGUMENT...
"""

import json
import subprocess
import sys

folder = sys.argv[1]
program = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
count = 0


def send(message):
    """Writes a line."""
    program.stdin.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
    program.stdin.flush()


def ask(method, params, heard=None, answer=None, cancel_at=None):
    """The answer to a request; what is told meanwhile is heard, what is asked is answered."""
    global count
    count += 1
    number = count
    send({"id": number, "method": method, "params": params})
    while True:
        said = json.loads(program.stdout.readline())
        if said.get("id") == number and "method" not in said:
            return said.get("result") or said["error"]
        if said.get("method") == "session/request_permission":
            print("asked", said["params"]["toolCall"]["title"].split("?")[0][:16], [it["optionId"] for it in said["params"]["options"]])
            send({"id": said["id"], "result": {"outcome": answer}})
        elif said.get("method") == "session/update":
            heard.append(said["params"]["update"])
            if cancel_at and said["params"]["update"]["sessionUpdate"] == cancel_at:
                cancel_at = None
                send({"method": "session/cancel", "params": {"sessionId": params["sessionId"]}})


def prompt(session, text, **more):
    """What a prompt came to, and what was told meanwhile."""
    heard = []
    said = ask("session/prompt", {"sessionId": session, "prompt": [{"type": "text", "text": text}]}, heard, **more)
    return said, heard


def words(heard, kind="agent_message_chunk"):
    """What was said."""
    return "".join(it["content"]["text"] for it in heard if it["sessionUpdate"] == kind)


hello = ask("initialize", {"protocolVersion": 1, "clientCapabilities": {}})
print("hello", hello["protocolVersion"], hello["agentInfo"]["name"])
session = ask("session/new", {"cwd": folder, "mcpServers": []})["sessionId"]
print("no session", ask("session/prompt", {"sessionId": "x", "prompt": []}, [])["code"])
if "--scripted" not in sys.argv:
    said, heard = prompt(session, "Count the last page", answer={"outcome": "selected", "optionId": "reject"})
    print("refused", said["stopReason"], words(heard).strip())
    said, heard = prompt(session, "Count the last page", answer={"outcome": "cancelled"})
    print("called off", said["stopReason"])
    said, heard = prompt(session, "Count the last page", answer={"outcome": "selected", "optionId": "allow"})
    print("allowed", said["stopReason"], words(heard).splitlines()[0])
else:
    nowhere = ask("session/new", {"cwd": folder + "/nowhere", "mcpServers": []})["sessionId"]
    said, heard = prompt(nowhere, "Count the last page")
    print("nowhere", said["stopReason"], words(heard).splitlines()[0])
    said, heard = prompt(session, "")
    print("nothing", said["stopReason"], words(heard).splitlines()[0])
    said, heard = prompt(session, open("task.txt").read(), cancel_at="tool_call")
    print("cancelled", said["stopReason"], words(heard).splitlines()[1])
    said, heard = prompt(session, open("task.txt").read())
    print("done", said["stopReason"])
    plans = [[entry["status"] for entry in it["entries"]] for it in heard if it["sessionUpdate"] == "plan"]
    print("plan", plans[0], plans[-1], len(plans))
    calls = {it["toolCallId"]: it["status"] for it in heard if it["sessionUpdate"].startswith("tool_call")}
    print("calls", calls)
    change = next(it for it in heard if it.get("toolCallId") == "change")
    for diff in change["content"]:
        print("diff", diff["path"], "new" if diff.get("oldText") is None else "changed", diff["newText"].count("\n"))
    print("thoughts", 5 < len(words(heard, "agent_thought_chunk").splitlines()))
    print(words(heard))
program.stdin.close()
print("left", program.wait(), repr(program.stdout.read()))
