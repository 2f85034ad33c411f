//! Tells a test that can't run here from one that says something about the code.

use protocol::TestResult;

/// Exceptions that come from what the walls or the machine don't have, as the libraries name them.
const EXCEPTIONS: [&str; 13] = [
    // The standard library.
    "gaierror",
    "herror",
    "URLError",
    "ModuleNotFoundError",
    // urllib3, requests, httpx, aiohttp, botocore, pytest-socket.
    "NewConnectionError",
    "NameResolutionError",
    "MaxRetryError",
    "ConnectError",
    "ClientConnectorError",
    "ClientConnectorDNSError",
    "EndpointConnectionError",
    "SocketBlockedError",
    "SocketConnectBlockedError",
];
/// What the system says where the type alone says too little; from glibc's and the kernel's messages.
const WORDS: [&str; 6] = [
    "Temporary failure in name resolution",
    "Name or service not known",
    "No address associated with hostname",
    "Network is unreachable",
    "No route to host",
    "No module named ",
];

/// Whether a red test failed because of what isn't here: a network, a package. It says so only of tests that are red;
/// whether that excuses a change is for whoever knows both sides.
pub(crate) fn is_missing_something(result: &TestResult) -> bool {
    let exception = result.exception.rsplit('.').next().unwrap_or_default();
    result.outcome.is_red()
        && (EXCEPTIONS.contains(&exception) || WORDS.iter().any(|it| result.message.contains(it)))
}

#[cfg(test)]
mod tests {
    use protocol::TestOutcome;

    use super::*;

    #[track_caller]
    fn check(outcome: TestOutcome, exception: &str, message: &str, want: bool) {
        let result = TestResult {
            id: "t.py::a".to_owned(),
            outcome,
            phase: "call".to_owned(),
            exception: exception.to_owned(),
            message: message.to_owned(),
        };
        assert_eq!(is_missing_something(&result), want, "{result:?}");
    }

    #[test]
    fn a_failure_for_want_of_a_network_or_a_package_is_told_from_others() {
        use TestOutcome::{Error, Failed, Passed, Skipped};
        check(Failed, "gaierror", "", true);
        check(
            Error,
            "requests.exceptions.ConnectionError",
            "NameResolutionError: Temporary failure in name resolution",
            true,
        );
        check(
            Error,
            "ModuleNotFoundError",
            "No module named 'numpy'",
            true,
        );
        check(
            Error,
            "CollectError",
            "E   ModuleNotFoundError: No module named 'numpy'",
            true,
        );
        check(
            Failed,
            "OSError",
            "E   OSError: [Errno 101] Network is unreachable",
            true,
        );
        check(Failed, "AssertionError", "assert 1 == 2", false);
        check(
            Failed,
            "ConnectionError",
            "refused by the code under test",
            false,
        );
        check(Failed, "", "", false);
        check(Skipped, "", "No module named 'numpy'", false);
        check(Passed, "gaierror", "", false);
    }
}
