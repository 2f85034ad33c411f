//! Poetry's dependencies as requirements that every installer reads.

use toml::Value;

/// One dependency as requirements; nothing for what isn't in a package index.
///
/// The forms are those of <https://python-poetry.org/docs/dependency-specification/>.
pub(super) fn requirements(name: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Array(alternatives) => alternatives
            .iter()
            .filter_map(|it| requirement(name, it))
            .collect(),
        one => requirement(name, one).into_iter().collect(),
    }
}

fn requirement(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(version) => Some(format!("{name}{}", specifier(version))),
        Value::Table(table) => {
            let text = |key: &str| table.get(key).and_then(Value::as_str);
            if ["git", "path", "url"]
                .iter()
                .any(|it| table.contains_key(*it))
            {
                return None;
            }
            let extras: Vec<&str> = table
                .get("extras")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let extras = match extras.is_empty() {
                true => String::new(),
                false => format!("[{}]", extras.join(",")),
            };
            let mut line = format!(
                "{name}{extras}{}",
                specifier(text("version").unwrap_or("*"))
            );
            let mut markers: Vec<String> = text("markers").map(str::to_owned).into_iter().collect();
            if let Some(python) = text("python") {
                markers.extend(python_markers(python));
            }
            if !markers.is_empty() {
                line += &format!(" ; {}", markers.join(" and "));
            }
            Some(line)
        }
        _ => None,
    }
}

/// `^1.2.3` and its kin in the words of PEP 440.
fn specifier(version: &str) -> String {
    // Alternatives have no words there; the first is as good as any.
    let first = version.split("||").next().unwrap_or(version);
    let conditions: Vec<String> = first
        .split(',')
        .map(str::trim)
        .filter(|it| !it.is_empty() && *it != "*")
        .map(condition)
        .collect();
    conditions.join(",")
}

fn condition(text: &str) -> String {
    if let Some(version) = text.strip_prefix('^') {
        return bounded(version, caret_bound(&numbers(version)));
    }
    if let Some(version) = text.strip_prefix('~').filter(|it| !it.starts_with('=')) {
        let numbers = numbers(version);
        return bounded(version, raised(&numbers, usize::from(1 < numbers.len())));
    }
    if text.starts_with(|it: char| it.is_ascii_digit()) {
        return format!("=={text}");
    }
    text.replace(' ', "")
}

fn bounded(version: &str, bound: String) -> String {
    format!(">={},<{bound}", version.trim())
}

fn numbers(version: &str) -> Vec<u64> {
    let pieces = version.trim().split('.');
    pieces.map_while(|it| it.parse().ok()).collect()
}

/// The left-most part that isn't zero may not change.
fn caret_bound(numbers: &[u64]) -> String {
    let first = numbers.iter().position(|it| *it != 0);
    raised(numbers, first.unwrap_or(numbers.len().saturating_sub(1)))
}

/// The version with the part at `place` one higher and nothing after it.
fn raised(numbers: &[u64], place: usize) -> String {
    let mut kept: Vec<u64> = numbers.iter().take(place + 1).copied().collect();
    match kept.last_mut() {
        Some(last) => *last += 1,
        None => kept.push(1),
    }
    let words: Vec<String> = kept.iter().map(u64::to_string).collect();
    words.join(".")
}

fn python_markers(python: &str) -> Vec<String> {
    specifier(python)
        .split(',')
        .filter_map(|it| {
            let at = it.find(|it: char| it.is_ascii_digit())?;
            let (operator, version) = it.split_at(at);
            (!version.contains('*')).then(|| format!("python_version {operator} '{version}'"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: &[&str]) {
        let table: toml::Table = format!("x = {value}").parse().expect("TOML");
        assert_eq!(requirements("x", &table["x"]), expected, "{value}");
    }

    #[test]
    fn every_form_of_a_version_has_words_of_pep_440() {
        check("'*'", &["x"]);
        check("'^1.2.3'", &["x>=1.2.3,<2"]);
        check("'^0.2.3'", &["x>=0.2.3,<0.3"]);
        check("'^0.0.3'", &["x>=0.0.3,<0.0.4"]);
        check("'^0.0'", &["x>=0.0,<0.1"]);
        check("'~1.2.3'", &["x>=1.2.3,<1.3"]);
        check("'~1'", &["x>=1,<2"]);
        check("'1.2.*'", &["x==1.2.*"]);
        check("'1.2.3'", &["x==1.2.3"]);
        check("'>=1.2, <2.0'", &["x>=1.2,<2.0"]);
        check("'~=1.2'", &["x~=1.2"]);
        check(
            "{version='^1', extras=['a','b'], optional=true}",
            &["x[a,b]>=1,<2"],
        );
        check(
            "{version='^1', python='<3.11'}",
            &["x>=1,<2 ; python_version < '3.11'"],
        );
        check(
            "{version='*', markers=\"sys_platform == 'win32'\"}",
            &["x ; sys_platform == 'win32'"],
        );
        check("{git='https://h.example/x'}", &[]);
        check("{path='../x'}", &[]);
        check(
            "[{version='^1', python='<3.8'}, {version='^2'}]",
            &["x>=1,<2 ; python_version < '3.8'", "x>=2,<3"],
        );
    }
}
