//! Texts that people write: names, descriptions and tags, with their limits.

use std::collections::BTreeSet;

use crate::Problem;

/// Most characters of a name.
pub const NAME_MAX: usize = 256;
/// Most characters of a description.
pub const DESCRIPTION_MAX: usize = 4096;
/// Most tags of one thing.
pub const TAGS_MAX: usize = 50;
/// Most characters of a tag.
pub const TAG_MAX: usize = 64;

/// A name is one line, not blank, and has at most [`NAME_MAX`] characters.
pub fn check_name(pointer: &str, name: &str, problems: &mut Vec<Problem>) {
    if name.trim().is_empty() {
        problems.push(Problem::at(pointer, "a name is not blank"));
    }
    if name.chars().any(is_unseen) {
        let text = "a name has no line breaks, control characters or marks that turn the direction of text";
        problems.push(Problem::at(pointer, text));
    }
    check_length(pointer, name, NAME_MAX, problems);
}

/// A description has at most [`DESCRIPTION_MAX`] characters.
pub fn check_description(pointer: &str, description: &str, problems: &mut Vec<Problem>) {
    check_length(pointer, description, DESCRIPTION_MAX, problems);
}

/// Tags are not blank, and neither too long nor too many.
pub fn check_tags(pointer: &str, tags: &BTreeSet<String>, problems: &mut Vec<Problem>) {
    if tags.len() > TAGS_MAX {
        problems.push(Problem::at(
            pointer,
            format!("at most {TAGS_MAX} tags, these are {}", tags.len()),
        ));
    }
    for (index, tag) in tags.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        if tag.trim().is_empty() || tag.trim() != tag {
            problems.push(Problem::at(&pointer, "a tag is not blank and has no space around it"));
        }
        check_length(&pointer, tag, TAG_MAX, problems);
    }
}

/// Whether a character is not seen and makes what is around it look like something else, in a list or a log.
fn is_unseen(c: char) -> bool {
    let separates = matches!(c, '\u{2028}' | '\u{2029}');
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // NUL is refused in every text.
    (c.is_control() && c != '\0') || separates || turns
}

fn check_length(pointer: &str, text: &str, most: usize, problems: &mut Vec<Problem>) {
    let length = text.chars().count();
    if length > most {
        problems
            .push(Problem::at(pointer, format!("at most {most} characters, these are {length}")));
    }
    if text.contains('\0') {
        problems.push(Problem::at(pointer, "text has no NUL character"));
    }
}
