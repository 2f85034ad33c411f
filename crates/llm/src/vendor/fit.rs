//! How long a reply may be where conversation and reply together don't fit into what a model can read.

/// A reply that is shorter than this isn't worth a request.
const REPLY_TOKENS_MIN: u32 = 256;

/// The reply that would have fitted, from the words of a server that refused the sum of both.
///
/// vLLM, and servers built on it, refuse a request whose prompt and `max_tokens` together pass the window, in one of two
/// sentences; Anthropic's older models have a third. None has a field for the numbers.
pub(super) fn reply_tokens_that_fit(words: &str) -> Option<u32> {
    let (window, prompt) = if let Some(sum) = after(words, "exceed context limit: ") {
        // "… exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again"
        (after(words, "> ")?, sum)
    } else {
        let window = after(words, "maximum context length is ")?;
        // "… you requested 5000 tokens (4000 in the messages, 1000 in the completion)"
        let in_messages = before(words, " in the messages");
        // "… and your request has 5000 input tokens (16000 > 8192 - 5000)"
        (
            window,
            in_messages.or_else(|| after(words, "your request has "))?,
        )
    };
    let left = u32::try_from(window.checked_sub(prompt)?).ok()?;
    (REPLY_TOKENS_MIN <= left).then_some(left)
}

/// The number that stands right behind a phrase.
fn after(words: &str, phrase: &str) -> Option<u64> {
    let rest = &words[words.find(phrase)? + phrase.len()..];
    let end = rest
        .find(|it: char| !it.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The number that stands right before a phrase.
fn before(words: &str, phrase: &str) -> Option<u64> {
    let rest = &words[..words.find(phrase)?];
    let begin = rest
        .rfind(|it: char| !it.is_ascii_digit())
        .map_or(0, |it| it + 1);
    rest[begin..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_read_from_the_refusal() {
        let check = |words: &str, want| assert_eq!(reply_tokens_that_fit(words), want, "{words}");
        check(
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (3000 in the messages, 2000 in the completion). Please reduce the length of the messages or completion.",
            Some(1096),
        );
        check(
            "'max_tokens' or 'max_completion_tokens' is too large: 16000. This model's maximum context length is 8192 tokens and your request has 5000 input tokens (16000 > 8192 - 5000).",
            Some(3192),
        );
        check(
            "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again",
            Some(11_760),
        );
        check(
            "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens (7000 in the messages, 2000 in the completion).",
            None,
        );
        check(
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion).",
            None,
        );
        check("prompt is too long: 215000 tokens > 200000 maximum", None);
        check("maximum context length is ", None);
    }
}
