"""Bad requests, and a few good ones that begin nothing: prints what each is answered.

    python3 requests.py PORT TOKEN
"""

import http.client
import json
import socket
import sys

PORT, TOKEN = int(sys.argv[1]), sys.argv[2]
JSON = {"content-type": "application/json"}


def told(status, kind, body):
    """An answer in a line."""
    if (kind or "").startswith("application/problem+json"):
        problem = json.loads(body)
        assert problem["status"] == status, problem
        said = [problem["title"], problem.get("detail", ""), problem.get("advice", "")]
        return f"{status} " + " | ".join(it.replace("\n", " / ") for it in said if it)
    text = body.decode("utf-8", "replace").strip()
    return f"{status} {(kind or '-').split(';')[0]} {text[:60]}"


def ask(name, method, path, body=None, token=TOKEN, kind="application/json", **headers):
    """Sends a request and prints its answer."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        sent["authorization"] = "Bearer " + token
    if isinstance(body, (dict, list, int, str)) and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    if body is not None and kind:
        sent["content-type"] = kind
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    try:
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        print(f"{name}: {told(answer.status, answer.getheader('content-type'), answer.read())}")
    finally:
        connection.close()


def raw(name, text, ends=False):
    """Sends bytes as they are, and maybe no more, and prints the status lines that come back."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=60) as it:
        it.sendall(text if isinstance(text, bytes) else text.encode())
        if ends:
            it.shutdown(socket.SHUT_WR)
        said = b""
        while True:
            piece = it.recv(65536)
            if not piece:
                break
            said += piece
    lines = [line for line in said.split(b"\r\n") if line.startswith(b"HTTP/1.")]
    print(f"{name}: {', '.join(it.decode() for it in lines) or 'closed without a word'}")


def run(name, body, **more):
    """Asks for a run."""
    ask(name, "POST", "/api/runs", body, **more)


# Who asks.
for path in ["/api/me", "/api/models", "/api/runs", "/api/runs/x", "/api/runs/x/events", "/api/runs/x/report", "/api/runs/x/bundle"]:
    ask(f"nobody asks {path}", "GET", path, token=None)
ask("nobody begins", "POST", "/api/runs", {"task": "x"}, token=None)
ask("another token", "GET", "/api/me", token="0" * 48)
ask("an empty token", "GET", "/api/me", token=" ")
ask("basic authentication", "GET", "/api/me", token=None, authorization="Basic b3duZXI6eA==")
ask("a token without a scheme", "GET", "/api/me", token=None, authorization=TOKEN)
ask("a scheme in capitals", "GET", "/readyz", token=None, authorization="BEARER " + TOKEN)
ask("a forged cookie", "GET", "/api/me", token=None, cookie="pipeline_session=6f776e6572.9999999999." + "0" * 64)
ask("a cookie without a seal", "GET", "/api/me", token=None, cookie="pipeline_session=owner")
ask("a wrong code", "GET", "/coding?code=x", token=None)
ask("a session by a wrong token", "POST", "/api/session", {"token": "x"}, token=None)
ask("a session by nothing", "POST", "/api/session", {}, token=None)
ask("a session by more than a token", "POST", "/api/session", {"token": "x", "name": "owner"}, token=None)

# Which host is meant, and whose page asks.
for host in ["evil.test", f"evil.test:{PORT}", "127.0.0.1.evil.test", f"localhost.evil.test:{PORT}", "10.0.0.1", "[::2]", "", "a b", "user@localhost", "metadata.google.internal"]:
    ask(f"the host {host.replace(str(PORT), 'PORT')!r}", "GET", "/api/me", host=host)
for host in ["localhost", f"LOCALHOST:{PORT}", "127.0.0.2", "[::1]:1"]:
    ask(f"the host {host.replace(str(PORT), 'PORT')!r}", "GET", "/healthz", host=host)
run("a page of another site", {"task": "x"}, origin="https://evil.test")
run("a page of another port", {"task": "x"}, origin="http://127.0.0.1:1")
run("a page of no site", {"task": "x"}, origin="null")
run("a browser that says cross-site", {"task": "x"}, sec_fetch_site="cross-site")
run("a browser that says same-site", {"task": "x"}, sec_fetch_site="same-site")

# Places and methods.
ask("nothing there", "GET", "/api/nothing")
ask("nothing at the top", "GET", "/nothing")
ask("no file of the page", "GET", "/coding/assets/nothing.js", token=None)
ask("out of the page's folder", "GET", "/coding/assets/..%2f..%2fsrc%2flib.rs", token=None)
ask("out of the page's folder by dots", "GET", "/coding/assets/../../src/lib.rs", token=None)
for method, path in [("PUT", "/api/runs"), ("DELETE", "/api/runs/x"), ("PATCH", "/api/me"), ("POST", "/api/me"), ("GET", "/api/coding/run"), ("GET", "/api/session"), ("POST", "/coding"), ("GET", "/api/runs/x/cancel"), ("BREW", "/api/runs")]:
    ask(f"{method} {path}", method, path)

# Bodies that are none.
run("no body", None, kind=None)
run("an empty body", b"")
run("a form", b"task=x", kind="application/x-www-form-urlencoded")
run("JSON that says it is text", b'{"task":"x"}', kind="text/plain")
run("JSON without a type", b'{"task":"x"}', kind=None)
run("half a body", b'{"task": "x')
run("two bodies", b'{"new":true}{"new":true}')
run("text that is no UTF-8", b'{"task": "\xff\xfe"}')
run("half a pair of surrogates", b'{"task": "\\ud800"}')
run("a null byte in the middle", b'{"task"\x00: "x"}')
run("a byte order mark", b'\xef\xbb\xbf{"task":"x"}')
run("a comment", b'{"task":"x" /* y */}')
run("single quotes", b"{'task':'x'}")
run("a trailing comma", b'{"new":true,}')
run("infinity", b'{"token_budget": Infinity}')
run("deep", b'{"task":' + b"[" * 5000 + b"]" * 5000 + b"}")
run("deep objects", b'{"a":' * 2000 + b"1" + b"}" * 2000)
run("1 MiB and more", b'{"task":"' + b"x" * (1024 * 1024) + b'"}')
run("a list", [])
run("a number", 1)
run("a text", "x")
run("null", b"null")
run("a key twice", b'{"new":true,"new":true}')

# Fields of the wrong kind. Each is seen before anything is resolved.
WRONG = {
    "repo": [1, True, [], {}],
    "base": [1, ["main"]],
    "new": ["yes", 1, None],
    "github": [1, {"issue": 1}],
    "jira": [1, []],
    "task": [1, ["x"], {"title": "x"}, True],
    "crew": [1],
    "coders": ["openai:gpt", [1], {}],
    "test_author": [1],
    "reviewer": [False],
    "effort": ["high", [], {"draft": 1}],
    "fallback": ["x", {"review": []}],
    "flex": ["true"],
    "max_iterations": ["3", -1, 1.5, 256, 1e30],
    "test_seconds": ["60", -1, 0.5],
    "budget": [2, 2.0, {}],
    "token_budget": ["2M", -1, 1.5, 18446744073709551616],
    "require": ["Proven", "all", 1],
    "commit": ["no"],
    "push": [0],
    "pr": ["1"],
    "draft": [1],
    "comment": ["hello"],
    "demo": ["yes"],
}
for field, values in WRONG.items():
    for value in values:
        run(f"{field}: {json.dumps(value)}", {"task": "x", field: value})
for field in ["Task", "tasks", "unconfined", "scripted", "record", "patch", "out", "caller", "token", "__proto__", "limits"]:
    run(f"the field {field}", {"task": "x", field: "x"})

# What is meant.
run("nothing", {})
run("nothing but a repository", {"repo": "owner/repo"})
run("an empty task", {"task": "", "new": True})
run("a blank task", {"task": " \n\t", "new": True})
run("a dash for standard input", {"task": "-", "new": True})
run("an empty issue and no task", {"github": "", "jira": " "})
run("an issue of another host", {"github": "https://evil.test/o/r/issues/1"})
run("an issue that is none", {"github": "what?"})
run("an issue of this host that is none", {"github": "owner/repo#0"})
run("a ticket that is none", {"jira": "what?"})
run("a ticket without a Jira", {"jira": "ABC-1"})
run("new and a repository", {"task": "x", "new": True, "repo": "owner/repo"})
run("new and a base", {"task": "x", "new": True, "base": "main"})
run("a draft of nothing", {"task": "x", "new": True, "draft": True})
run("the demonstration and a task", {"task": "x", "demo": True})
run("the demonstration and a budget", {"budget": "1.00", "demo": True})
run("no drafts", {"task": "x", "new": True, "max_iterations": 0})
run("too many drafts", {"task": "x", "new": True, "max_iterations": 21})
run("no seconds", {"task": "x", "new": True, "test_seconds": 0})
run("too many seconds", {"task": "x", "new": True, "test_seconds": 86401})
run("a budget in words", {"task": "x", "new": True, "budget": "much"})
run("a budget below nothing", {"task": "x", "new": True, "budget": "-1"})
run("models on a server of scripts", {"task": "x", "new": True, "crew": "best"})
run("a coder on a server of scripts", {"task": "x", "new": True, "coders": ["openai:gpt-6.1-sol"]})
run("a role that is none", {"task": "x", "new": True, "effort": {"boss": "high"}})
run("a level that is none", {"task": "x", "new": True, "effort": {"draft": "hardest"}})
run("a stand-in that is none", {"task": "x", "new": True, "fallback": {"review": "none"}})

# Repositories that may not be named.
for repo in ["/", "/etc", "/etc/passwd", "~", "~/.ssh", "..", "../../etc", "./repo", "[FOLDER]/../..", "[FOLDER]/nowhere", "[FOLDER]/out", "file:///etc", "file://localhost/etc", "//evil.test/share", "ext::sh -c id", "-u", "--upload-pack=id", "https://user:secret@github.com/o/r", "git://evil.test/o/r", "ftp://evil.test/o/r", "http://[::1", "a" * 5000, "owner/repo\nx", "\x00", "https://"]:
    name = repo if len(repo) < 100 else "a long name"
    run(f"the repository {name!r}", {"task": "x", "repo": repo.replace("[FOLDER]", sys.argv[3])})

# Keys.
run("an empty key", {"task": "x"}, idempotency_key="")
run("a long key", {"task": "x"}, idempotency_key="k" * 201)
run("a key in another alphabet", {"task": "x"}, idempotency_key="é".encode("latin-1").decode("latin-1"))

# Lists and runs.
for query in ["limit=0", "limit=201", "limit=x", "limit=-1", "limit=1&limit=2", "status=done", "status=", "before=", "page=2", "limit=%FF"]:
    ask(f"the list, {query}", "GET", f"/api/runs?{query}")
for name in ["x", "20260101-0000-abcde", "..", "%2e%2e%2fruns", "%00", "%FF", "'; DROP TABLE runs; --", "x" * 3000]:
    path = name.replace(" ", "%20")
    ask(f"the run {name[:40]!r}", "GET", f"/api/runs/{path}")
for what in ["events", "report", "patch", "bundle"]:
    ask(f"{what} of no run", "GET", f"/api/runs/x/{what}")
for what in ["cancel", "resume", "deliver"]:
    ask(f"{what} no run", "POST", f"/api/runs/x/{what}", {})
ask("events from a word", "GET", "/api/runs/x/events?from=x")
ask("events from below nothing", "GET", "/api/runs/x/events?from=-1")
ask("events behind a word", "GET", "/api/runs/x/events", last_event_id="x")
ask("events behind too much", "GET", "/api/runs/x/events", last_event_id="18446744073709551615")
ask("resume with wrong terms", "POST", "/api/runs/x/resume", {"task": "another"})
ask("resume without a body", "POST", "/api/runs/x/resume")
ask("deliver to a place of mine", "POST", "/api/runs/x/deliver", {"patch": "/etc/passwd"})
ask("an estimate of nothing known", "POST", "/api/estimate", {"what": 1})
ask("a waited-for run of nothing", "POST", "/api/coding/run", {})
ask("a watched run of nothing", "POST", "/api/coding/stream", {})
ask("a watched run behind a word", "POST", "/api/coding/stream", {"task": "x"}, last_event_id="soon")

# The wire itself.
GET = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
raw("HTTP/1.0 without a host", "GET /healthz HTTP/1.0\r\n\r\n")
raw("HTTP/1.0 with a host", "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
raw("HTTP/1.1 without a host", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
raw("HTTP/3 in the line", "GET /healthz HTTP/3.0\r\nHost: localhost\r\n\r\n")
raw("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ends=True)
raw("pipelined", GET + "\r\n" + GET + "\r\n" + GET + "Connection: close\r\n\r\n")
raw("a whole address in the line", f"GET http://localhost:{PORT}/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
raw("another host's address in the line", "GET http://evil.test/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
raw("a length and chunks", "POST /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n")
raw("two lengths", "POST /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello!")
raw("a length below nothing", "POST /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\nConnection: close\r\n\r\n")
raw("a header of 100 kB", GET + "Connection: close\r\nX: " + "x" * 100_000 + "\r\n\r\n")
raw("500 headers", GET + "".join(f"X-{it}: x\r\n" for it in range(500)) + "\r\n")
raw("an address of 100 kB", "GET /" + "x" * 100_000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
raw("a header that is folded", GET + "X: a\r\n b\r\nConnection: close\r\n\r\n")
raw("a name with a space", GET + "X y: a\r\n\r\n")
raw("no HTTP at all", "hello\r\n\r\n")
raw("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 64, ends=True)
raw("half a request", "GET /healthz HT", ends=True)
raw("nothing", "", ends=True)
raw("a text in another alphabet in the line", "GET /\u00e9 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

# More than anybody wants to read is refused before it is there; whoever goes on sending is cut off.
with socket.create_connection(("127.0.0.1", PORT), timeout=60) as it:
    it.sendall(f"POST /api/runs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: 25000000\r\n\r\n".encode() + b" " * (1024 * 1024 + 1))
    print("25 MB:", it.recv(65536).split(b"\r\n")[0].decode())

# Whoever was refused so often is answered still.
ask("and still", "GET", "/healthz", token=None)
ask("and nothing was begun", "GET", "/api/runs")
