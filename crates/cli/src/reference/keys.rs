//! The keys of `pipeline.toml`, with what each is for and a value that can be copied.

/// A key of a configuration.
pub(crate) struct Key {
    /// As in `limits.iterations_max`.
    pub(crate) name: &'static str,
    /// A value as TOML has it.
    pub(crate) example: &'static str,
    pub(crate) about: &'static str,
}

const fn key(name: &'static str, example: &'static str, about: &'static str) -> Key {
    Key {
        name,
        example,
        about,
    }
}

/// All keys of `pipeline.toml`.
pub(crate) fn keys() -> impl Iterator<Item = &'static Key> {
    [CREW, MONEY, PLACES, PATIENCE, LIMITS]
        .into_iter()
        .flatten()
}

const CREW: &[Key] = &[
    key(
        "crew",
        "\"default\"",
        "the crew that fills all roles: best, cheap or default",
    ),
    key(
        "coders",
        "[\"openai:gpt-6.1-sol\", \"anthropic:claude-sonnet-5-5\"]",
        "coders in order; before the crew's",
    ),
    key(
        "test_author",
        "\"anthropic:claude-sonnet-5-5\"",
        "who writes the acceptance tests, or `none`; before the crew's",
    ),
    key(
        "reviewer",
        "\"gemini:gemini-3.8-flash\"",
        "who reviews, or `none`; of another vendor than the last coder",
    ),
    key(
        "effort.draft",
        "\"medium\"",
        "how hard the model of a role thinks: low, medium, high, xhigh or max",
    ),
    key("effort.refine", "\"high\"", "the same for who refines"),
    key(
        "effort.author",
        "\"medium\"",
        "the same for who writes the tests",
    ),
    key("effort.review", "\"medium\"", "the same for who reviews"),
    key(
        "fallback.draft",
        "\"anthropic:claude-sonnet-5-5\"",
        "who stands in for a role while its model's vendor is down",
    ),
    key(
        "fallback.refine",
        "\"openai:gpt-6.1-sol\"",
        "the same for who refines",
    ),
    key(
        "fallback.author",
        "\"openai:gpt-6.1-sol\"",
        "the same for who writes the tests",
    ),
    key(
        "fallback.review",
        "\"openai:gpt-6.1-sol\"",
        "the same for who reviews",
    ),
    key(
        "reply_tokens.draft",
        "32000",
        "the least that a reply of a role may take up, in tokens, thinking included",
    ),
    key("reply_tokens.refine", "32000", "the same for who refines"),
    key(
        "reply_tokens.author",
        "48000",
        "the same for who writes the tests",
    ),
    key("reply_tokens.review", "32000", "the same for who reviews"),
    key(
        "flex",
        "false",
        "use the cheaper, slower service of a vendor that has one",
    ),
    key(
        "openai_api",
        "\"responses\"",
        "what the server behind OPENAI_BASE_URL speaks: responses or chat",
    ),
];

const MONEY: &[Key] = &[
    key(
        "budget",
        "2.00",
        "most money a run may spend, in US dollars",
    ),
    key(
        "token_budget",
        "2000000",
        "most tokens a run may use, input and output together",
    ),
    key(
        "confirm_above",
        "5.00",
        "on a terminal, a run that may cost more than this asks first, in US dollars",
    ),
    key(
        "prices.\"openai:our-model\".input",
        "2.50",
        "US dollars per million tokens, in place of the bundled price: fresh input",
    ),
    key(
        "prices.\"openai:our-model\".cached",
        "0.25",
        "input read from a cache",
    ),
    key(
        "prices.\"openai:our-model\".cache_write",
        "3.10",
        "input written to a cache for some minutes",
    ),
    key(
        "prices.\"openai:our-model\".cache_write_hour",
        "5.00",
        "input written to a cache for an hour",
    ),
    key("prices.\"openai:our-model\".output", "15.00", "output"),
];

const PLACES: &[Key] = &[
    key(
        "database_url",
        "\"sqlite:/home/me/runs.db\"",
        "where runs are kept: sqlite:PATH or postgres://…",
    ),
    key(
        "index_url",
        "\"https://packages.example.org/simple\"",
        "the Python package index to install from",
    ),
    key(
        "index_hosts",
        "[\"files.example.org\"]",
        "further hosts that an installation may reach, as host or host:port",
    ),
    key("author.name", "\"pipeline\"", "who a commit is by"),
    key(
        "author.email",
        "\"pipeline@localhost\"",
        "the address of that author",
    ),
    key(
        "pull_request.labels",
        "[\"pipeline\"]",
        "labels that every pull request gets",
    ),
    key(
        "pull_request.reviewers",
        "[\"ada\", \"acme/core\"]",
        "people, or teams as organisation/team, who are asked for a review",
    ),
    key(
        "pull_request.open_max",
        "5",
        "most pull requests of ours that are open in one repository",
    ),
    key(
        "pull_request.lines_max",
        "2000",
        "most lines that a pull request changes",
    ),
    key(
        "github.outside_comments",
        "false",
        "whether comments of those who don't belong to a repository are part of a task, marked as theirs",
    ),
    key(
        "jira.acceptance_field",
        "\"customfield_10040\"",
        "the field of a ticket whose text is part of the task",
    ),
    key(
        "jira.transition",
        "\"In Review\"",
        "the transition, or the status, that a ticket is moved by when its change asks to be merged",
    ),
    key(
        "bot.repositories",
        "[\"acme/pager\"]",
        "repositories that the bot watches",
    ),
    key("bot.label", "\"pipeline\"", "the label that asks for a run"),
    key(
        "bot.off_label",
        "\"pipeline:off\"",
        "the label that keeps the bot away from an issue",
    ),
    key(
        "bot.bots",
        "[\"renovate[bot]\"]",
        "programs that may ask for a run; others are refused",
    ),
    key("bot.parallel", "1", "runs at once"),
    key(
        "bot.repository_day_budget",
        "20.00",
        "most money a day on one repository, in US dollars",
    ),
    key("bot.day_budget", "50.00", "most money a day, in US dollars"),
    key(
        "bot.jira.projects",
        "{ PROJ = \"acme/pager\" }",
        "the repository that a project's tickets are about",
    ),
    key(
        "bot.jira.group",
        "\"developers\"",
        "the group of Jira whose members may ask for a run",
    ),
    key(
        "bot.jira.status",
        "\"Ready for work\"",
        "the status that asks for a run when a ticket is moved there",
    ),
    key(
        "server.listen",
        "\"127.0.0.1:8787\"",
        "where the server listens; where others reach it, each needs a token",
    ),
    key(
        "server.hosts",
        "[\"pipeline.example.com\"]",
        "names under which others reach the server",
    ),
    key(
        "server.folders",
        "[\"~/code\"]",
        "folders below which repositories may be named over HTTP; for you alone, the repository of the working folder when none is given",
    ),
    key("server.parallel", "4", "runs at once"),
    key("server.caller_parallel", "4", "runs at once of one caller"),
    key(
        "server.streams",
        "256",
        "streams that one caller may have open",
    ),
    key(
        "server.requests_per_minute",
        "600",
        "requests a minute of one caller",
    ),
    key(
        "server.run_budget_max",
        "5.00",
        "most money that a caller may let a run spend, in US dollars",
    ),
    key(
        "server.clean_after_days",
        "30",
        "after how many days at their end the server removes the working copies of runs; 0 is never",
    ),
];

const PATIENCE: &[Key] = &[
    key(
        "patience.tries_max",
        "6",
        "requests sent for one reply, the first included",
    ),
    key(
        "patience.first_wait_ms",
        "1000",
        "the shortest wait before another try",
    ),
    key(
        "patience.wait_ms_max",
        "60000",
        "the longest single wait; a vendor that asks for more isn't waited for",
    ),
    key(
        "patience.waits_ms_max",
        "180000",
        "the longest that all waits for one reply may take together",
    ),
    key(
        "patience.connect_ms_max",
        "15000",
        "the longest time until a connection stands",
    ),
    key(
        "patience.answer_ms_max",
        "600000",
        "the longest time until an answer is complete",
    ),
];

const LIMITS: &[Key] = &[
    key(
        "limits.iterations_max",
        "3",
        "drafts in all, the first one included",
    ),
    key(
        "limits.turns_max",
        "60",
        "model requests in one visit of one agent",
    ),
    key(
        "limits.tool_calls_per_reply_max",
        "32",
        "tool calls taken from one reply",
    ),
    key(
        "limits.visit_tokens_max",
        "2000000",
        "input and output tokens of one visit of one agent",
    ),
    key(
        "limits.visit_seconds_max",
        "1800",
        "wall time of one visit of one agent",
    ),
    key(
        "limits.reply_tokens_max",
        "16000",
        "output tokens asked of a model in one reply",
    ),
    key(
        "limits.command_seconds_max",
        "120",
        "wall time of one command that a model asked for",
    ),
    key(
        "limits.test_run_seconds_max",
        "900",
        "wall time of one test run",
    ),
    key(
        "limits.install_seconds_max",
        "900",
        "wall time of one installation of a Python environment",
    ),
    key(
        "limits.cpu_seconds_max",
        "900",
        "processor time of one command",
    ),
    key(
        "limits.memory_bytes_max",
        "4294967296",
        "address space of one process",
    ),
    key(
        "limits.file_bytes_max",
        "1073741824",
        "largest file that a command may write",
    ),
    key("limits.processes_max", "512", "processes of one command"),
    key(
        "limits.output_bytes_max",
        "65536",
        "output kept of each stream of a command",
    ),
    key(
        "limits.output_flood_bytes_max",
        "67108864",
        "output after which a command is stopped",
    ),
    key(
        "limits.answer_bytes_max",
        "16384",
        "text of one tool answer to a model",
    ),
    key("limits.author_tries_max", "3", "tries of the test author"),
    key(
        "limits.patch_bytes_max",
        "1048576",
        "size of a draft, as a unified diff",
    ),
    key(
        "limits.patch_files_max",
        "200",
        "files that a draft may touch",
    ),
    key(
        "limits.suite_seconds_max",
        "600",
        "wall time of the whole suite with the change; a slower one is cut down to what the change can affect",
    ),
    key(
        "limits.reruns_max",
        "10",
        "reruns, on each side, of a test that seems to have been broken",
    ),
    key(
        "limits.bite_hunks_max",
        "16",
        "hunks of a draft that are reverted one by one to see whether a test notices",
    ),
    key("limits.bite_seconds_max", "120", "wall time of all of that"),
];

/// The keys of `[tool.pipeline]` in a repository's `pyproject.toml`. They are all that a repository may say.
pub(crate) const OF_REPOSITORY: &[Key] = &[
    key(
        "install_command",
        "\"uv pip install -e '.[qa]' pytest\"",
        "installs everything that the tests need; one line, or a list of lines",
    ),
    key(
        "test_command",
        "\"make test\"",
        "runs the tests, instead of pytest",
    ),
    key(
        "source_paths",
        "[\"lib\"]",
        "folders that hold the packages' sources, relative to the root",
    ),
];
