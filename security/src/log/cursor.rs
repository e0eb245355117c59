//! Where a list goes on.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use uuid::Uuid;

use super::LogError;
use crate::Entry;

const LENGTH: usize = 24;

/// The place of a record in the order of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) at: Timestamp,
    pub(super) id: Uuid,
}

impl Cursor {
    pub(super) fn at(entry: &Entry) -> Self {
        Self { at: entry.at, id: entry.id }
    }

    pub(super) fn write(self) -> String {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&self.at.as_microsecond().to_be_bytes());
        bytes[8..].copy_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(super) fn read(text: &str) -> Result<Self, LogError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| LogError::BadCursor)?;
        let bytes: [u8; LENGTH] = bytes.try_into().map_err(|_| LogError::BadCursor)?;
        let (at, id) = bytes.split_at(8);
        let at = i64::from_be_bytes(at.try_into().expect("eight bytes"));
        let at = Timestamp::from_microsecond(at).map_err(|_| LogError::BadCursor)?;
        Ok(Self { at, id: Uuid::from_slice(id).expect("sixteen bytes") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_and_nonsense_does_not() {
        let at = Timestamp::from_microsecond(1_800_000_000_123_456).unwrap();
        let cursor = Cursor { at, id: Uuid::from_u128(7) };
        assert_eq!(Cursor::read(&cursor.write()).unwrap(), cursor);
        let far = URL_SAFE_NO_PAD.encode([0x7f; LENGTH]);
        for text in ["", "%", "AAAA", &far] {
            assert!(matches!(Cursor::read(text), Err(LogError::BadCursor)), "{text}");
        }
    }
}
