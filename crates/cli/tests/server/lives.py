"""Runs over HTTP, through all that can happen to them; prints what must hold.

    python3 lives.py PORT TOKEN CASE [MORE]
"""

import http.client
import io
import json
import random
import sys
import tarfile
import time

PORT, TOKEN, CASE, MORE = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]


class Connection(http.client.HTTPConnection):
    """One that is given up after a while."""

    def __init__(self):
        super().__init__("127.0.0.1", PORT, timeout=120)


def ask(method, path, body=None, token=TOKEN, indent=None, **headers):
    """An answer: its status and what it says."""
    sent = {"authorization": "Bearer " + token} if token else {}
    sent |= {name.replace("_", "-"): str(value) for name, value in headers.items()}
    if body is not None:
        sent["content-type"] = "application/json"
        body = json.dumps(body, indent=indent)
    connection = Connection()
    connection.request(method, path, body, sent)
    answer = connection.getresponse()
    said = answer.read()
    is_json = "json" in (answer.getheader("content-type") or "")
    return answer.status, json.loads(said) if is_json else said


def events(path, after=None, cut=None, method="GET", body=None, **headers):
    """Events of a stream, behind one, until its end or until so many were read."""
    sent = {"authorization": "Bearer " + TOKEN} | {name.replace("_", "-"): str(it) for name, it in headers.items()}
    if after is not None:
        sent["last-event-id"] = str(after)
    if body is not None:
        sent["content-type"] = "application/json"
    connection = Connection()
    connection.request(method, path, json.dumps(body) if body is not None else None, sent)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    event, count = {}, 0
    for line in answer:
        line = line.decode().rstrip("\n")
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
            continue
        if event:
            yield event.get("event"), event.get("id"), json.loads(event["data"])
            event, count = {}, count + 1
            if cut is not None and cut <= count:
                connection.close()
                return


def task():
    """The task of the fixture."""
    return open("task.txt").read()


def ended(run):
    """A run at its end, waited for."""
    for _ in range(600):
        _, told = ask("GET", f"/api/runs/{run}")
        if not told["working"] and told["status"] != "running":
            return told
        time.sleep(0.2)
    raise SystemExit("it had no end")


def stopped(run):
    """A run on which nobody works, waited for."""
    for _ in range(300):
        _, told = ask("GET", f"/api/runs/{run}")
        if not told["working"]:
            return told
        time.sleep(0.1)
    raise SystemExit("it didn't stop")


def whole(run):
    """Whether every event of a run is there once and in order."""
    numbers = [int(number) for _, number, _ in events(f"/api/runs/{run}/events") if number]
    return numbers == list(range(len(numbers)))


def asked_twice():
    """The same request is the same run, waited for and watched; what is said of it is one thing."""
    body = {"task": task(), "commit": True}
    status, first = ask("POST", "/api/runs", body, idempotency_key="k")
    print("begun", status, first["status"], first["caller"])
    _, again = ask("POST", "/api/runs", body, idempotency_key="k")
    print("the same", first["id"] == again["id"])
    _, again = ask("POST", "/api/runs", body | {"push": False}, indent=4, idempotency_key="k")
    print("written otherwise", first["id"] == again["id"])
    status, other = ask("POST", "/api/runs", body | {"comment": True}, idempotency_key="k")
    print("another body", status, other["title"])
    watched = list(events("/api/coding/stream", method="POST", body=body, idempotency_key="k"))
    run = first["id"]
    kinds = {kind for kind, _, _ in watched}
    print("watched", sorted(kinds), watched[-1][0], all(it["run"] == run for _, number, it in watched if number))
    _, waited = ask("POST", "/api/coding/run", body, idempotency_key="k")
    print("waited for", waited == watched[-1][2], waited["id"] == run)
    _, told = ask("GET", f"/api/runs/{run}")
    print("told", told == waited)
    print({it: told[it] for it in ["status", "tier", "reason", "exit_code", "tests_passed", "qa_passed", "iteration", "task"]})
    print(told["repo"]["path"], told["repo"]["summary"])
    print(*(f"{it['name']}: {it['mark']}" for it in told["gates"]), sep=", ")
    print("tests", told["tests"]["before"], told["tests"]["after"])
    print("used", told["usage"]["calls"], [it["agent"] for it in told["usage"]["agents"]])
    print("delivered", [(it["to"], it["reference"].split("@")[0]) for it in told["deliveries"]])
    print("next", told["next"])
    steps = [it["step"]["kind"] for _, _, it in events(f"/api/runs/{run}/events") if it.get("step")]
    print("steps", steps == [it["kind"] for it in told["steps"]], steps)
    print("whole", whole(run))
    _, archive = ask("GET", told["links"]["bundle"])
    tarfile.open(fileobj=io.BytesIO(archive)).extractall(".")
    _, report = ask("GET", told["links"]["report"])
    print("report", report == open(f"{run}/report.html", "rb").read())
    _, patch = ask("GET", told["links"]["patch"])
    print("patch", patch == open(f"{run}/patch.diff", "rb").read())
    open("run", "w").write(run)
    figures = ask("GET", "/metrics")[1].decode().splitlines()
    print("figures", [it for it in figures if it.startswith(("pipeline_runs_", "pipeline_model_replies_total"))])


def stop_and_go_on():
    """A run is stopped, and again; goes on, and again; is delivered, and again."""
    _, run = ask("POST", "/api/runs", {"task": task()})
    run = run["id"]
    print("resume while it works", *(it if isinstance(it, int) else it["title"].replace(run, "RUN") for it in ask("POST", f"/api/runs/{run}/resume", {})))
    print("deliver while it works", ask("POST", f"/api/runs/{run}/deliver", {"commit": True})[0])
    print("stop", ask("POST", f"/api/runs/{run}/cancel")[1], ask("POST", f"/api/runs/{run}/cancel")[0])
    told = stopped(run)
    print("stopped", told["status"], told["reason"], told["exit_code"], told["next"].replace(run, "RUN"))
    print("stop what stands", ask("POST", f"/api/runs/{run}/cancel")[1])
    last = [event for event in events(f"/api/runs/{run}/events")][-1]
    print("its stream ends", last[0], last[2]["status"], last[2]["reason"])
    print("other models", *(it if isinstance(it, int) else it["title"] for it in ask("POST", f"/api/runs/{run}/resume", {"reviewer": "openai:gpt-6.1-sol"})))
    status, again = ask("POST", f"/api/runs/{run}/resume", {})
    print("goes on", status, again["status"], again["working"])
    told = ended(run)
    print("ended", told["status"], told["tier"], whole(run))
    print("resume at its end", ask("POST", f"/api/runs/{run}/resume", {})[0])
    first = ask("POST", f"/api/runs/{run}/deliver", {"commit": True})
    again = ask("POST", f"/api/runs/{run}/deliver", {"commit": True})
    print("delivered", first[0], [it["to"] for it in first[1]["deliveries"]], first == again)
    print("stop at its end", ask("POST", f"/api/runs/{run}/cancel")[1])


def cut_off():
    """Whoever is cut off at any place, and comes back, has every event once."""
    body = {"task": task()}
    _, run = ask("POST", "/api/runs", body, idempotency_key="cut")
    run = run["id"]
    chance = random.Random(7)
    got, last, is_over, cuts = [], None, False, 0
    while not is_over:
        cuts += 1
        for kind, number, _ in events(f"/api/runs/{run}/events", last, chance.randint(1, 6)):
            if number is None:
                is_over = kind == "end"
            else:
                last = int(number)
                got.append(last)
    print("cut", 5 < cuts, "whole", got == list(range(len(got))), 20 < len(got))
    lines, last, done = [], None, None
    while done is None:
        for kind, number, told in events("/api/coding/stream", last, chance.randint(1, 6), "POST", body, idempotency_key="cut"):
            if kind == "done":
                done = told
            else:
                last = int(number)
                lines.append(last)
    print("watched", lines == got, done["id"] == run)
    print("from", [int(it[1]) for it in events(f"/api/runs/{run}/events?from=3", cut=2)])
    print("behind the end", [it[0] for it in events(f"/api/runs/{run}/events", 10_000)])


def begin():
    """Begins a run and says which."""
    print(ask("POST", "/api/runs", {"task": task()}, idempotency_key="b")[1]["id"])


def begin_another():
    """Begins one more, and stops it."""
    run = ask("POST", "/api/runs", {"task": task()})[1]["id"]
    ask("POST", f"/api/runs/{run}/cancel")
    stopped(run)
    print(run)


def finish():
    """Waits for the run that an earlier server began, and for the same asked again."""
    run = MORE[0]
    told = ended(run)
    print("ended", told["status"], told["tier"], "whole", whole(run))
    print("the same", ask("POST", "/api/runs", {"task": task()}, idempotency_key="b")[1]["id"] == run)
    replies = [it for kind, _, it in events(f"/api/runs/{run}/events") if kind == "replied"]
    requests = [(it["event"]["agent"], it["event"]["iteration"], it["event"]["request_sha256"]) for it in replies]
    print("paid twice", len(requests) - len(set(requests)))


def whose():
    """Each caller has their own runs; an admin sees all."""
    ada, bob, root = MORE
    for name, repo in [("a folder", "/etc"), ("a host inside", "http://127.0.0.1:1/r.git"), ("an address of the cloud", "http://169.254.169.254/x.git"), ("a name below", "http://a.localhost:1/x.git"), ("a dot behind it", "http://localhost.:1/x.git"), ("a name without a dot", "http://intern/x.git"), ("a number within", "http://[64:ff9b::7f00:1]/x.git"), ("a carrier's", "http://100.64.0.1/x.git")]:
        status, told = ask("POST", "/api/runs", {"task": "x", "repo": repo}, token=ada)
        print(name, status, told["title"])
    begun = [ask("POST", "/api/runs", {"task": task()}, token=ada) for _ in range(3)]
    print("begun", [it[0] for it in begun], begun[2][1]["title"])
    run = begun[0][1]
    ask("POST", f"/api/runs/{begun[1][1]['id']}/cancel", token=ada)
    run = run["id"]
    for name, token in [("ada", ada), ("bob", bob), ("root", root)]:
        seen = [it["id"] == run or it["caller"] for it in ask("GET", "/api/runs", token=token)[1]["runs"]]
        print(name, seen, ask("GET", f"/api/runs/{run}", token=token)[0], ask("GET", f"/api/runs/{run}/events", token=token, last_event_id=9999)[0] if name == "bob" else "")
    print("bob stops", ask("POST", f"/api/runs/{run}/cancel", token=bob)[0], "root stops", ask("POST", f"/api/runs/{run}/cancel", token=root)[0])
    print("the owner's token", ask("GET", "/api/me")[0])
    print("too fast", sorted({ask("GET", "/api/me", token=bob)[0] for _ in range(80)}))


def capped():
    """Nothing begins that could cost more than the server lets a run spend."""
    unpriced = {"coders": ["openai:made-up"], "reviewer": "none", "test_author": "none"}
    for name, more in [
        ("more", {"budget": "1.01"}),
        ("no price", unpriced),
        ("no price, so many tokens", unpriced | {"token_budget": 10**15}),
        ("no price, little money", unpriced | {"token_budget": 10**15, "budget": "0.01"}),
        ("a stand-in without a price", {"token_budget": 10**15, "fallback": {"review": "openai:made-up"}}),
    ]:
        status, told = ask("POST", "/api/runs", {"task": "x"} | more)
        print(name, status, told["title"])


def streams():
    """So many streams, and no more; none of them holds anybody up."""
    _, run = ask("POST", "/api/runs", {"task": task()})
    run, opened, refused = run["id"], [], None
    for _ in range(int(MORE[0]) + 1):
        connection = Connection()
        connection.request("GET", f"/api/runs/{run}/events", headers={"authorization": "Bearer " + TOKEN})
        answer = connection.getresponse()
        if answer.status == 200:
            opened.append((connection, answer))
        else:
            refused = answer.status, json.loads(answer.read())["title"]
    print("open", len(opened), "refused", refused)
    print("others", ask("GET", f"/api/runs/{run}")[0], ask("GET", "/healthz")[0])
    ends = 0
    for connection, answer in opened:
        numbers = [int(line[4:]) for line in answer.read().decode().splitlines() if line.startswith("id: ")]
        ends += numbers == list(range(len(numbers))) and 20 < len(numbers)
    print("whole", ends)
    print("and again", ask("GET", f"/api/runs/{run}/events", last_event_id=9999)[0])


globals()[CASE]()
