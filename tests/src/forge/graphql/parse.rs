//! Enough of GraphQL's grammar for what clients of GitHub send: operations, fields, aliases, arguments,
//! variables with defaults, nested selections, inline fragments.

use serde_json::{Map, Value};

/// A field that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    /// The name in the answer.
    pub(super) alias: String,
    pub(super) name: String,
    /// The arguments, variables put in.
    pub(super) arguments: Value,
    pub(super) fields: Vec<Field>,
}

/// An operation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operation {
    pub(super) mutation: bool,
    pub(super) fields: Vec<Field>,
}

/// Reads a document with one operation. Errors: what was expected where.
pub(super) fn parse(document: &str, variables: &Value) -> Result<Operation, String> {
    let tokens = tokens(document)?;
    let mut parser = Parser { tokens, at: 0, variables: variables.clone() };
    let operation = parser.operation()?;
    match parser.peek() {
        None => Ok(operation),
        Some(token) => Err(format!("Parse error on {token:?}")),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Mark(char),
    Name(String),
    Value(Value),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    while let Some(first) = rest.chars().next() {
        let (token, len) = match first {
            '#' => {
                rest = rest.find('\n').map_or("", |at| rest[at..].trim_start());
                continue;
            }
            '"' => string(rest)?,
            '.' if rest.starts_with("...") => (Token::Mark('.'), 3),
            '{' | '}' | '(' | ')' | ':' | '$' | '!' | '[' | ']' | '=' | '@' | '|' => (Token::Mark(first), 1),
            '-' | '0'..='9' => word(rest, |w| w.parse().map(Token::Value).map_err(|e| format!("{e}")))?,
            c if c.is_alphabetic() || c == '_' => word(rest, |w| Ok(Token::Name(w.to_owned())))?,
            c => return Err(format!("Parse error on {c:?}")),
        };
        tokens.push(token);
        rest = rest[len..].trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
    Ok(tokens)
}

fn word(text: &str, read: impl Fn(&str) -> Result<Token, String>) -> Result<(Token, usize), String> {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
    let len = text.find(|c| !inside(c)).unwrap_or(text.len());
    Ok((read(&text[..len])?, len))
}

/// A quoted string; its escapes are JSON's. A block string is taken as it stands.
fn string(text: &str) -> Result<(Token, usize), String> {
    if let Some(block) = text.strip_prefix("\"\"\"") {
        let end = block.find("\"\"\"").ok_or("Parse error: unterminated string")?;
        return Ok((Token::Value(block[..end].trim().into()), end + 6));
    }
    let mut escaped = false;
    let end = text[1..].find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    let len = end.ok_or("Parse error: unterminated string")? + 2;
    let value = serde_json::from_str(&text[..len]).map_err(|e| format!("Parse error: {e}"))?;
    Ok((Token::Value(value), len))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    variables: Value,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned().ok_or_else(|| "Unexpected end of document".to_owned())
    }

    fn takes(&mut self, mark: char) -> bool {
        let there = self.peek() == Some(&Token::Mark(mark));
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, mark: char) -> Result<(), String> {
        if self.takes(mark) { Ok(()) } else { Err(format!("Expected {mark:?}, actual: {:?}", self.peek())) }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.next()? {
            Token::Name(name) => Ok(name),
            other => Err(format!("Expected a name, actual: {other:?}")),
        }
    }

    fn operation(&mut self) -> Result<Operation, String> {
        let mut mutation = false;
        if matches!(self.peek(), Some(Token::Name(_))) {
            mutation = self.name()? == "mutation";
            if matches!(self.peek(), Some(Token::Name(_))) {
                self.name()?;
            }
            if self.takes('(') {
                self.declarations()?;
            }
        }
        Ok(Operation { mutation, fields: self.selection()? })
    }

    /// `$name: [Type!]! = default`; a variable that was not given takes its default.
    fn declarations(&mut self) -> Result<(), String> {
        while !self.takes(')') {
            self.expect('$')?;
            let name = self.name()?;
            self.expect(':')?;
            while matches!(self.peek(), Some(Token::Mark('[' | ']' | '!') | Token::Name(_))) {
                self.at += 1;
            }
            if self.takes('=') {
                let default = self.value()?;
                if self.variables.get(&name).is_none() {
                    self.variables[name] = default;
                }
            }
        }
        Ok(())
    }

    fn selection(&mut self) -> Result<Vec<Field>, String> {
        self.expect('{')?;
        let mut fields = Vec::new();
        while !self.takes('}') {
            if self.takes('.') {
                // `... on Type { … }`: its fields are simply asked for.
                while matches!(self.peek(), Some(Token::Name(_))) {
                    self.at += 1;
                }
                fields.extend(self.selection()?);
                continue;
            }
            fields.push(self.field()?);
        }
        Ok(fields)
    }

    fn field(&mut self) -> Result<Field, String> {
        let alias = self.name()?;
        let name = if self.takes(':') { self.name()? } else { alias.clone() };
        let arguments = if self.takes('(') { self.members(')')? } else { Value::Object(Map::new()) };
        let nested = self.peek() == Some(&Token::Mark('{'));
        let fields = if nested { self.selection()? } else { Vec::new() };
        Ok(Field { alias, name, arguments, fields })
    }

    fn members(&mut self, end: char) -> Result<Value, String> {
        let mut members = Map::new();
        while !self.takes(end) {
            let name = self.name()?;
            self.expect(':')?;
            members.insert(name, self.value()?);
        }
        Ok(Value::Object(members))
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.next()? {
            Token::Value(value) => Ok(value),
            Token::Name(name) => Ok(match name.as_str() {
                "true" => true.into(),
                "false" => false.into(),
                "null" => Value::Null,
                _ => name.into(),
            }),
            Token::Mark('$') => {
                let name = self.name()?;
                Ok(self.variables.get(&name).cloned().unwrap_or(Value::Null))
            }
            Token::Mark('{') => self.members('}'),
            Token::Mark('[') => {
                let mut items = Vec::new();
                while !self.takes(']') {
                    items.push(self.value()?);
                }
                Ok(items.into())
            }
            other => Err(format!("Expected a value, actual: {other:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mutation_with_variables_aliases_and_literals_is_read() {
        let document = r#"
            # moves refs
            mutation Move($input: UpdateRefsInput!, $n: Int = 3) {
              moved: updateRefs(input: $input) { clientMutationId }
              other(list: [1, {a: "q\"", b: $n}], e: ENUM) { ... on X { y } z }
            }"#;
        let operation = parse(document, &json!({"input": {"x": 1}})).unwrap();
        assert!(operation.mutation);
        let [moved, other] = &operation.fields[..] else { panic!("two fields") };
        assert_eq!((moved.alias.as_str(), moved.name.as_str()), ("moved", "updateRefs"));
        assert_eq!(moved.arguments, json!({"input": {"x": 1}}));
        assert_eq!(other.arguments, json!({"list": [1, {"a": "q\"", "b": 3}], "e": "ENUM"}));
        assert_eq!(other.fields.len(), 2);
    }

    #[test]
    fn a_plain_selection_is_a_query_and_nonsense_is_refused() {
        assert!(!parse("{ viewer { login } }", &Value::Null).unwrap().mutation);
        for bad in ["", "{", "{ a(", "query { a }}", "{ a(b: \"c) }"] {
            assert!(parse(bad, &Value::Null).is_err(), "{bad:?}");
        }
    }
}
