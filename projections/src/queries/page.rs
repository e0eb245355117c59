//! Lists in pages: how long, from where, and what comes next.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

use crate::QueryError;

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    limit: u16,
    cursor: Option<String>,
}

impl Default for Page {
    /// The beginning, of the usual length.
    fn default() -> Self {
        Self { limit: Self::DEFAULT_LIMIT, cursor: None }
    }
}

impl Page {
    /// How many items there are unless asked otherwise.
    pub const DEFAULT_LIMIT: u16 = 50;
    /// How many items there can be.
    pub const MAX_LIMIT: u16 = 200;

    /// A page of `limit` items after the item where `cursor` was handed out.
    pub fn new(limit: Option<u32>, cursor: Option<String>) -> Result<Self, QueryError> {
        let limit = match limit {
            None => Self::DEFAULT_LIMIT,
            Some(limit) => match u16::try_from(limit) {
                Ok(limit @ 1..=Self::MAX_LIMIT) => limit,
                _ => return Err(QueryError::BadLimit { limit, max: Self::MAX_LIMIT }),
            },
        };
        Ok(Self { limit, cursor })
    }

    /// The page after this one, of the same length.
    #[must_use]
    pub fn after(&self, cursor: impl Into<String>) -> Self {
        Self { limit: self.limit, cursor: Some(cursor.into()) }
    }

    /// One more than fits, to see whether there is more.
    pub(super) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The sort key after which the page begins; `list` is the list that must have made the cursor.
    pub(super) fn begin<K: DeserializeOwned>(&self, list: &str) -> Result<Option<K>, QueryError> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| QueryError::BadCursor)?;
        let (of, key): (String, K) =
            serde_json::from_slice(&bytes).map_err(|_| QueryError::BadCursor)?;
        if of == list { Ok(Some(key)) } else { Err(QueryError::BadCursor) }
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; absent at the end.
    pub next_cursor: Option<String>,
}

impl<T> Slice<T> {
    /// Cuts what was fetched to the page, `key` being what the list is sorted by.
    pub(super) fn cut<K: Serialize>(
        mut items: Vec<T>,
        page: &Page,
        list: &str,
        key: impl Fn(&T) -> K,
    ) -> Self {
        let limit = usize::from(page.limit);
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(|last| {
            let cursor = serde_json::to_vec(&(list, key(last)));
            URL_SAFE_NO_PAD.encode(cursor.expect("keys are texts and numbers"))
        });
        Self { items, next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_checked() {
        assert_eq!(Page::new(None, None).unwrap(), Page::default());
        assert!(Page::new(Some(200), None).is_ok());
        for limit in [0, 201, 70_000] {
            let error = Page::new(Some(limit), None).unwrap_err();
            assert!(matches!(error, QueryError::BadLimit { limit: l, max: 200 } if l == limit));
        }
    }

    #[test]
    fn a_cursor_leads_back_to_its_key_and_to_no_other_list() {
        let page = Page::new(Some(2), None).unwrap();
        let slice = Slice::cut(vec![1, 2, 3], &page, "numbers", |n| *n);
        assert_eq!(slice.items, [1, 2]);
        let next = page.after(slice.next_cursor.unwrap());
        assert_eq!(next.begin::<i32>("numbers").unwrap(), Some(2));
        assert!(matches!(next.begin::<i32>("others"), Err(QueryError::BadCursor)));
        assert!(matches!(next.begin::<String>("numbers"), Err(QueryError::BadCursor)));
        assert_eq!(Slice::cut(vec![1, 2], &page, "numbers", |n| *n).next_cursor, None);
    }

    #[test]
    fn nonsense_is_no_cursor() {
        for cursor in ["", "%", "AAAA", "bnVsbA"] {
            let page = Page::new(None, Some(cursor.to_owned())).unwrap();
            assert!(matches!(page.begin::<i32>("numbers"), Err(QueryError::BadCursor)), "{cursor}");
        }
    }
}
