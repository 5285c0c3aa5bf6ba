/// Breaks a text into lines that are about as wide as that.
pub(super) fn wrapped(text: &str, width: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(line, size) + text_width(word, size) + size / 4.0 < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// About how wide a text is: fonts differ.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.53
}

/// A number with a separator of thousands.
pub(super) fn plain(value: f64) -> String {
    if value.fract() != 0.0 {
        return format!("{}", (value * 100.0).round() / 100.0);
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in the unit that suits it.
pub(super) fn duration(secs: f64) -> String {
    match secs {
        0.0 => "0".to_owned(),
        _ if secs < 1e-3 => format!("{} µs", plain((secs * 1e6).round())),
        _ if secs < 1.0 => format!("{} ms", (secs * 1e4).round() / 10.0),
        _ => format!("{} s", (secs * 100.0).round() / 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_short() {
        assert_eq!(
            [0.0, 0.25, 999.0, 1000.0, 1234567.0].map(plain),
            ["0", "0.25", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [0.0, 0.0002, 0.0125, 0.2, 1.5].map(duration),
            ["0", "200 µs", "12.5 ms", "200 ms", "1.5 s"]
        );
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("one two three", 60.0, 12.0), ["one two", "three"]);
        assert_eq!(wrapped("", 60.0, 12.0), [""; 0]);
    }
}
