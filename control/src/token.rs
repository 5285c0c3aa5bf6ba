use std::fmt;

use subtle::ConstantTimeEq;
use tower_adaptive::InvalidOption;

/// A token for writing, padded: whatever somebody else's is, comparing takes as long.
///
/// What leaks is whether the other one is longer than [`LONGEST`], which is no secret. How long the
/// right one is does not, nor how far the other one agrees with it.
#[derive(Clone)]
pub(crate) struct Token {
    padded: [u8; LONGEST],
    length: u64,
}

impl Token {
    pub(crate) fn new(token: &str) -> Result<Self, InvalidOption> {
        let refuse = |got: String| {
            let range = format!("{SHORTEST} to {LONGEST} visible ASCII characters");
            // What it is, nobody may read in a log.
            Err(InvalidOption::new("write_token", range, got))
        };
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse("others".to_owned());
        }
        if !(SHORTEST..=LONGEST).contains(&token.len()) {
            return refuse(token.len().to_string());
        }
        Ok(Self::pad(token.as_bytes()))
    }

    /// Returns whether it is the same.
    pub(crate) fn is(&self, other: &[u8]) -> bool {
        if other.len() > LONGEST {
            return false;
        }
        let other = Self::pad(other);
        (self.padded.ct_eq(&other.padded) & self.length.ct_eq(&other.length)).into()
    }

    fn pad(token: &[u8]) -> Self {
        let mut padded = [0; LONGEST];
        padded[..token.len()].copy_from_slice(token);
        Self {
            padded,
            length: token.len() as u64,
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Guessed at random, a million times a second, it takes longer than anybody has.
pub(crate) const SHORTEST: usize = 16;
pub(crate) const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_is_the_token() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        let longest = [b'a'; LONGEST + 1];
        for other in [
            &b""[..],
            b"0123456789abcde",
            b"0123456789abcdeg",
            b"0123456789abcdef\0",
            b"0123456789abcdef0",
            &longest,
        ] {
            assert!(!token.is(other));
        }
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        for (token, said) in [
            ("", "got 0"),
            ("secret", "got 6"),
            ("secret with some spaces", "got others"),
            ("geheim-süß-und-lang-genug", "got others"),
        ] {
            let error = Token::new(token).unwrap_err();
            assert_eq!(error.option(), "write_token");
            let message = error.to_string();
            assert!(message.ends_with(said), "{message}");
            assert!(token.is_empty() || !message.contains(token), "{message}");
        }
        assert!(Token::new(&"a".repeat(LONGEST + 1)).is_err());
        assert!(Token::new(&"a".repeat(LONGEST)).is_ok());
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(!format!("{token:?}").contains("0123"));
    }
}
