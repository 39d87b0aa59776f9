//! Notes.

use std::collections::HashMap;
use std::fs;

/// What a note is.
#[derive(Debug, Clone)]
pub enum Kind {
    Note,
    Task(u8),
    /// Somewhere else.
    Link { to: String },
    #[serde(skip)]
    Poll,
}

pub struct Store {
    notes: HashMap<String, Kind>,
    open: bool,
    pub file: String,
}

impl Store {
    pub fn add(&mut self, name: &str, kind: Kind) {
        self.notes.insert(name.to_string(), kind);
    }
}

pub fn label(kind: &Kind) -> &'static str {
    match kind {
        Kind::Note => "note",
        Kind::Link { .. } => "link",
        Kind::Poll => {
            "poll"
        }
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes() {
        assert_eq!(label(&Kind::Note), "note");
    }
}
