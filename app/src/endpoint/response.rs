//! An answer, and how it is put on the wire.

use std::borrow::Cow;
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, VARY};

use super::accepted;

/// Below this, gzip saves no packet.
const WORTH_GZIP: usize = 1_024;

#[derive(Debug, Clone)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Response {
    pub fn new(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status: StatusCode::OK, headers, body: body.into() }
    }

    /// Something for people to read; its last line should end.
    pub fn text(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        let body: Bytes = match text.into() {
            Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
            Cow::Owned(text) => text.into(),
        };
        Self { status, ..Self::new("text/plain; charset=utf-8", body) }
    }

    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The same, gzipped if that is wanted and worth it.
    pub(super) fn encoded(mut self, accept_encoding: &str) -> Self {
        if self.body.len() < WORTH_GZIP || !is_compressible(&self.headers) {
            return self;
        }
        self.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        if accepted::wants_gzip(accept_encoding) {
            let mut encoder = GzEncoder::new(Vec::with_capacity(self.body.len() / 8), Compression::fast());
            // Writing to memory does not fail; if it did, the body would go as it is.
            if let Ok(packed) = encoder.write_all(&self.body).and_then(|()| encoder.finish()) {
                self.body = packed.into();
                self.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        }
        self
    }
}

fn is_compressible(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_text = ["text/", "application/", "image/svg"].iter().any(|start| content_type.starts_with(start));
    is_text && !headers.contains_key(CONTENT_ENCODING)
}
