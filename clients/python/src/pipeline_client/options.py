"""What the API is asked. Made from crates/server/openapi.json by clients/generate: change nothing here."""

from __future__ import annotations

from typing import Literal

from typing_extensions import NotRequired, TypedDict


class NewRun(TypedDict, closed=True):
    """A run that is asked for: one of `github`, `jira` and `task` at least, taken in this order."""

    repo: NotRequired[str | None]
    """Git address, `owner/repo`, or a folder below one that the server was given."""
    base: NotRequired[str | None]
    """Branch, tag or commit to start from."""
    include_dirty: NotRequired[bool]
    """Take a local folder's uncommitted changes along as part of the base."""
    new: NotRequired[bool]
    """Start from an empty repository."""
    github: NotRequired[str | None]
    """The task is a GitHub issue, as `owner/repo#12` or its address; its repository is the default for `repo`."""
    jira: NotRequired[str | None]
    """The task is a Jira ticket, as `ABC-1` or its address."""
    task: NotRequired[str | None]
    """The task in words; first line the title, the rest the description."""
    crew: NotRequired[str | None]
    """A set of models for all roles; what is said of a role comes before it."""
    coders: NotRequired[list[str]]
    """Coders in order, as `vendor:model`."""
    test_author: NotRequired[str | None]
    """Who writes the acceptance tests; `none` leaves the role out."""
    reviewer: NotRequired[str | None]
    """Who reviews; `none` leaves the role out."""
    effort: NotRequired[dict[str, str]]
    """How hard the models of a role think, by `draft`, `refine`, `author` and `review`."""
    fallback: NotRequired[dict[str, str]]
    """Who stands in for a role while its model's vendor is down."""
    flex: NotRequired[bool]
    """Use the cheaper, slower service of the vendors that have one."""
    max_iterations: NotRequired[int | None]
    """Drafts in all, the first one included."""
    test_seconds: NotRequired[int | None]
    """Seconds that one run of the tests may take."""
    budget: NotRequired[str | None]
    """Most money to spend, in US dollars, as in `2.00`."""
    token_budget: NotRequired[int | None]
    """Most tokens to use, input and output together."""
    require: NotRequired[Literal["proven", "regression-safe"] | None]
    """Deliver only what was proven at least this far."""
    commit: NotRequired[bool]
    """Commit the change to a new branch of the folder that `repo` names."""
    push: NotRequired[bool]
    """Push the change to a branch of the remote repository."""
    pr: NotRequired[bool]
    """Push it and open a pull request."""
    draft: NotRequired[bool]
    """Make the request a draft also when the change is proven."""
    comment: NotRequired[bool]
    """Tell the issue or the ticket how it ended."""
    demo: NotRequired[bool]
    """The bundled demonstration: scripted models, no key. Nothing else may be said beside it."""


class Changes(TypedDict, closed=True):
    """What may be different from here on when a run is gone on with. What isn't said stays as it was."""

    crew: NotRequired[str | None]
    """As in `NewRun.crew`."""
    coders: NotRequired[list[str]]
    """All of them in order, also those who stay."""
    test_author: NotRequired[str | None]
    """As in `NewRun.test_author`."""
    reviewer: NotRequired[str | None]
    """As in `NewRun.reviewer`."""
    effort: NotRequired[dict[str, str]]
    """As in `NewRun.effort`."""
    fallback: NotRequired[dict[str, str]]
    """As in `NewRun.fallback`."""
    max_iterations: NotRequired[int | None]
    """Drafts in all, those that were made included."""
    test_seconds: NotRequired[int | None]
    """As in `NewRun.test_seconds`."""
    budget: NotRequired[str | None]
    """Most money to spend in all, what was spent before included."""
    token_budget: NotRequired[int | None]
    """Most tokens to use in all, those that were used before included."""
    require: NotRequired[Literal["proven", "regression-safe"] | None]


class Destinations(TypedDict, closed=True):
    """Where the change of a completed run shall go."""

    commit: NotRequired[bool]
    """As in `NewRun.commit`."""
    push: NotRequired[bool]
    """As in `NewRun.push`."""
    pr: NotRequired[bool]
    """As in `NewRun.pr`."""
    draft: NotRequired[bool]
    """As in `NewRun.draft`."""
    comment: NotRequired[bool]
    """As in `NewRun.comment`."""
    require: NotRequired[Literal["proven", "regression-safe"] | None]
