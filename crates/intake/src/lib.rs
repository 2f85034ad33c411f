//! GitHub issue, Jira ticket or text to a task; repository address to where to clone from.
