//! Cutting a file of SQL into statements, because ClickHouse takes one a request.

/// The statements of a file, without comments and closing semicolons.
pub(super) fn statements(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut characters = sql.chars().peekable();
    let mut quote = None;
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(_), '\\') => {
                current.push('\\');
                current.extend(characters.next());
                continue;
            }
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '`' | '"') => quote = Some(character),
            (None, '-') if characters.peek() == Some(&'-') => {
                while characters.next_if(|next| *next != '\n').is_some() {}
                continue;
            }
            (None, ';') => {
                found.push(std::mem::take(&mut current));
                continue;
            }
            (None, _) => {}
        }
        current.push(character);
    }
    found.push(current);
    found.iter().map(|each| each.trim().to_owned()).filter(|each| !each.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_semicolon_outside_of_texts_and_comments_ends_a_statement() {
        let sql = "-- first; really\nSELECT ';', 'it\\';', `a;b` -- and; so on\n;\n\nSELECT 1 - 2;\n-- end;";
        assert_eq!(statements(sql), ["SELECT ';', 'it\\';', `a;b`", "SELECT 1 - 2"]);
        assert!(statements(" ;\n-- nothing").is_empty());
    }
}
