//! Numbers as people write them.

/// A number of tokens: `2000000`, `2_000_000`, `500k` or `2M`.
pub(super) fn tokens(text: &str) -> Result<u64, String> {
    let plain = text.trim().replace('_', "");
    let (digits, unit): (&str, u64) = match plain.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&plain[..at], 1_000),
        Some((at, 'm' | 'M')) => (&plain[..at], 1_000_000),
        _ => (&plain, 1),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    let read = || {
        if whole.is_empty() || !is_number(whole) || !is_number(part) || part.len() > 6 {
            return None;
        }
        let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
        let scale = 10_u64.pow(u32::try_from(part.len()).ok()?);
        let part = match part {
            "" => 0,
            digits => digits.parse::<u64>().ok()?.checked_mul(unit)?,
        };
        // Half a token can't be counted.
        let rest = (part % scale == 0).then_some(part / scale)?;
        whole.checked_add(rest)
    };
    let has_end = !digits.ends_with('.');
    read()
        .filter(|_| has_end)
        .ok_or_else(|| "write a number of tokens, as in 2000000, 500k or 2M".to_owned())
}

/// A whole number between two others.
pub(super) fn whole<T: TryFrom<u64>, const MIN: u64, const MAX: u64>(
    text: &str,
) -> Result<T, String> {
    let number = text.parse::<u64>().ok();
    let number = number.filter(|it| (MIN..=MAX).contains(it));
    number
        .and_then(|it| T::try_from(it).ok())
        .ok_or_else(|| format!("write a whole number from {MIN} to {MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_written_with_a_unit_or_without() {
        let check = |text: &str, want: Option<u64>| assert_eq!(tokens(text).ok(), want, "{text}");
        check("0", Some(0));
        check("30000", Some(30_000));
        check("2_000_000", Some(2_000_000));
        check("500k", Some(500_000));
        check("2M", Some(2_000_000));
        check("1.5m", Some(1_500_000));
        check("0.000001M", Some(1));
        check("18446744073709551615", Some(u64::MAX));
        for wrong in [
            "",
            "k",
            "M",
            ".5M",
            "1.",
            "1.M",
            "-1",
            "1.5",
            "2G",
            "2 M",
            "1e6",
            "1.2.3M",
            "ten",
            "18446744073709551616",
            "18446744073709551615k",
            "1.0000001M",
            "+3",
        ] {
            check(wrong, None);
        }
    }
}
