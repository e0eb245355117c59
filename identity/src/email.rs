//! E-mails and names: what is taken for one, and under which key wrong passwords are counted.

use sha2::{Digest as _, Sha256};

use crate::IdentityError;

const LONGEST_EMAIL: usize = 254;
const LONGEST_NAME: usize = 200;

/// The e-mail without space around it, if it has the shape of one. Whether it exists shows when a mail arrives.
pub(crate) fn check(email: &str) -> Result<&str, IdentityError> {
    let email = email.trim();
    let shaped = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    // What has a meaning of its own in the head of a mail is in nobody's address.
    let odd = |c: char| c.is_whitespace() || is_unseen(c) || "<>()[],;:\"\\".contains(c);
    let odd = email.chars().any(odd);
    if shaped && !odd && email.len() <= LONGEST_EMAIL {
        Ok(email)
    } else {
        Err(IdentityError::BadEmail)
    }
}

/// The name without space around it, if it is one.
pub(crate) fn check_name(name: &str) -> Result<&str, IdentityError> {
    let name = name.trim();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count());
    if fits && !name.chars().any(is_unseen) { Ok(name) } else { Err(IdentityError::BadName) }
}

/// Whether a character is not seen and makes what is around it look like something else.
pub(crate) fn is_unseen(c: char) -> bool {
    let separates = matches!(c, '\u{2028}' | '\u{2029}');
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || separates || turns
}

/// Whether both are the same mailbox to us.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// What stands for an e-mail, or for whatever else somebody typed into its field.
pub(crate) fn key(email: &str) -> [u8; 32] {
    Sha256::digest(email.trim().to_lowercase()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_has_something_on_both_sides() {
        for good in ["a@b", " a@b ", "ada.lovelace+ff@example.com", "ü@exämple.org"] {
            assert_eq!(check(good).unwrap(), good.trim());
        }
        let long = format!("{}@b", "x".repeat(253));
        let shapes = ["", "a", "@b", "a@", "a@b@c", "a b@c", &long];
        let odd = ["a@b\0", "a@b\nBcc: c@d", "<a@b>", "A <a@b>", "a@b,c", "\u{202e}a@b"];
        for bad in shapes.into_iter().chain(odd) {
            assert!(matches!(check(bad), Err(IdentityError::BadEmail)), "{bad:?}");
        }
        assert!(check(&long[1..]).is_ok());
    }

    #[test]
    fn a_name_is_one_line_of_text() {
        for good in ["A", "  Ada Lovelace ", "李", &"x".repeat(200)] {
            assert_eq!(check_name(good).unwrap(), good.trim());
        }
        let turned = "\u{202e}nimda";
        for bad in ["", "  ", "a\0b", "a\nb", "a\u{2028}b", turned, &"x".repeat(201)] {
            assert!(matches!(check_name(bad), Err(IdentityError::BadName)), "{bad:?}");
        }
    }

    #[test]
    fn case_and_space_make_no_other_key() {
        assert_eq!(key(" Ada@Example.com"), key("ada@example.COM "));
        assert_ne!(key("ada@example.com"), key("ada@example.org"));
        assert!(same("Ada@Example.com", "ada@example.com"));
        assert!(!same("ada@example.com", "ada@example.co"));
    }
}
