"""What the API answers. Made from crates/server/openapi.json by clients/generate: change nothing here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel


class AgentUsage(BaseModel):
    """What an agent used."""

    agent: str
    """Its name."""
    model: str | None
    """Its model."""
    calls: Annotated[int, Field(ge=0)]
    """Requests that were answered."""
    tokens: Annotated[int, Field(ge=0)]
    """Tokens of all classes."""
    cost_microusd: Annotated[int | None, Field(ge=0)]
    """Millionths of a US dollar; none when a price isn't known."""


class Archive(RootModel[bytes]):
    root: bytes
    """A folder as one file."""


class DeliveryTold(BaseModel):
    """Where a change is."""

    to: str
    """The place, in words."""
    reference: str
    """What it is called there."""


class EventTold(BaseModel):
    """One event of a run."""

    run: str
    """The run."""
    seq: Annotated[int, Field(ge=0)]
    """Its place in the journal."""
    at_ms: Annotated[int, Field(ge=0)]
    """When it was written, in milliseconds since 1970-01-01 UTC."""
    event: dict[str, Any]
    """What happened, as `pipeline log --json` has it."""
    step: dict[str, Any] | None = None
    """The step of the trace that it ended."""
    line: str
    """In a line for people."""


class FindingTold(BaseModel):
    """What the reviewer found."""

    severity: str
    """`blocking` or `minor`."""
    file: str
    """The file; empty when it is about a requirement."""
    line: Annotated[int, Field(ge=0)]
    """The line, counted from 1; 0 when it is about a requirement."""
    requirement: str
    """The words of the task that are not met; empty when it is about a line."""
    message: str
    """What is wrong."""


class Gate(BaseModel):
    """What a gate measured."""

    name: str
    """Its name."""
    mark: str
    """`good`, `odd` (for a person to look at), `bad`, or `none` when it measured nothing."""
    fact: str
    """In words."""


class Handed(BaseModel):
    """What a delivery came to."""

    deliveries: list[DeliveryTold]
    """Where the change is."""
    held_back: str | None
    """Why it isn't delivered, when less was proven than is required."""


class Links(BaseModel):
    """Where the rest of a run is, below the server's address."""

    self: str
    """The run."""
    page: str
    """Its page for people."""
    events: str
    """Its events."""
    report: str
    """Its report."""
    patch: str
    """Its change."""
    bundle: str
    """Its evidence."""


class LogLine(BaseModel):
    """A line for people, with its place."""

    run: str
    """The run."""
    seq: Annotated[int, Field(ge=0)]
    """The event's place in its journal."""
    at_ms: Annotated[int, Field(ge=0)]
    """When it was written, in milliseconds since 1970-01-01 UTC."""
    line: str
    """The line."""


class Me(BaseModel):
    """Who asks, and what this server lets them do."""

    caller: str
    """The caller's name."""
    is_admin: bool
    """Whether they see and steer everybody's runs."""
    version: str
    """The program's version."""
    folders: list[str]
    """Local folders below which `repo` may lie."""
    repo: str | None
    """What a form is filled with."""
    scripted: bool
    """Whether scripts answer in place of vendors."""
    runs_max: Annotated[int, Field(ge=0)]
    """Runs that may work at once."""
    working: Annotated[int, Field(ge=0)]
    """Runs that do."""


class MissingTold(BaseModel):
    """Something that could not be looked at."""

    what: str
    """What."""
    why: str
    """Why."""


class Problem(BaseModel):
    """Why a request isn't answered as it was meant (RFC 9457)."""

    type: str
    """Always `about:blank`: the title says what is wrong."""
    title: str
    """What could not be done."""
    status: Annotated[int, Field(ge=0)]
    """The status code."""
    detail: str | None = None
    """Why."""
    advice: str | None = None
    """What to do about it."""
    exit_code: Annotated[int | None, Field(ge=0)] = None
    """The code with which the command line would have ended."""


class RepoTold(BaseModel):
    """Where the code is."""

    path: str
    """Address or folder; empty for a run that started from nothing."""
    summary: str
    """The commit, the Python and the tests that were found there, in a line."""


class Run(BaseModel):
    """A run as a list shows it."""

    id: str
    """Its name."""
    title: str
    """The task's first line."""
    repository: str
    """The repository's address or folder; empty for a run that started from nothing."""
    created_ms: Annotated[int, Field(ge=0)]
    """When it was created, in milliseconds since 1970-01-01 UTC."""
    updated_ms: Annotated[int, Field(ge=0)]
    """When its last event was written, in the same unit."""
    status: str
    """`running` (also when it stopped and can be resumed), `completed` or `failed`."""
    stage: str | None
    """Where it stands, once an agent has begun."""
    reason: str | None
    """Why it failed or stopped."""
    tier: str | None
    """What was proven."""
    events: Annotated[int, Field(ge=0)]
    """Events in its journal."""
    working: bool
    """Whether somebody works on it now."""
    cancel_requested: bool
    """Whether somebody asked it to stop, and it hasn't yet."""
    caller: str | None
    """Who asked for it over HTTP."""
    links: Links
    """Where the rest of it is."""


class RunPage(BaseModel):
    """A page of the list."""

    runs: list[Run]
    """The runs, newest first."""
    next: str | None
    """What `before` is for the next page; none at the end."""


class Stopped(BaseModel):
    """What became of the wish to stop a run."""

    outcome: Literal["asked", "idle", "ended"]
    """What."""


class StreamEnd(BaseModel):
    """Where a stream of events ends: nobody works on the run any more."""

    run: str
    """The run."""
    status: str
    """As in `Run.status`."""
    reason: str | None
    """As in `Run.reason`."""
    tier: str | None
    """As in `Run.tier`."""


class TaskTold(BaseModel):
    """What was asked."""

    source: str
    """`text`, `file`, or the issue's or ticket's name."""
    title: str
    """One line."""
    description: str
    """The whole request."""


class TestCounts(BaseModel):
    """How many tests did what."""

    passed: Annotated[int, Field(ge=0)]
    """They passed."""
    failed: Annotated[int, Field(ge=0)]
    """They failed, or could not be run."""
    skipped: Annotated[int, Field(ge=0)]
    """Neither."""


class Tests(BaseModel):
    """How many tests did what, before and after."""

    before: TestCounts | None
    after: TestCounts | None
    acceptance: list[str]
    """The names of the acceptance tests."""
    failing: list[str]
    """Tests that fail with the change; the first of them."""


class UsageTold(BaseModel):
    """Tokens and money of a run."""

    calls: Annotated[int, Field(ge=0)]
    """Requests that were answered."""
    tokens: Annotated[int, Field(ge=0)]
    """Tokens of all classes."""
    cost_microusd: Annotated[int | None, Field(ge=0)]
    """Millionths of a US dollar; none when a price isn't known."""
    agents: list[AgentUsage]
    """Each agent's part."""


class RunDetail(Run):
    """A run whole, but for its events."""

    task: TaskTold
    """What was asked."""
    repo: RepoTold
    """Where the code is."""
    base: dict[str, Any]
    """What it started from."""
    crew: list[dict[str, Any]]
    """Who works on it."""
    iteration: Annotated[int, Field(ge=0)]
    """Which draft this is, counted from 1."""
    iterations_max: Annotated[int, Field(ge=0)]
    """Most drafts."""
    explanation: str | None
    """Why it ended or stopped, in words; none while it works."""
    exit_code: Annotated[int | None, Field(ge=0)]
    """The code with which the command line would have ended; none while it works."""
    tests_passed: bool | None
    """Whether the tests passed with the last draft; none before they ran."""
    qa_passed: bool | None
    """Whether the reviewer passed the last draft; none before it was asked."""
    feedback: str | None
    """The words of the last rejection."""
    proposed_code: str
    """The change so far: a unified diff against the base."""
    gates: list[Gate]
    """What each gate measured of the last draft."""
    tests: Tests
    """How many tests did what."""
    findings: list[FindingTold]
    """What the reviewer found."""
    usage: UsageTold
    """Tokens and money."""
    money_microusd_max: Annotated[int | None, Field(ge=0)]
    """The cap in money, in millionths of a US dollar."""
    tokens_max: Annotated[int | None, Field(ge=0)]
    """The cap in tokens."""
    deliveries: list[DeliveryTold]
    """Where the change is."""
    missing: list[MissingTold]
    """What could not be looked at, and why."""
    steps: list[dict[str, Any]]
    """Every generate, test and fix."""
    nobody_was_asked: str | None
    """That no model was asked, where that is so."""
    next: str
    """The command that comes next for a person."""
