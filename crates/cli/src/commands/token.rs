//! `pipeline token`: who may ask the server.

use delivery::words::moment;
use secrecy::ExposeSecret;

use crate::args::TokenCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::{out, words};

/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 60;

pub(crate) async fn token(command: TokenCommand) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    match command {
        TokenCommand::Add { name, admin } => add(&home, &name, admin).await,
        TokenCommand::List { json } => list(&home, json).await,
        TokenCommand::Revoke { name } => revoke(&home, &name).await,
    }
}

async fn add(home: &Home, name: &str, admin: bool) -> Result<Exit, Failure> {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && name.chars().all(is_plain);
    if !fits || name == server::OWNER {
        return Err(Failure::plain_usage(format!(
            "give a token to `{}`: a name has 1 to {NAME_CHARS_MAX} letters, digits, dots, dashes and underscores, and isn't `{}`",
            words::visible(name),
            server::OWNER
        )));
    }
    let token = server::new_secret();
    let hash = server::token_sha256(&token);
    let added = home.store.add_token(name, &hash, admin).await;
    if !added.map_err(|it| store_failure("keep the token", it))? {
        return Err(Failure::plain_usage(format!(
            "give a token to `{name}`: the name was given before (a name isn't given twice, so that old runs stay whose they are)"
        )));
    }
    out::line(token.expose_secret());
    out::remark(
        "this is the only time that it is shown; it goes into the header `Authorization: Bearer TOKEN`",
    );
    Ok(Exit::Done)
}

async fn list(home: &Home, json: bool) -> Result<Exit, Failure> {
    let tokens = home.store.tokens().await;
    let tokens = tokens.map_err(|it| store_failure("list the tokens", it))?;
    if tokens.is_empty() && !json {
        out::line("Nobody has a token. `pipeline token add NAME` gives one.");
    }
    for token in &tokens {
        if json {
            let line = serde_json::to_string(token)
                .map_err(|it| Failure::broken("print the tokens", it))?;
            out::line(&line);
            continue;
        }
        let at = |ms: i64| moment(ms.unsigned_abs());
        let may = match (token.revoked_ms, token.is_admin()) {
            (Some(ms), _) => format!("may no more since {}", at(ms)),
            (None, true) => "sees and steers everybody's runs".to_owned(),
            (None, false) => "sees and steers their own runs".to_owned(),
        };
        let name = words::visible(&token.name);
        out::line(&format!(
            "{name:<20}  since {}  {may}",
            at(token.created_ms)
        ));
    }
    Ok(Exit::Done)
}

async fn revoke(home: &Home, name: &str) -> Result<Exit, Failure> {
    let revoked = home.store.revoke_token(name).await;
    if !revoked.map_err(|it| store_failure("take the token back", it))? {
        return Err(Failure::plain_usage(format!(
            "take the token of `{}` back: nobody of that name has one",
            words::visible(name)
        ))
        .advise("`pipeline token list` says who does."));
    }
    out::line(&format!("{name} may ask no more."));
    Ok(Exit::Done)
}
