//! Invisible characters in the texts that the owner types or pastes.

use crate::error::ConfigError;

/// Whether all of it is white space and invisible characters. Control characters do not count: a key
/// of arbitrary bytes may have only those.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars()
        .all(|c| leaves_no_mark(c) && (c.is_whitespace() || !c.is_control()))
}

/// White space, a control character or an invisible character. A reader does not see that it was copied.
pub(crate) fn leaves_no_mark(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || never_typed(character)
        || matches!(character,
            // Joiners, direction marks, embeddings and isolates.
            '\u{061c}' | '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2061}'..='\u{2064}' | '\u{2066}'..='\u{206f}'
            // Fillers, and signs for text that is not shown.
            | '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}')
}

/// Characters that web pages and editors insert to break lines or to mark a file's encoding.
/// Unlike joiners, they are not part of the words of any language.
pub(crate) fn never_typed(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}' | '\u{feff}'
    )
}

pub(crate) fn describe(character: char) -> String {
    let kind = match character {
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => "a line break",
        '\u{a0}' => "a no-break space",
        '\u{feff}' => "a byte order mark",
        _ if character.is_whitespace() => "white space",
        _ if character.is_control() => "a control character",
        _ => "an invisible character",
    };
    format!("{kind} (U+{:04X})", u32::from(character))
}

/// Checks a name that the owner chooses, such as the name of a key.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), ConfigError> {
    if name.is_empty() {
        return Err(ConfigError::new(format!("{what} is empty: choose a text")));
    }
    match unseen(name) {
        Some(unseen) => Err(ConfigError::new(format!(
            "{what} {name:?} {unseen}: remove it"
        ))),
        None => Ok(()),
    }
}

/// Describes the white space or invisible character with which a text begins or ends, or a control
/// character inside. `None` if it has none.
pub(crate) fn unseen(text: &str) -> Option<String> {
    let place = |verb: &str, character| Some(format!("{verb} with {}", describe(character)));
    if let Some(first) = text.chars().next().filter(|c| leaves_no_mark(*c)) {
        return place("begins", first);
    }
    if let Some(last) = text.chars().next_back().filter(|c| leaves_no_mark(*c)) {
        return place("ends", last);
    }
    let inside = text.chars().find(|c| c.is_control() || never_typed(*c))?;
    Some(format!("contains {}", describe(inside)))
}
