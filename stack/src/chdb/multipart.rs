//! `multipart/form-data`, which ClickHouse clients use for queries with parameters.

/// The boundary a content type names, when it is of this kind.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let parameters = content_type.strip_prefix("multipart/form-data")?;
    let (_, value) = parameters.split_once("boundary=")?;
    let value = value.split(';').next()?.trim();
    Some(value.trim_matches('"')).filter(|value| !value.is_empty())
}

/// The fields with their values, in order, or `None` when the body is malformed.
pub(super) fn fields(body: &[u8], boundary: &str) -> Option<Vec<(String, String)>> {
    let body = std::str::from_utf8(body).ok()?;
    let first = format!("--{boundary}");
    let next = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(&*first)?;
    let mut fields = Vec::new();
    loop {
        if rest.starts_with("--") {
            return Some(fields);
        }
        let (head, after) = rest.strip_prefix("\r\n")?.split_once("\r\n\r\n")?;
        let (value, after) = after.split_once(&*next)?;
        let (_, name) = head.split_once("name=\"")?;
        let (name, _) = name.split_once('"')?;
        fields.push((name.to_owned(), value.to_owned()));
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_a_cut_body_is_refused() {
        assert_eq!(boundary("multipart/form-data; boundary=\"x-y\""), Some("x-y"));
        assert_eq!(boundary("text/plain"), None);
        let body = "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT\r\n1\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"param_a\"\r\n\r\n\r\n--b--\r\n";
        let expected = vec![
            ("query".to_owned(), "SELECT\r\n1".to_owned()),
            ("param_a".to_owned(), String::new()),
        ];
        assert_eq!(fields(body.as_bytes(), "b"), Some(expected));
        for length in 0..body.len() - 4 {
            assert_eq!(fields(&body.as_bytes()[..length], "b"), None, "cut at {length}");
        }
    }
}
