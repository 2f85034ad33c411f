//! What `pipeline doctor` says of a machine, of keys and of who can be reached; the hosts are small real servers.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;

use expect_test::{Expect, expect};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use serde_json::Value;
use testkit::tracker::{FakeGitHub, FakeJira};
use testkit::vendor::{FakeVendor, Script, Speaks};

use crate::world::World;

const KEY: &str = "fake-key-81d2";
const WRONG: &str = "wrong-key-81d2";
/// `me@example.org:jira-token`, as Basic authentication writes it.
const BASIC: &str = "Basic bWVAZXhhbXBsZS5vcmc6amlyYS10b2tlbg==";
const TOKEN: &str = "ghp_0123456789";

/// The program blocks, and the servers must go on answering.
async fn doctor(world: World, arguments: &[&str]) -> (World, Value, i32) {
    let mut all = vec!["doctor".to_owned(), "--json".to_owned()];
    all.extend(arguments.iter().map(|it| (*it).to_owned()));
    let ended = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = all.iter().map(String::as_str).collect();
        let ended = world.pipeline(&arguments);
        (world, ended)
    });
    let (world, ended) = ended.await.expect("the program is waited for");
    for secret in [KEY, WRONG, TOKEN] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret));
    }
    assert_eq!(ended.stderr, "");
    let told = serde_json::from_str(&ended.stdout).expect("it is one document");
    (world, told, ended.code)
}

/// The rows about a request, with the addresses that differ from one run to the next masked.
fn reached(told: &Value) -> String {
    let port = regex::Regex::new(r"127\.0\.0\.1:\d+").expect("it is a pattern");
    let rows = told["rows"].as_array().expect("there are rows");
    let lines = rows
        .iter()
        .filter(|it| it.get("reach").is_some())
        .map(|it| {
            let word = |name: &str| it[name].as_str().unwrap_or("-").to_owned();
            let line = format!(
                "{} {} {}: {}\n  {}\n",
                word("id"),
                word("state"),
                word("reach"),
                word("about"),
                word("todo")
            );
            port.replace_all(&line, "127.0.0.1:[PORT]").into_owned()
        });
    lines.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_goes_to_its_own_host_and_the_answer_is_told() {
    let (openai, anthropic, gemini) = (
        FakeVendor::start(Speaks::OpenAi, KEY, Script::in_order([])).await,
        FakeVendor::start(Speaks::Anthropic, KEY, Script::in_order([])).await,
        FakeVendor::start(Speaks::Gemini, KEY, Script::in_order([])).await,
    );
    let (openai, anthropic, gemini) = (
        openai.expect("it can be had"),
        anthropic.expect("it can be had"),
        gemini.expect("it can be had"),
    );
    let index = FakeVendor::start(Speaks::OpenAi, "", Script::in_order([]))
        .await
        .expect("it can be had");
    let github = FakeGitHub::start([], Some(TOKEN)).await;
    let jira = FakeJira::start([], BASIC).await;
    let world = |gemini_key: &str, token: &str| {
        World::new()
            .variable("OPENAI_API_KEY", KEY)
            .variable("ANTHROPIC_API_KEY", KEY)
            .variable("GOOGLE_API_KEY", gemini_key)
            .variable("OPENAI_BASE_URL", openai.base_url())
            .variable("ANTHROPIC_BASE_URL", anthropic.base_url())
            .variable("GOOGLE_GEMINI_BASE_URL", gemini.base_url())
            .variable("PIP_INDEX_URL", &format!("{}simple", index.base_url()))
            .variable("GITHUB_API_URL", &github.api_url())
            .variable("GITHUB_TOKEN", token)
            .variable("JIRA_BASE_URL", &jira.base_url())
            .variable("JIRA_EMAIL", "me@example.org")
            .variable("JIRA_API_TOKEN", "jira-token")
    };
    let (_, told, code) = doctor(world(KEY, TOKEN), &["--network"]).await;
    expect![[r#"
        reach.anthropic ok answers: http://127.0.0.1:[PORT] answers, and takes what it is sent
          -
        reach.gemini ok answers: http://127.0.0.1:[PORT] answers, and takes what it is sent
          -
        reach.openai ok answers: http://127.0.0.1:[PORT] answers, and takes what it is sent
          -
        reach.index ok unsure: http://127.0.0.1:[PORT] answers, with status 404
          -
        reach.github ok answers: http://127.0.0.1:[PORT] answers, and takes what it is sent
          -
        reach.jira ok answers: http://127.0.0.1:[PORT] answers, and takes what it is sent
          -
    "#]]
    .assert_eq(&reached(&told));
    assert_eq!(
        (code, &told["verdict"], &told["form"]),
        (0, &"ready".into(), &1.into())
    );
    for vendor in [&openai, &anthropic, &gemini] {
        let asked: Vec<String> = vendor.received().into_iter().map(|it| it.path).collect();
        assert_eq!(
            asked.len(),
            1,
            "one request, and none that is paid for: {asked:?}"
        );
        assert!(asked[0].ends_with("/models"), "{asked:?}");
    }
    // No key goes to the index.
    let to_index = index.received();
    assert_eq!(to_index[0].path, "/v1/simple/pip/");
    assert_eq!(to_index[0].header("authorization"), None);

    let (_, told, code) = doctor(world(WRONG, WRONG), &["--network"]).await;
    expect![[r#"
        reach.anthropic ok answers: http://127.0.0.1:[PORT] answers, and takes what it is sent
          -
        reach.gemini fails key_refused: http://127.0.0.1:[PORT] refuses the key (status 400)
          Check GOOGLE_API_KEY or GEMINI_API_KEY, and GOOGLE_GEMINI_BASE_URL.
        reach.openai ok answers: http://127.0.0.1:[PORT] answers, and takes what it is sent
          -
        reach.index ok unsure: http://127.0.0.1:[PORT] answers, with status 404
          -
        reach.github fails key_refused: http://127.0.0.1:[PORT] refuses the key (status 401)
          Check GITHUB_TOKEN, and GITHUB_API_URL.
        reach.jira ok answers: http://127.0.0.1:[PORT] answers, and takes what it is sent
          -
    "#]]
    .assert_eq(&reached(&told));
    // The first thing that stands in the way says how a run would end.
    assert_eq!((code, &told["verdict"]), (16, &"not_ready".into()));
    assert_eq!(told["exit_code"], 16);
}

/// A server whose certificate nobody has signed.
fn untrusted() -> String {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bad_input/untrusted");
    let certificate =
        CertificateDer::from_pem_file(format!("{here}/certificate.pem")).expect("it can be had");
    let key = PrivateKeyDer::from_pem_file(format!("{here}/key.pem")).expect("it can be had");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("it can be had")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("it can be had");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("it can be had");
    let address = format!(
        "https://{}/v1",
        listener.local_addr().expect("it can be had")
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let Ok(mut connection) = ServerConnection::new(config.clone()) else {
                return;
            };
            // The client hangs up as soon as it has seen the certificate.
            let mut stream = rustls::Stream::new(&mut connection, &mut stream);
            let _ = stream.read(&mut [0; 64]);
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_host_and_a_certificate_of_nobody_are_told_apart() {
    let address = untrusted();
    let world = World::new()
        .variable("OPENAI_API_KEY", KEY)
        .variable("ANTHROPIC_API_KEY", KEY)
        .variable("GOOGLE_API_KEY", KEY)
        .variable("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        .variable("ANTHROPIC_BASE_URL", &address)
        .variable("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9/")
        .variable("PIP_INDEX_URL", &format!("{address}/simple"))
        .variable("SSL_CERT_FILE", "")
        .variable("PIP_CERT", "");
    let (_, told, code) = doctor(world, &["--network"]).await;
    expect![[r#"
        reach.anthropic fails certificate_refused: https://127.0.0.1:[PORT] has a certificate that this machine doesn't trust: invalid peer certificate: UnsupportedSignatureAlgorithmForPublicKeyContext { signature_algorithm_id: [6, 8, 42, 134, 72, 206, 61, 4, 3, 2], public_key_algorithm_id: [6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 1, 5, 0] }
          Your network replaces certificates: set SSL_CERT_FILE to a file with its own.
        reach.gemini fails no_route: http://127.0.0.1:[PORT] can't be reached: Connection refused (os error 111)
          Check the network and HTTPS_PROXY, and GOOGLE_GEMINI_BASE_URL.
        reach.openai fails no_route: http://127.0.0.1:[PORT] can't be reached: Connection refused (os error 111)
          Check the network and HTTPS_PROXY, and OPENAI_BASE_URL.
        reach.index fails certificate_refused: https://127.0.0.1:[PORT] has a certificate that this machine doesn't trust: invalid peer certificate: UnsupportedSignatureAlgorithmForPublicKeyContext { signature_algorithm_id: [6, 8, 42, 134, 72, 206, 61, 4, 3, 2], public_key_algorithm_id: [6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 1, 5, 0] }
          Your network replaces certificates: set SSL_CERT_FILE to a file with its own.
    "#]].assert_eq(&reached(&told));
    assert_eq!(code, 16);
}

#[track_caller]
fn check(world: &World, arguments: &[&str], want: Expect) {
    let ended = world.pipeline(&[&["doctor"], arguments].concat());
    // What this machine's sandbox lacks differs from one machine to the next.
    let of_machine = ["git ", "bwrap", "python3", "sandbox", "but "];
    let text = ended.stdout.lines().filter(|it| {
        let words = it.trim_start_matches(['✓', '–', '✗', ' ']);
        !of_machine.iter().any(|it| words.starts_with(it)) && !words.contains("bubblewrap")
    });
    let text: String = text.map(|it| format!("{it}\n")).collect();
    let told = format!("exit {}\n{}{}", ended.code, text, ended.stderr);
    want.assert_eq(&world.masked(&told));
}

#[test]
fn the_last_line_says_whether_a_run_can_begin_and_the_code_how_it_would_end() {
    let keys = World::new()
        .variable("OPENAI_API_KEY", KEY)
        .variable("ANTHROPIC_API_KEY", KEY)
        .variable("GEMINI_API_KEY", KEY);
    check(
        &keys,
        &[],
        expect![[r#"
        exit 0
        ✓ configuration  can be read
        ✓ runs           [WORLD]/home/.local/state/pipeline
        ✓ cache          [WORLD]/cache/pipeline
        ✓ Anthropic      ANTHROPIC_API_KEY is set
        ✓ Gemini         GEMINI_API_KEY is set
        ✓ OpenAI         OPENAI_API_KEY is set
        – GITHUB_TOKEN   is not set; for private repositories and issues
        – JIRA_API_TOKEN is not set; for tickets
        ✓ ready          everything that a run needs is there (--network asks whether it can be reached)
    "#]],
    );
    // Whoever has no key for what is configured is told which roles want it.
    check(
        &World::new().variable("GOOGLE_API_KEY", KEY),
        &[],
        expect![[r#"
            exit 2
            ✓ configuration  can be read
            ✓ runs           [WORLD]/home/.local/state/pipeline
            ✓ cache          [WORLD]/cache/pipeline
            ✗ Anthropic      ANTHROPIC_API_KEY is not set; for refine (anthropic:claude-sonnet-5-5), author (anthropic:claude-sonnet-5-5)
              what to do: Set it, or choose models of other vendors (`pipeline models`). `pipeline demo` needs no key.
            ✓ Gemini         GOOGLE_API_KEY is set
            ✗ OpenAI         OPENAI_API_KEY is not set; for draft (openai:gpt-6.1-sol)
              what to do: Set it, or choose models of other vendors (`pipeline models`). `pipeline demo` needs no key.
            – GITHUB_TOKEN   is not set; for private repositories and issues
            – JIRA_API_TOKEN is not set; for tickets
            ✗ not ready      Anthropic, OpenAI stand in the way (exit 2)
        "#]],
    );
    let own = World::new()
        .file(
            "home/.config/pipeline/pipeline.toml",
            "coders = [\"openai:qwen3:8b\"]\ntest_author = \"none\"\nreviewer = \"none\"\n",
        )
        .variable("OPENAI_BASE_URL", "http://127.0.0.1:9/v1");
    check(
        &own,
        &[],
        expect![[r#"
        exit 0
        ✓ configuration  can be read
        ✓ runs           [WORLD]/home/.local/state/pipeline
        ✓ cache          [WORLD]/cache/pipeline
        – Anthropic      ANTHROPIC_API_KEY is not set
        – Gemini         GOOGLE_API_KEY or GEMINI_API_KEY is not set
        – OpenAI         OPENAI_API_KEY is not set, at another address (OPENAI_BASE_URL)
        – GITHUB_TOKEN   is not set; for private repositories and issues
        – JIRA_API_TOKEN is not set; for tickets
        ✓ ready          everything that a run needs is there (--network asks whether it can be reached)
    "#]],
    );
    let broken = keys.file("home/.config/pipeline/pipeline.toml", "budgte = 2\n");
    check(
        &broken,
        &[],
        expect![[r#"
            exit 2
            ✗ configuration  could not use `budgte` of [WORLD]/home/.config/pipeline/pipeline.toml: there is no such key (there are crew, coders, test_author, reviewer, effort, fallback, reply_tokens, flex, budget, token_budget, confirm_above, database_url, index_url, index_hosts, author, pull_request, github, jira, bot, server, prices, openai_api, patience, limits)
            ✓ runs           [WORLD]/home/.local/state/pipeline
            ✓ cache          [WORLD]/cache/pipeline
            ✓ Anthropic      ANTHROPIC_API_KEY is set
            ✓ Gemini         GEMINI_API_KEY is set
            ✓ OpenAI         OPENAI_API_KEY is set
            – GITHUB_TOKEN   is not set; for private repositories and issues
            – JIRA_API_TOKEN is not set; for tickets
            ✗ not ready      configuration stands in the way (exit 2)
        "#]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_has_a_name_that_the_page_explains() {
    let page = include_str!("../../../../docs/doctor.md");
    let world = World::new()
        .variable("PATH", "[WORLD]/here")
        .variable("OPENAI_API_KEY", KEY)
        .variable("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        .variable("GITHUB_API_URL", "http://127.0.0.1:9")
        .variable("JIRA_BASE_URL", "http://127.0.0.1:9")
        .variable("JIRA_EMAIL", "me@example.org")
        .variable("JIRA_API_TOKEN", "jira-token");
    let (_, told, code) = doctor(world, &["--network"]).await;
    assert_eq!(code, 13, "no git: {told}");
    let rows = told["rows"].as_array().expect("there are rows");
    let mut keys = BTreeSet::from(["form", "version", "verdict", "exit_code", "rows"]);
    for row in rows {
        let id = row["id"].as_str().expect("a row has a name");
        assert!(page.contains(&format!("`{id}`")), "docs/doctor.md: {id}");
        let row = row.as_object().expect("a row is an object");
        keys.extend(row.keys().map(String::as_str));
    }
    for key in keys {
        assert!(page.contains(&format!("`{key}`")), "docs/doctor.md: {key}");
    }
}
