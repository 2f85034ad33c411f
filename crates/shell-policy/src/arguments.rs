//! Options and operands of one program: which are refused, and which are paths that must stay inside.

use super::directory::Directories;
use super::programs::Program;
use super::word::Word;

/// Judges the arguments of a program that has nothing special, and gives its operands.
pub(super) fn judge<'a>(
    program: &Program,
    arguments: &'a [Word],
    at: &Directories,
) -> Result<Vec<&'a Word>, String> {
    let mut operands: Vec<&Word> = Vec::new();
    let mut pattern_given = false;
    let mut only_operands = false;
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.text.as_str();
        if only_operands || text == "-" || !text.starts_with('-') {
            operands.push(word);
            continue;
        }
        if text == "--" {
            only_operands = true;
            continue;
        }
        // What a pattern of file names becomes can't begin with a dash unless it is written so.
        if word.is_pattern {
            return Err(format!("`{text}` may become any option; write it out"));
        }
        let (option, value) = split(program, text)?;
        let value = match value {
            None if takes_a_value(program, option) => rest.next().map(|it| it.text.as_str()),
            value => value,
        };
        if program.text.contains(&option) {
            pattern_given |= matches!(option, "-e" | "--regexp");
        } else if let Some(value) = value {
            judge_value(value, at)?;
        }
    }
    // With `-e` the pattern is an option, and every operand is a path.
    let text_operands = if pattern_given {
        0
    } else {
        program.text_operands
    };
    for operand in operands.iter().skip(text_operands) {
        judge_operand(&operand.text, at)?;
        judge_pattern(program, operand, only_operands)?;
    }
    if let Some(verb) = operands.first().filter(|_| !program.verbs.is_empty())
        && !program.verbs.contains(&verb.text.as_str())
    {
        return Err(format!(
            "`{} {}` isn't allowed; there are: {}",
            program.name,
            verb.text,
            program.verbs.join(" ")
        ));
    }
    Ok(operands)
}

/// The option of a word and the value that is attached to it; refused ones end here.
fn split<'a>(program: &Program, text: &'a str) -> Result<(&'a str, Option<&'a str>), String> {
    if text.starts_with("--") {
        let (option, value) = match text.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (text, None),
        };
        // GNU programs and Python's parsers take any beginning of a long option for the whole.
        let is_whole = program.takes_long.contains(&option);
        let means = |it: &&(&str, &str)| it.0 == option || (it.0.starts_with(option) && !is_whole);
        let refused = program.refused.iter().find(means);
        return match refused {
            Some((_, why)) => Err(refusal(program, option, why)),
            None => Ok((option, value)),
        };
    }
    // `-abc`: options without a value, until one takes the rest as its value.
    for (offset, letter) in text.char_indices().skip(1) {
        let end = offset + letter.len_utf8();
        let of_letter = |it: &str| it.len() == 1 + letter.len_utf8() && it.ends_with(letter);
        if let Some((option, why)) = program.refused.iter().find(|(it, _)| of_letter(it)) {
            return Err(refusal(program, option, why));
        }
        if program.takes.contains(letter) {
            let value = Some(&text[end..]).filter(|it| !it.is_empty());
            let option = program.text.iter().find(|it| of_letter(it));
            return Ok((option.copied().unwrap_or(TAKES), value));
        }
    }
    // An unknown option may have a path attached.
    let path = text.find("..").or_else(|| text.find('/'));
    Ok((text, path.map(|it| &text[it..])))
}

/// Stands for any short option that takes a value which isn't text.
const TAKES: &str = "-?";

fn takes_a_value(program: &Program, option: &str) -> bool {
    option == TAKES || program.text.contains(&option) || program.takes_long.contains(&option)
}

pub(super) fn refusal(program: &Program, option: &str, why: &str) -> String {
    format!("`{} {option}` isn't allowed: {why}", program.name)
}

/// A pattern can match a file whose name is an option; for programs with refused options that matters.
pub(super) fn judge_pattern(
    program: &Program,
    operand: &Word,
    only_operands: bool,
) -> Result<(), String> {
    let may_be_an_option = operand.is_pattern && operand.text.starts_with(['*', '?', '[']);
    if may_be_an_option && !only_operands && !program.refused.is_empty() {
        return Err(format!(
            "`{0}` may match a file whose name is an option; write `./{0}`",
            operand.text
        ));
    }
    Ok(())
}

/// An operand: a path, or `name=path`.
pub(super) fn judge_operand(text: &str, at: &Directories) -> Result<(), String> {
    at.judge_path(text.split("::").next().unwrap_or(text))?;
    match text.split_once('=') {
        Some((_, value)) => judge_value(value, at),
        None => Ok(()),
    }
}

/// The value of an option: whatever in it looks like a path must stay inside.
pub(super) fn judge_value(text: &str, at: &Directories) -> Result<(), String> {
    let leaves = |it: &&str| it.starts_with(['/', '~']) || it.split('/').any(|it| it == "..");
    text.split(['=', ':', ','])
        .filter(leaves)
        .try_for_each(|it| at.judge_path(it))
}
