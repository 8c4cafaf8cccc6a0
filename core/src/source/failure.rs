//! What a line about a failed request says of the error: one word, never the message.
//!
//! Client 2.1.330 writes `error{message,status,connection{code}}`, with the answer's JSON as text in the message; earlier
//! ones `error{status,error{error{type}}}` or `error{cause{code}}`.

use serde::Deserialize;

use super::lenient::{Count, Loose, Text, Word};

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Failure<'a> {
    #[serde(borrow, rename = "type")]
    kind: Word<'a>,
    status: Count,
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow)]
    error: Loose<Box<Failure<'a>>>,
    #[serde(borrow)]
    connection: Loose<Coded<'a>>,
    #[serde(borrow)]
    cause: Loose<Coded<'a>>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Coded<'a> {
    #[serde(borrow)]
    code: Word<'a>,
}

impl Failure<'_> {
    /// The type, else the status, else the code of the connection.
    pub(super) fn word(&self) -> Option<String> {
        let status = self.status.0.filter(|status| (100..1_000).contains(status));
        let code = || {
            let coded = [&self.connection, &self.cause].into_iter().filter_map(|one| one.0.as_ref());
            coded.map(|one| &*one.code.0).find(|code| !code.is_empty()).map(Into::into)
        };
        self.kind().or_else(|| status.map(|status| status.to_string())).or_else(code)
    }

    /// The innermost type; the outer ones just say that it is an error.
    fn kind(&self) -> Option<String> {
        let own = || match &*self.kind.0 {
            "" | "error" => None,
            kind => Some(kind.into()),
        };
        let in_message = || {
            let json = &self.message.0[self.message.0.find('{')?..];
            Failure::deserialize(&mut serde_json::Deserializer::from_str(json)).ok()?.kind()
        };
        self.error.0.as_ref().and_then(|inner| inner.kind()).or_else(own).or_else(in_message)
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn an_error_is_named_by_its_type_its_status_or_its_connection() {
        for (error, word) in [
            (
                r#"{"message":"529 {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"},\"request_id\":\"r\"}","status":529,"connection":null}"#,
                "overloaded_error",
            ),
            (
                r#"{"status":529,"error":{"type":"error","error":{"type":"overloaded_error"}}}"#,
                "overloaded_error",
            ),
            (
                r#"{"status":503,"error":{"code":"x","message":"see {\"a\"","type":"ai_model_error"}}"#,
                "ai_model_error",
            ),
            (r#"{"status":503,"message":"come {back} later","type":"error"}"#, "503"),
            (
                r#"{"message":"Connection error.","connection":{"code":"ECONNRESET","message":"closed"}}"#,
                "ECONNRESET",
            ),
            (r#"{"cause":{"code":"FailedToOpenSocket","path":"https://api"}}"#, "FailedToOpenSocket"),
            (r#"{"status":-5,"type":"words that say something","connection":{"code":"and more"}}"#, ""),
            (r#"{"status":"529","error":[],"cause":null}"#, "529"),
        ] {
            let failure: Failure = serde_json::from_str(error).unwrap();
            assert_eq!(failure.word().unwrap_or_default(), word, "{error}");
        }
    }
}
