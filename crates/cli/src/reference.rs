//! What people look up: every key of the configuration, every variable, every exit code. The pages of `docs/` and the texts
//! of the command line are made of these tables, and tests see that they leave nothing out.

mod keys;
mod pages;

use keys::{Key, OF_REPOSITORY, keys};
pub(crate) use pages::{configuration, environment, exit_codes, template};

/// A variable that the program reads.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
}

const fn variable(name: &'static str, about: &'static str) -> Variable {
    Variable { name, about }
}

/// All of them, but for `PIPELINE_` and a key, which stands for that key.
pub(crate) const VARIABLES: &[Variable] = &[
    variable(
        "OPENAI_API_KEY",
        "the key of OpenAI, or of a server that speaks its language",
    ),
    variable(
        "OPENAI_BASE_URL",
        "another address than OpenAI's own: Azure, Ollama, vLLM, LiteLLM",
    ),
    variable("ANTHROPIC_API_KEY", "the key of Anthropic"),
    variable("ANTHROPIC_BASE_URL", "another address than Anthropic's own"),
    variable(
        "GOOGLE_API_KEY",
        "the key of Gemini; GEMINI_API_KEY is the same",
    ),
    variable(
        "GEMINI_API_KEY",
        "the key of Gemini, if GOOGLE_API_KEY isn't set",
    ),
    variable(
        "GOOGLE_GEMINI_BASE_URL",
        "another address than Gemini's own",
    ),
    variable(
        "GITHUB_TOKEN",
        "issues and repositories of GitHub that aren't public",
    ),
    variable(
        "GITHUB_APP_ID",
        "the number of a GitHub App, which is used instead of a token",
    ),
    variable("GITHUB_APP_PRIVATE_KEY", "the app's private key, in PEM"),
    variable(
        "GITHUB_APP_PRIVATE_KEY_FILE",
        "the file with that key, where its text isn't set",
    ),
    variable(
        "GITHUB_WEBHOOK_SECRET",
        "what signs GitHub's webhooks to the bot",
    ),
    variable("GITHUB_API_URL", "the API of a GitHub Enterprise server"),
    variable(
        "JIRA_BASE_URL",
        "the address of Jira; key and user go nowhere else",
    ),
    variable(
        "JIRA_EMAIL",
        "the user of a Jira Cloud; left out for a Data Center",
    ),
    variable(
        "JIRA_API_TOKEN",
        "an API token of that user; of a Data Center, a personal access token",
    ),
    variable(
        "JIRA_WEBHOOK_SECRET",
        "what signs Jira's webhooks to the bot",
    ),
    variable(
        "PIPELINE_TRUSTED_FOLDERS",
        "folders, listed as in PATH, whose repositories' `.env` and `pipeline.toml` count",
    ),
    variable(
        "PIPELINE_LOG",
        "diagnostics on standard error, as in `info`, `debug` or `llm=trace`; comes before `-v`",
    ),
    variable(
        "PIPELINE_LOG_FORMAT",
        "the form of those diagnostics: text, or json with one object a line",
    ),
    variable(
        "PIP_INDEX_URL",
        "the package index to install from; `index_url` comes before it",
    ),
    variable(
        "SSL_CERT_FILE",
        "the certificates of your network, for packages, git and vendors",
    ),
    variable(
        "HTTPS_PROXY",
        "the proxy of your network, for packages, git and vendors; https_proxy is the same",
    ),
    variable(
        "SSH_AUTH_SOCK",
        "the agent with your SSH keys, for git addresses",
    ),
    variable("PYENV_ROOT", "where pyenv keeps its interpreters"),
    variable(
        "XDG_CACHE_HOME",
        "where tools, environments and mirrors are kept [default: ~/.cache]",
    ),
    variable(
        "XDG_STATE_HOME",
        "where runs are kept [default: ~/.local/state]",
    ),
    variable(
        "XDG_CONFIG_HOME",
        "where your `pipeline.toml` is looked for [default: ~/.config]",
    ),
    variable("NO_COLOR", "no colours"),
];
